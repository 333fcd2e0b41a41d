"""What a file says of itself can be filtered by, beside what the user says of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    file_metadata: sa.Column[object] = sa.Column(
        "file_metadata", _jsonb(), server_default=sa.text("'{}'"), nullable=False
    )
    op.add_column("documents", file_metadata)
    merged = sa.Computed("file_metadata || metadata", persisted=True)
    op.add_column("documents", sa.Column("all_metadata", _jsonb(), merged))
    op.drop_index("ix_documents_metadata", table_name="documents")
    op.create_index(
        "ix_documents_all_metadata",
        "documents",
        ["all_metadata"],
        postgresql_using="gin",
        postgresql_ops={"all_metadata": "jsonb_path_ops"},
    )


def _jsonb() -> postgresql.JSONB:
    return postgresql.JSONB(astext_type=sa.Text())
