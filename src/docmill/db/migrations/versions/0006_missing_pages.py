"""The pages of a version that could not be read are found without looking at the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index(
        "ix_pages_missing", "pages", ["version_id"], postgresql_where=sa.text("missing IS NOT NULL")
    )
