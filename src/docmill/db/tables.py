"""The tables. PostgreSQL is the one source of truth; names are the contract, columns grow by migration."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from docmill.db import content_tables as content_tables  # they are tables of the same metadata
from docmill.db.columns import metadata as metadata
from docmill.db.columns import parent, tenant, when

tenants = Table(
    "tenants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    when("created_at", now=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("key_sha256", Text, nullable=False, unique=True),
    when("created_at", now=True),
    when("revoked_at"),
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", Uuid, primary_key=True),
    tenant(),
    Column("name", Text, nullable=False),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'")),
    Column("priority", SmallInteger, nullable=False, server_default=text("5")),
    when("created_at", now=True),
    UniqueConstraint("tenant_id", "name"),
)

# File names have their words apart by marks of all kinds, which the parser would take for one word.
_ABOUT = """to_tsvector('simple', regexp_replace(name, '[^[:alnum:]]+', ' ', 'g') || ' ' || outline)
|| jsonb_to_tsvector('simple', file_metadata || metadata, '["string"]')"""

documents = Table(
    "documents",
    metadata,
    Column("id", Uuid, primary_key=True),
    tenant(),
    parent("dataset_id", "datasets.id"),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),  # the user's
    Column("file_metadata", JSONB, nullable=False, server_default=text("'{}'")),  # what the file says
    Column("all_metadata", JSONB, Computed("file_metadata || metadata", persisted=True)),  # what filters see
    Column("outline", Text, nullable=False, server_default=text("''")),  # a title a line
    Column("about", TSVECTOR, Computed(_ABOUT, persisted=True)),
    Column("storage_key", Text, nullable=False),
    Column("active_version_id", Uuid),
    Column("depth", SmallInteger, nullable=False, server_default=text("0")),  # 0: it came by itself
    when("created_at", now=True),
    Index("ix_documents_list", "tenant_id", "dataset_id", "created_at", "id"),
    Index("ix_documents_newest", "tenant_id", "created_at", "id"),
    Index("ix_documents_active_version_id", "active_version_id"),
    Index("ix_documents_storage_key", "storage_key"),
    Index(
        "ix_documents_all_metadata",
        "all_metadata",
        postgresql_using="gin",
        postgresql_ops={"all_metadata": "jsonb_path_ops"},
    ),
    Index("ix_documents_about", "about", postgresql_using="gin"),
)

document_versions = Table(
    "document_versions",
    metadata,
    Column("id", Uuid, primary_key=True),
    tenant(),
    parent("document_id", "documents.id"),
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
    Column("outline", JSONB),  # [[level, title, page], …]
    Column("language_confidence", Double),
    Column("chunk_kinds", JSONB),  # how many chunks of each kind
    Column("base_version_id", Uuid),  # what is the same there is taken from this version
    Column("pages_to_read", ARRAY(Integer)),  # with a base: those that are read again
    when("created_at", now=True),
    when("published_at"),
    UniqueConstraint("document_id", "number"),
)

document_tasks = Table(
    "document_tasks",
    metadata,
    Column("id", Uuid, primary_key=True),
    tenant(),
    parent("dataset_id", "datasets.id"),
    parent("document_id", "documents.id"),
    parent("version_id", "document_versions.id"),
    Column("status", Text, nullable=False),
    Column("desired", Text, nullable=False, server_default=text("'run'")),
    Column("stage", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False, server_default=text("5")),
    Column("run_on", Boolean, nullable=False, server_default=text("false")),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    Column("owner", Text),
    when("lease_until"),
    Column("errors", Integer, nullable=False, server_default=text("0")),
    Column("crashes", Integer, nullable=False, server_default=text("0")),
    Column("error", JSONB),
    when("next_attempt_at"),
    when("dispatched_at"),
    when("created_at", now=True),
    when("started_at"),
    when("updated_at", now=True),
    when("finished_at"),
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
    tenant(),
    Column("dataset_id", Uuid),
    Column("document_id", Uuid, nullable=False),
    Column("task_id", Uuid, nullable=False),
    when("at", now=True),
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
    tenant(),
    Column("cursor", JSONB, nullable=False, server_default=text("'{}'")),
    Column("done", BigInteger, nullable=False, server_default=text("0")),
    Column("total", BigInteger),
    # The largest share ever done: a stage that reads again, or finds more to do, does not take it back.
    Column("reached", Double, nullable=False, server_default=text("0")),
    Column("steps", Integer, nullable=False, server_default=text("0")),
    Column("busy_seconds", Double, nullable=False, server_default=text("0")),
    when("started_at", now=True),
    when("finished_at"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    tenant(),
    Column("storage_key", Text, nullable=False),
    Column("version_ids", ARRAY(Uuid), nullable=False),
    when("created_at", now=True),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("queues", ARRAY(Text), nullable=False),
    Column("version", Text, nullable=False),
    Column("processes", ARRAY(Integer), nullable=False, server_default=text("'{}'")),
    when("started_at", now=True),
    when("seen_at", now=True),
    when("idle_since"),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("name", Text, primary_key=True),
    when("at", now=True),
)

stage_holds = Table(
    "stage_holds",
    metadata,
    Column("stage", Text, primary_key=True),  # or '*': every stage, while the installation drains
    Column("reason", Text, nullable=False, server_default=text("''")),
    when("since", now=True),
)

stage_outages = Table(
    "stage_outages",
    metadata,
    Column("stage", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    when("since", now=True),
    when("until", now=True),  # then it is asked again
)

pings = Table(
    "pings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("queue", Text, nullable=False),
    when("sent_at", now=True),
    when("answered_at"),
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
    when("created_at", now=True),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

document_logs = Table(
    "document_logs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    tenant(),
    parent("document_id", "documents.id"),
    Column("task_id", Uuid),
    when("at", now=True),
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
    tenant(),
    Column("url", Text, nullable=False),
    Column("kinds", ARRAY(Text), nullable=False, server_default=text("'{}'")),  # none: every kind
    Column("dataset_id", Uuid, ForeignKey("datasets.id", ondelete="CASCADE")),
    Column("secret", Text, nullable=False),
    Column("old_secret", Text),  # signs too for a while after a rotation
    when("old_secret_until"),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("disabled_reason", Text),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("seen_xid", BigInteger, nullable=False),
    Column("seen_id", BigInteger, nullable=False),
    when("created_at", now=True),
    when("failing_since"),
    when("rests_until"),
    Index("ix_webhooks_tenant_id", "tenant_id", "created_at"),
    Index("ix_webhooks_dataset_id", "dataset_id"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Uuid, primary_key=True),
    tenant(),
    parent("webhook_id", "webhooks.id"),
    Column("event_id", BigInteger),  # none: a test
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    when("next_attempt_at"),
    Column("response_status", SmallInteger),
    Column("error", Text),
    when("created_at", now=True),
    when("delivered_at"),
    UniqueConstraint("webhook_id", "event_id"),
    Index("ix_webhook_deliveries_list", "webhook_id", "created_at", "id"),
    Index(
        "ix_webhook_deliveries_due",
        "webhook_id",
        "next_attempt_at",
        postgresql_where=text("status = 'pending'"),
    ),
)
