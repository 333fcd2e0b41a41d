"""Holds, priorities of datasets, the event stream's order, webhooks, logs of documents, idempotency keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

_NOW = sa.text("now()")
_NO_DATA = sa.text("'{}'")


def upgrade() -> None:
    _widen_tables()
    _ease_the_steps()
    _index_lists()
    _create_holds_and_pings()
    _create_idempotency_keys()
    _create_document_logs()
    _create_webhooks()
    _create_webhook_deliveries()


def _jsonb() -> postgresql.JSONB:
    return postgresql.JSONB(astext_type=sa.Text())


def _when(name: str, *, now: bool = False) -> sa.Column[object]:
    default = _NOW if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not now)


def _ease_the_steps() -> None:
    """A step renews a lease: room in its page and no index over it spare writing every index anew."""
    op.drop_index("ix_document_tasks_running", "document_tasks")
    op.create_index(
        "ix_document_tasks_running",
        "document_tasks",
        ["owner"],
        postgresql_where=sa.text("status = 'running'"),
    )
    op.execute("ALTER TABLE document_tasks SET (fillfactor = 70)")
    op.execute("ALTER TABLE stage_progress SET (fillfactor = 70)")


def _widen_tables() -> None:
    op.add_column(
        "datasets", sa.Column("priority", sa.SmallInteger(), server_default=sa.text("5"), nullable=False)
    )
    xid = sa.text("(pg_current_xact_id()::text)::bigint")
    op.add_column(
        "document_task_events", sa.Column("xid", sa.BigInteger(), server_default=xid, nullable=False)
    )
    op.create_index("ix_document_task_events_stream", "document_task_events", ["xid", "id"])
    op.add_column("document_task_events", sa.Column("dataset_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE document_task_events e SET dataset_id = t.dataset_id "
        "FROM document_tasks t WHERE t.id = e.task_id"
    )
    processes: sa.Column[object] = sa.Column(
        "processes", sa.ARRAY(sa.Integer()), server_default=_NO_DATA, nullable=False
    )
    op.add_column("workers", processes)
    reached: sa.Column[object] = sa.Column(
        "reached", sa.Double(), server_default=sa.text("0"), nullable=False
    )
    op.add_column("stage_progress", reached)
    op.add_column("workers", _when("idle_since"))


def _index_lists() -> None:
    op.create_index("ix_documents_newest", "documents", ["tenant_id", "created_at", "id"])
    op.create_index("ix_document_tasks_list", "document_tasks", ["tenant_id", "created_at", "id"])
    op.create_index(
        "ix_document_tasks_failed",
        "document_tasks",
        ["tenant_id", "created_at", "id"],
        postgresql_where=sa.text("status = 'failed'"),
    )


def _create_holds_and_pings() -> None:
    op.create_table(
        "stage_holds",
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        _when("since", now=True),
        sa.PrimaryKeyConstraint("stage", name=op.f("pk_stage_holds")),
    )
    op.create_table(
        "pings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        _when("sent_at", now=True),
        _when("answered_at"),
        sa.Column("worker_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pings")),
    )


def _create_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status_code", sa.SmallInteger(), nullable=True),
        sa.Column("headers", _jsonb(), server_default=_NO_DATA, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        _when("created_at", now=True),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def _create_document_logs() -> None:
    op.create_table(
        "document_logs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        _when("at", now=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("data", _jsonb(), server_default=_NO_DATA, nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_document_logs_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_logs")),
    )
    op.create_index("ix_document_logs_document_id", "document_logs", ["document_id", "at", "id"])


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.ARRAY(sa.Text()), server_default=_NO_DATA, nullable=False),
        sa.Column("dataset_id", sa.Uuid(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("old_secret", sa.Text(), nullable=True),
        _when("old_secret_until"),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("seen_xid", sa.BigInteger(), nullable=False),
        sa.Column("seen_id", sa.BigInteger(), nullable=False),
        _when("created_at", now=True),
        _when("failing_since"),
        _when("rests_until"),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_webhooks_dataset_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index("ix_webhooks_tenant_id", "webhooks", ["tenant_id", "created_at"])
    op.create_index("ix_webhooks_dataset_id", "webhooks", ["dataset_id"])


def _create_webhook_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", _jsonb(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _when("next_attempt_at"),
        sa.Column("response_status", sa.SmallInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        _when("created_at", now=True),
        _when("delivered_at"),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name=op.f("fk_webhook_deliveries_webhook_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("webhook_id", "event_id", name=op.f("uq_webhook_deliveries_webhook_id_event_id")),
    )
    op.create_index("ix_webhook_deliveries_list", "webhook_deliveries", ["webhook_id", "created_at", "id"])
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["webhook_id", "next_attempt_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )
