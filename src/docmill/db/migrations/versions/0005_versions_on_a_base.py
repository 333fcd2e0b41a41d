"""Versions that read some pages again, and corrections that belong to the version they make."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("document_versions", sa.Column("pages_to_read", sa.ARRAY(sa.Integer())))
    op.add_column("page_corrections", sa.Column("version_id", sa.Uuid(), nullable=False))
    op.create_foreign_key(
        "fk_page_corrections_version_id",
        "page_corrections",
        "document_versions",
        ["version_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.create_index("ix_page_corrections_version_id", "page_corrections", ["version_id"])
