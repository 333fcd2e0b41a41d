"""The tables of what a version of a document holds, from its pages to the entries that are searched."""

from __future__ import annotations

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REGCONFIG, TSVECTOR

from docmill.db.columns import metadata, parent, tenant, when


def _of_version() -> Column[object]:
    return Column(
        "version_id", Uuid, ForeignKey("document_versions.id", ondelete="CASCADE"), primary_key=True
    )


pages = Table(
    "pages",
    metadata,
    _of_version(),
    Column("number", Integer, primary_key=True),
    tenant(),
    Column("width", Double, nullable=False),  # points, as displayed
    Column("height", Double, nullable=False),
    Column("rotation", SmallInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("ocr_reason", Text),
    Column("missing", JSONB),  # {code, message}: why it could not be read
    Column("confidence", Double),
    Column("language", Text),
    Column("words", JSONB),  # [[text, confidence, x0, y0, x1, y1], …]
    Index("ix_pages_missing", "version_id", postgresql_where=text("missing IS NOT NULL")),
)

page_corrections = Table(
    "page_corrections",
    metadata,
    Column("id", Uuid, primary_key=True),
    tenant(),
    parent("document_id", "documents.id"),
    parent("version_id", "document_versions.id"),  # that holds it first
    Column("page", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("previous_text", Text, nullable=False),
    when("created_at", now=True),
    Index("ix_page_corrections_document_id", "document_id", "page", "created_at"),
    Index("ix_page_corrections_version_id", "version_id"),
)

attachments = Table(
    "attachments",
    metadata,
    _of_version(),
    Column("ordinal", Integer, primary_key=True),
    tenant(),
    Column("name", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("document_id", Uuid),  # the child; none where it was not taken in
    Column("error", JSONB),
    Index("ix_attachments_document_id", "document_id"),
)

blocks = Table(
    "blocks",
    metadata,
    _of_version(),
    Column("ordinal", Integer, primary_key=True),
    tenant(),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("lead", Text, nullable=False),
    Column("char_start", BigInteger, nullable=False),
    Column("char_end", BigInteger, nullable=False),
    Column("page", Integer),
    Column("level", SmallInteger),
    Column("boxes", JSONB),
    Column("cells", JSONB),
    Column("hidden", Boolean, nullable=False, server_default=text("false")),
    Column("links", JSONB),  # [[start, end, target], …] in the block's text
    Column("picture", Text),  # the picture inside the file that an image shows
    Column("confidence", REAL),  # of the words recognised in an image, 0-1
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", Uuid, primary_key=True),
    tenant(),
    parent("version_id", "document_versions.id"),
    Column("document_id", Uuid, nullable=False),
    Column("dataset_id", Uuid, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("char_start", BigInteger, nullable=False),
    Column("char_end", BigInteger, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("pages", ARRAY(Integer), nullable=False),
    Column("boxes", JSONB),
    Column("section_path", ARRAY(Text), nullable=False),
    Column("language", Text),
    Column("language_confidence", Double),
    Column("hidden", Boolean, nullable=False, server_default=text("false")),
    Column("search_config", REGCONFIG, nullable=False),
    Column(
        "lexemes", TSVECTOR, Computed("docmill_lexemes(search_config, section_path, text)", persisted=True)
    ),
    UniqueConstraint("version_id", "ordinal"),
    Index("ix_chunks_lexemes", "lexemes", postgresql_using="gin"),
    Index("ix_chunks_dataset_id", "dataset_id"),
    Index("ix_chunks_search_config", "tenant_id", "search_config"),
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("chunk_id", Uuid, ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
    Column("model", Text, primary_key=True),
    tenant(),
    parent("version_id", "document_versions.id"),
    Column("precision", Text, nullable=False),
    Column("vector", VECTOR, nullable=False),
    Index("ix_embeddings_version_id", "version_id"),
)

vector_entries = Table(
    "vector_entries",
    metadata,
    Column("chunk_id", Uuid, primary_key=True),
    Column("model", Text, primary_key=True),
    tenant(),
    Column("dataset_id", Uuid, nullable=False),
    Column("document_id", Uuid, nullable=False),
    Column("version_id", Uuid, nullable=False),
    Column("language", Text),
    Column("embedding", VECTOR, nullable=False),
    Index("ix_vector_entries_version_id", "version_id"),
    Index("ix_vector_entries_document_id", "document_id"),
    Index("ix_vector_entries_dataset_id", "tenant_id", "dataset_id"),
)
