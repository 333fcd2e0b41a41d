"""Which picture of a packed file an image shows, and how sure the words in an image are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    picture: sa.Column[object] = sa.Column("picture", sa.Text())
    confidence: sa.Column[object] = sa.Column("confidence", sa.REAL())
    op.add_column("blocks", picture)
    op.add_column("blocks", confidence)
