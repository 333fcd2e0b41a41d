"""Pages, attachments, corrections; what is hidden; how sure a language is; versions that build on another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import SchemaItem

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _create_pages()
    _create_page_corrections()
    _create_attachments()
    _widen_tables()


def _jsonb() -> postgresql.JSONB:
    return postgresql.JSONB(astext_type=sa.Text())


def _of_version() -> tuple[SchemaItem, ...]:
    return (
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["document_versions.id"], ondelete="CASCADE"),
    )


def _create_pages() -> None:
    op.create_table(
        "pages",
        *_of_version(),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("width", sa.Double(), nullable=False),
        sa.Column("height", sa.Double(), nullable=False),
        sa.Column("rotation", sa.SmallInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ocr_reason", sa.Text()),
        sa.Column("missing", _jsonb()),
        sa.Column("confidence", sa.Double()),
        sa.Column("language", sa.Text()),
        sa.Column("words", _jsonb()),
        sa.PrimaryKeyConstraint("version_id", "number"),
    )


def _create_page_corrections() -> None:
    op.create_table(
        "page_corrections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("previous_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_page_corrections_document_id", "page_corrections", ["document_id", "page", "created_at"]
    )


def _create_attachments() -> None:
    op.create_table(
        "attachments",
        *_of_version(),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("document_id", sa.Uuid()),
        sa.Column("error", _jsonb()),
        sa.PrimaryKeyConstraint("version_id", "ordinal"),
    )
    op.create_index("ix_attachments_document_id", "attachments", ["document_id"])


def _widen_tables() -> None:
    for table in ("blocks", "chunks"):
        hidden: sa.Column[object] = sa.Column(
            "hidden", sa.Boolean(), server_default=sa.text("false"), nullable=False
        )
        op.add_column(table, hidden)
    op.add_column("chunks", sa.Column("language_confidence", sa.Double()))
    op.add_column("document_versions", sa.Column("outline", _jsonb()))
    op.add_column("document_versions", sa.Column("language_confidence", sa.Double()))
    op.add_column("document_versions", sa.Column("chunk_kinds", _jsonb()))
    op.add_column("document_versions", sa.Column("base_version_id", sa.Uuid()))
