"""Webhooks and their deliveries as people see and change them. Every statement names the tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A webhook without its secret. `kinds` empty: every kind; `dataset_id` None: every dataset."""

    id: UUID
    url: str
    kinds: Sequence[str]
    dataset_id: UUID | None
    enabled: bool
    disabled_reason: str | None
    failures: int
    failing_since: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One event for one webhook, and what became of it. `event_id` None: a test."""

    id: UUID
    webhook_id: UUID
    event_id: int | None
    kind: str
    payload: Mapping[str, Any]
    status: str
    attempts: int
    next_attempt_at: datetime | None
    response_status: int | None
    error: str | None
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryListing:
    """Which deliveries of a webhook are listed, newest first."""

    status: str | None = None
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


_COLUMNS = "id, url, kinds, dataset_id, enabled, disabled_reason, failures, failing_since, created_at"
_OURS = "id = :id AND tenant_id = :tenant"

# What is still open now commits later, and is told. The id counts where transactions mean nothing any more:
# in a copy of this database on another server.
_INSERT = text(
    f"""INSERT INTO webhooks (id, tenant_id, url, kinds, dataset_id, secret, seen_xid, seen_id)
VALUES (:id, :tenant, :url, :kinds, :dataset_id, :secret,
  (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint - 1,
  (SELECT coalesce(max(id), 0) FROM document_task_events))
RETURNING {_COLUMNS}"""  # noqa: S608 - no value is spliced in
)
_ONE = text(f"SELECT {_COLUMNS} FROM webhooks WHERE {_OURS}")  # noqa: S608
_AFTER = text(
    f"""SELECT {_COLUMNS} FROM webhooks WHERE tenant_id = :tenant
  AND (CAST(:at AS timestamptz) IS NULL OR (created_at, id) < (:at, :id))
ORDER BY created_at DESC, id DESC LIMIT :limit"""  # noqa: S608
)
_CHANGE = text(
    f"""UPDATE webhooks SET url = :url, kinds = :kinds, dataset_id = :dataset_id WHERE {_OURS}
RETURNING {_COLUMNS}"""  # noqa: S608
)
_DELETE = text(f"DELETE FROM webhooks WHERE {_OURS}")  # noqa: S608
_ROTATE = text(
    f"""UPDATE webhooks SET old_secret = secret, secret = :secret,
  old_secret_until = now() + make_interval(secs => :keep) WHERE {_OURS}
RETURNING {_COLUMNS}"""  # noqa: S608
)
_DISABLE = text(
    f"UPDATE webhooks SET enabled = false, disabled_reason = :reason WHERE {_OURS} AND enabled"  # noqa: S608
)
_ENABLE = text(
    f"""WITH due AS (
  UPDATE webhook_deliveries SET next_attempt_at = now()
  WHERE webhook_id = :id AND tenant_id = :tenant AND status = 'pending'
)
UPDATE webhooks SET enabled = true, disabled_reason = NULL, failures = 0, failing_since = NULL,
  rests_until = NULL
WHERE {_OURS} AND NOT enabled"""  # noqa: S608
)
_WAKE = text(f"UPDATE webhooks SET rests_until = NULL WHERE {_OURS} AND enabled")  # noqa: S608

_DELIVERY_COLUMNS = """id, webhook_id, event_id, kind, payload, status, attempts,
  greatest(next_attempt_at, created_at) AS next_attempt_at,
  response_status, error, created_at, delivered_at"""
# Due before everything that waits, so that a webhook which fails is tried with it at once.
_INSERT_TEST = text(
    f"""INSERT INTO webhook_deliveries (id, tenant_id, webhook_id, kind, payload, status, next_attempt_at)
VALUES (:id, :tenant, :webhook, 'test', :payload, 'pending', 'epoch') RETURNING {_DELIVERY_COLUMNS}"""  # noqa: S608
).bindparams(bindparam("payload", type_=JSONB))
_DELIVERIES = f"""SELECT {_DELIVERY_COLUMNS} FROM webhook_deliveries
WHERE webhook_id = :webhook AND tenant_id = :tenant"""  # noqa: S608
_DELIVERY = text(f"{_DELIVERIES} AND id = :id")
_DELIVERIES_BEFORE = text(
    f"""{_DELIVERIES} AND (CAST(:status AS text) IS NULL OR status = :status)
  AND (CAST(:at AS timestamptz) IS NULL OR (created_at, id) < (:at, :id))
ORDER BY created_at DESC, id DESC LIMIT :limit"""
)
_REPLAY = text(
    f"""UPDATE webhook_deliveries SET status = 'pending', attempts = 0, next_attempt_at = now(),
  delivered_at = NULL
WHERE id = :id AND webhook_id = :webhook AND tenant_id = :tenant RETURNING {_DELIVERY_COLUMNS}"""  # noqa: S608
)


def insert(
    connection: Connection,
    tenant: str,
    webhook: UUID,
    *,
    url: str,
    kinds: Sequence[str],
    dataset_id: UUID | None,
    secret: str,
) -> WebhookRow:
    """A new webhook for what happens from now on."""
    values = {"id": webhook, "tenant": tenant, "url": url, "kinds": list(kinds), "dataset_id": dataset_id}
    return WebhookRow(**connection.execute(_INSERT, {**values, "secret": secret}).one()._mapping)


def one(connection: Connection, tenant: str, webhook: UUID) -> WebhookRow | None:
    """One webhook; None when there is no such one."""
    row = connection.execute(_ONE, {"id": webhook, "tenant": tenant}).one_or_none()
    return None if row is None else WebhookRow(**row._mapping)


def newest(
    connection: Connection, tenant: str, before: tuple[datetime, UUID] | None, limit: int
) -> list[WebhookRow]:
    """Up to `limit` webhooks older than `before`, newest first."""
    at, webhook = before or (None, None)
    rows = connection.execute(_AFTER, {"tenant": tenant, "at": at, "id": webhook, "limit": limit})
    return [WebhookRow(**row._mapping) for row in rows]


def change(
    connection: Connection,
    tenant: str,
    webhook: UUID,
    *,
    url: str,
    kinds: Sequence[str],
    dataset_id: UUID | None,
) -> WebhookRow | None:
    """Replace what a webhook is for; None when there is no such one."""
    values = {"id": webhook, "tenant": tenant, "url": url, "kinds": list(kinds), "dataset_id": dataset_id}
    row = connection.execute(_CHANGE, values).one_or_none()
    return None if row is None else WebhookRow(**row._mapping)


def delete(connection: Connection, tenant: str, webhook: UUID) -> bool:
    """Delete a webhook with its deliveries; False when there is no such one."""
    return connection.execute(_DELETE, {"id": webhook, "tenant": tenant}).rowcount == 1


def rotate(
    connection: Connection, tenant: str, webhook: UUID, secret: str, keep_seconds: float
) -> WebhookRow | None:
    """Give a webhook a new secret; the one before signs too for `keep_seconds`. None without a webhook."""
    values = {"id": webhook, "tenant": tenant, "secret": secret, "keep": keep_seconds}
    row = connection.execute(_ROTATE, values).one_or_none()
    return None if row is None else WebhookRow(**row._mapping)


def disable(connection: Connection, tenant: str, webhook: UUID, reason: str) -> None:
    """Send nothing more; what is pending and what happens meanwhile is kept for later."""
    connection.execute(_DISABLE, {"id": webhook, "tenant": tenant, "reason": reason})


def enable(connection: Connection, tenant: str, webhook: UUID) -> None:
    """Send again, at once all that waits, as if nothing had failed before."""
    connection.execute(_ENABLE, {"id": webhook, "tenant": tenant})


def wake(connection: Connection, tenant: str, webhook: UUID) -> bool:
    """End the rest of a webhook that fails; False when it is switched off."""
    return connection.execute(_WAKE, {"id": webhook, "tenant": tenant}).rowcount == 1


def insert_test(
    connection: Connection, tenant: str, webhook: UUID, delivery: UUID, payload: Mapping[str, Any]
) -> DeliveryRow:
    """A delivery that belongs to no event and is attempted once."""
    values = {"id": delivery, "tenant": tenant, "webhook": webhook, "payload": dict(payload)}
    return DeliveryRow(**connection.execute(_INSERT_TEST, values).one()._mapping)


def delivery(connection: Connection, tenant: str, webhook: UUID, delivery: UUID) -> DeliveryRow | None:
    """One delivery; None when there is no such one."""
    values = {"id": delivery, "webhook": webhook, "tenant": tenant}
    row = connection.execute(_DELIVERY, values).one_or_none()
    return None if row is None else DeliveryRow(**row._mapping)


def deliveries(
    connection: Connection, tenant: str, webhook: UUID, listing: DeliveryListing
) -> list[DeliveryRow]:
    """Deliveries of a listing, newest first."""
    at, delivery = listing.before or (None, None)
    values = {"tenant": tenant, "webhook": webhook, "status": listing.status, "limit": listing.limit}
    rows = connection.execute(_DELIVERIES_BEFORE, {**values, "at": at, "id": delivery})
    return [DeliveryRow(**row._mapping) for row in rows]


def replay(connection: Connection, tenant: str, webhook: UUID, delivery: UUID) -> DeliveryRow | None:
    """Make a delivery due now, with all its attempts before it; None when there is no such one."""
    values = {"id": delivery, "webhook": webhook, "tenant": tenant}
    row = connection.execute(_REPLAY, values).one_or_none()
    return None if row is None else DeliveryRow(**row._mapping)
