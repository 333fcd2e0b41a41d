"""Where the text of a block points to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    links: sa.Column[object] = sa.Column("links", postgresql.JSONB(astext_type=sa.Text()))
    op.add_column("blocks", links)
