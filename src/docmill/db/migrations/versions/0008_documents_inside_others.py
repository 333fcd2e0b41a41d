"""How many files a document lies in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    depth = sa.Column("depth", sa.SmallInteger(), server_default=sa.text("0"), nullable=False)
    op.add_column("documents", depth)
