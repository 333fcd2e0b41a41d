"""Documents are found by the words of their name, their metadata and their outline."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

_ABOUT = """to_tsvector('simple', regexp_replace(name, '[^[:alnum:]]+', ' ', 'g') || ' ' || outline)
|| jsonb_to_tsvector('simple', file_metadata || metadata, '["string"]')"""


def upgrade() -> None:
    op.add_column("documents", sa.Column("outline", sa.Text(), server_default="", nullable=False))
    op.execute(
        """UPDATE documents d SET outline = left((
  SELECT string_agg(entry ->> 1, E'\\n') FROM jsonb_array_elements(v.outline) entry), 100000)
FROM document_versions v WHERE v.id = d.active_version_id AND jsonb_typeof(v.outline) = 'array'
  AND v.outline <> '[]'"""
    )
    about: sa.Column[object] = sa.Column("about", postgresql.TSVECTOR(), sa.Computed(_ABOUT, persisted=True))
    op.add_column("documents", about)
    op.create_index("ix_documents_about", "documents", ["about"], postgresql_using="gin")
