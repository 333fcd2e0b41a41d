"""The tables. PostgreSQL is the one source of truth; names are the contract, columns grow by migration."""

from __future__ import annotations

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REGCONFIG, TSVECTOR

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _when(name: str, *, now: bool = False) -> Column[object]:
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), server_default=default, nullable=not now)


def _tenant() -> Column[str]:
    return Column("tenant_id", Text, nullable=False)


def _parent(name: str, target: str) -> Column[object]:
    return Column(name, Uuid, ForeignKey(target, ondelete="CASCADE"), nullable=False)


tenants = Table(
    "tenants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    _when("created_at", now=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("key_sha256", Text, nullable=False, unique=True),
    _when("created_at", now=True),
    _when("revoked_at"),
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    Column("name", Text, nullable=False),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'")),
    Column("priority", SmallInteger, nullable=False, server_default=text("5")),
    _when("created_at", now=True),
    UniqueConstraint("tenant_id", "name"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    _parent("dataset_id", "datasets.id"),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    Column("storage_key", Text, nullable=False),
    Column("active_version_id", Uuid),
    _when("created_at", now=True),
    Index("ix_documents_list", "tenant_id", "dataset_id", "created_at", "id"),
    Index("ix_documents_newest", "tenant_id", "created_at", "id"),
    Index("ix_documents_active_version_id", "active_version_id"),
    Index("ix_documents_storage_key", "storage_key"),
    Index(
        "ix_documents_metadata",
        "metadata",
        postgresql_using="gin",
        postgresql_ops={"metadata": "jsonb_path_ops"},
    ),
)

document_versions = Table(
    "document_versions",
    metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    _parent("document_id", "documents.id"),
    Column("number", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("settings", JSONB, nullable=False),
    Column("reader", Text),
    Column("title", Text),
    Column("language", Text),
    Column("pages", Integer),
    Column("characters", BigInteger),
    Column("total_chunks", Integer),
    Column("truncated_tokens", Integer, nullable=False, server_default=text("0")),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    Column("notices", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    _when("created_at", now=True),
    _when("published_at"),
    UniqueConstraint("document_id", "number"),
)

document_tasks = Table(
    "document_tasks",
    metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    _parent("dataset_id", "datasets.id"),
    _parent("document_id", "documents.id"),
    _parent("version_id", "document_versions.id"),
    Column("status", Text, nullable=False),
    Column("desired", Text, nullable=False, server_default=text("'run'")),
    Column("stage", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False, server_default=text("5")),
    Column("run_on", Boolean, nullable=False, server_default=text("false")),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    Column("owner", Text),
    _when("lease_until"),
    Column("errors", Integer, nullable=False, server_default=text("0")),
    Column("crashes", Integer, nullable=False, server_default=text("0")),
    Column("error", JSONB),
    _when("next_attempt_at"),
    _when("dispatched_at"),
    _when("created_at", now=True),
    _when("started_at"),
    _when("updated_at", now=True),
    _when("finished_at"),
    Index("ix_document_tasks_list", "tenant_id", "created_at", "id"),
    Index(
        "ix_document_tasks_failed",
        "tenant_id",
        "created_at",
        "id",
        postgresql_where=text("status = 'failed'"),
    ),
    Index("ix_document_tasks_document_id", "document_id", "created_at"),
    Index("ix_document_tasks_dataset_id", "dataset_id"),
    Index("ix_document_tasks_version_id", "version_id"),
    Index(
        "ix_document_tasks_runnable",
        "stage",
        "priority",
        "created_at",
        postgresql_where=text("status = 'queued' AND desired = 'run'"),
    ),
    # Not by lease: a renewal would have to write every index of the table anew.
    Index("ix_document_tasks_running", "owner", postgresql_where=text("status = 'running'")),
)

document_task_events = Table(
    "document_task_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _tenant(),
    Column("dataset_id", Uuid),
    Column("document_id", Uuid, nullable=False),
    Column("task_id", Uuid, nullable=False),
    _when("at", now=True),
    Column("kind", Text, nullable=False),
    Column("stage", Text),
    Column("data", JSONB, nullable=False, server_default=text("'{}'")),
    # Ids are given before the commit, so a reader that follows ids alone would miss late committers.
    Column("xid", BigInteger, nullable=False, server_default=text("(pg_current_xact_id()::text)::bigint")),
    Index("ix_document_task_events_document_id", "document_id", "id"),
    Index("ix_document_task_events_task_id", "task_id", "id"),
    Index("ix_document_task_events_stream", "xid", "id"),
)

stage_progress = Table(
    "stage_progress",
    metadata,
    Column("task_id", Uuid, ForeignKey("document_tasks.id", ondelete="CASCADE"), primary_key=True),
    Column("stage", Text, primary_key=True),
    _tenant(),
    Column("cursor", JSONB, nullable=False, server_default=text("'{}'")),
    Column("done", BigInteger, nullable=False, server_default=text("0")),
    Column("total", BigInteger),
    # The largest share ever done: a stage that reads again, or finds more to do, does not take it back.
    Column("reached", Double, nullable=False, server_default=text("0")),
    Column("steps", Integer, nullable=False, server_default=text("0")),
    Column("busy_seconds", Double, nullable=False, server_default=text("0")),
    _when("started_at", now=True),
    _when("finished_at"),
)

blocks = Table(
    "blocks",
    metadata,
    Column("version_id", Uuid, ForeignKey("document_versions.id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    _tenant(),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("lead", Text, nullable=False),
    Column("char_start", BigInteger, nullable=False),
    Column("char_end", BigInteger, nullable=False),
    Column("page", Integer),
    Column("level", SmallInteger),
    Column("boxes", JSONB),
    Column("cells", JSONB),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    _parent("version_id", "document_versions.id"),
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
    _tenant(),
    _parent("version_id", "document_versions.id"),
    Column("precision", Text, nullable=False),
    Column("vector", VECTOR, nullable=False),
    Index("ix_embeddings_version_id", "version_id"),
)

vector_entries = Table(
    "vector_entries",
    metadata,
    Column("chunk_id", Uuid, primary_key=True),
    Column("model", Text, primary_key=True),
    _tenant(),
    Column("dataset_id", Uuid, nullable=False),
    Column("document_id", Uuid, nullable=False),
    Column("version_id", Uuid, nullable=False),
    Column("language", Text),
    Column("embedding", VECTOR, nullable=False),
    Index("ix_vector_entries_version_id", "version_id"),
    Index("ix_vector_entries_document_id", "document_id"),
    Index("ix_vector_entries_dataset_id", "tenant_id", "dataset_id"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _tenant(),
    Column("storage_key", Text, nullable=False),
    Column("version_ids", ARRAY(Uuid), nullable=False),
    _when("created_at", now=True),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("queues", ARRAY(Text), nullable=False),
    Column("version", Text, nullable=False),
    Column("processes", ARRAY(Integer), nullable=False, server_default=text("'{}'")),
    _when("started_at", now=True),
    _when("seen_at", now=True),
    _when("idle_since"),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("name", Text, primary_key=True),
    _when("at", now=True),
)

stage_holds = Table(
    "stage_holds",
    metadata,
    Column("stage", Text, primary_key=True),  # or '*': every stage, while the installation drains
    Column("reason", Text, nullable=False, server_default=text("''")),
    _when("since", now=True),
)

pings = Table(
    "pings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("queue", Text, nullable=False),
    _when("sent_at", now=True),
    _when("answered_at"),
    Column("worker_id", Text),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("status_code", SmallInteger),
    Column("headers", JSONB, nullable=False, server_default=text("'{}'")),
    Column("body", LargeBinary),
    _when("created_at", now=True),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

document_logs = Table(
    "document_logs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _tenant(),
    _parent("document_id", "documents.id"),
    Column("task_id", Uuid),
    _when("at", now=True),
    Column("level", Text, nullable=False),
    Column("stage", Text),
    Column("event", Text, nullable=False),
    Column("data", JSONB, nullable=False, server_default=text("'{}'")),
    Index("ix_document_logs_document_id", "document_id", "at", "id"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    Column("url", Text, nullable=False),
    Column("kinds", ARRAY(Text), nullable=False, server_default=text("'{}'")),  # none: every kind
    Column("dataset_id", Uuid, ForeignKey("datasets.id", ondelete="CASCADE")),
    Column("secret", Text, nullable=False),
    Column("old_secret", Text),  # signs too for a while after a rotation
    _when("old_secret_until"),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("disabled_reason", Text),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("seen_xid", BigInteger, nullable=False),
    Column("seen_id", BigInteger, nullable=False),
    _when("created_at", now=True),
    _when("failing_since"),
    _when("rests_until"),
    Index("ix_webhooks_tenant_id", "tenant_id", "created_at"),
    Index("ix_webhooks_dataset_id", "dataset_id"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Uuid, primary_key=True),
    _tenant(),
    _parent("webhook_id", "webhooks.id"),
    Column("event_id", BigInteger),  # none: a test
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _when("next_attempt_at"),
    Column("response_status", SmallInteger),
    Column("error", Text),
    _when("created_at", now=True),
    _when("delivered_at"),
    UniqueConstraint("webhook_id", "event_id"),
    Index("ix_webhook_deliveries_list", "webhook_id", "created_at", "id"),
    Index(
        "ix_webhook_deliveries_due",
        "webhook_id",
        "next_attempt_at",
        postgresql_where=text("status = 'pending'"),
    ),
)
