"""The statements that carry events to webhooks. No transaction is open while something is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from docmill.db.events import Choice
from docmill.domain.events import Event, Position

_WEBHOOKS_AT_ONCE = 64
_REMOVED_AT_ONCE = 1000

# A row that grows old and no lock: a process that was stopped keeps its locks for ever.
_TAKE_TURN = text(
    """INSERT INTO sweeps (name, at) VALUES ('webhooks', clock_timestamp())
ON CONFLICT (name) DO UPDATE SET at = excluded.at
  WHERE sweeps.at < clock_timestamp() - interval '10 seconds'
RETURNING at"""
)
_KEEP_TURN = text(
    "UPDATE sweeps SET at = clock_timestamp() WHERE name = 'webhooks' AND at = :at RETURNING at"
)
_END_TURN = text("DELETE FROM sweeps WHERE name = 'webhooks' AND at = :at")

_BEHIND = text(
    """SELECT w.id FROM webhooks w WHERE w.enabled AND EXISTS (
  SELECT FROM document_task_events e WHERE (e.xid, e.id) > (w.seen_xid, w.seen_id)
    AND e.xid < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint)
ORDER BY w.id"""
)
_PLACE = text(
    """SELECT tenant_id, kinds, dataset_id, seen_xid, seen_id FROM webhooks
WHERE id = :id AND enabled FOR UPDATE SKIP LOCKED"""
)

_MOVE = text("UPDATE webhooks SET seen_xid = :xid, seen_id = :event WHERE id = :id")
_INSERT = text(
    """INSERT INTO webhook_deliveries
  (id, tenant_id, webhook_id, event_id, kind, payload, status, next_attempt_at, created_at)
VALUES (gen_random_uuid(), :tenant, :webhook, :event, :kind, :payload, 'pending', now(), clock_timestamp())
ON CONFLICT DO NOTHING"""
).bindparams(bindparam("payload", type_=JSONB))

_DUE_WEBHOOKS = text(
    """SELECT w.id, w.url, w.failing_since IS NOT NULL AS failing, w.secret,
  CASE WHEN w.old_secret_until > now() THEN w.old_secret END AS old_secret
FROM webhooks w CROSS JOIN LATERAL (
  SELECT next_attempt_at FROM webhook_deliveries
  WHERE webhook_id = w.id AND status = 'pending' AND next_attempt_at <= now()
  ORDER BY next_attempt_at LIMIT 1) due
WHERE w.enabled AND (w.rests_until IS NULL OR w.rests_until <= now())
ORDER BY due.next_attempt_at LIMIT :limit"""
)

_CLAIM = text(
    """
WITH due AS (
  SELECT d.id FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
  WHERE d.webhook_id = :webhook AND d.status = 'pending' AND d.next_attempt_at <= now()
    AND w.enabled AND (w.rests_until IS NULL OR w.rests_until <= now())
  ORDER BY d.next_attempt_at, d.event_id LIMIT :count FOR UPDATE OF d SKIP LOCKED
)
UPDATE webhook_deliveries d SET attempts = attempts + 1,
  next_attempt_at = now() + make_interval(secs => :hold)
FROM due WHERE d.id = due.id
RETURNING d.id, d.payload, d.attempts, d.event_id IS NULL AS is_test"""
)

# `attempts` is the fence: who was too slow and lost the delivery to another process settles nothing.
_MINE = "d.id = :id AND d.attempts = :attempts AND d.status = 'pending'"
_DELIVERED = text(
    f"""
WITH settled AS (
  UPDATE webhook_deliveries d SET status = 'delivered', delivered_at = now(), next_attempt_at = NULL,
    response_status = :response_status, error = NULL
  WHERE {_MINE} RETURNING webhook_id
)
UPDATE webhooks w SET failures = 0, failing_since = NULL, rests_until = NULL
FROM settled WHERE w.id = settled.webhook_id AND w.failing_since IS NOT NULL"""  # noqa: S608
)
_WORN_OUT = "coalesce(failing_since < now() - make_interval(secs => :patience), false)"
# A webhook that fails rests for half of the time it has been failing, within bounds, and is then tried with
# one delivery: a receiver that is down costs one attempt now and then, however much waits for it.
_MISSED = text(
    f"""
WITH settled AS (
  UPDATE webhook_deliveries d SET
    status = CASE WHEN CAST(:wait AS float) IS NULL THEN 'failed' ELSE 'pending' END,
    next_attempt_at = now() + make_interval(secs => :wait), response_status = :response_status, error = :error
  WHERE {_MINE} RETURNING webhook_id
)
UPDATE webhooks w SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
  rests_until = now() + make_interval(secs => greatest(
    CAST(:rest AS float), 5, least(300, extract(epoch FROM now() - failing_since) / 2))),
  enabled = enabled AND CAST(:disable AS text) IS NULL AND NOT {_WORN_OUT},
  disabled_reason = CASE WHEN NOT enabled THEN disabled_reason WHEN CAST(:disable AS text) IS NOT NULL
    THEN :disable WHEN {_WORN_OUT} THEN :reason ELSE disabled_reason END
FROM settled WHERE w.id = settled.webhook_id
RETURNING w.enabled"""  # noqa: S608
)

_CLEAN = text(
    """
DELETE FROM webhook_deliveries WHERE id IN (
  SELECT old.id FROM webhooks w CROSS JOIN LATERAL (
    SELECT id FROM webhook_deliveries
    WHERE webhook_id = w.id AND created_at < now() - make_interval(secs => :keep)
    ORDER BY created_at LIMIT :limit) old)"""
)


@dataclass(frozen=True, slots=True)
class Place:
    """What a webhook wants to be told, and what it was told last."""

    choice: Choice
    seen: Position


@dataclass(frozen=True, slots=True)
class DueWebhook:
    """A webhook with deliveries that are due. `secrets` sign, the newest first."""

    id: UUID
    url: str
    failing: bool
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that is ours to attempt for a while; `attempts` counts this one."""

    id: UUID
    payload: Mapping[str, Any]
    attempts: int
    is_test: bool


@dataclass(frozen=True, slots=True)
class Miss:
    """A failed attempt. Waits and the rest of its webhook are in seconds; `wait` None: it was the last one.

    `disable` is why to switch the webhook off at once, if it should be; `reason` why, where it has failed for
    longer than `patience`.
    """

    error: str
    response_status: int | None
    wait: float | None
    rest: float
    disable: str | None
    patience: float
    reason: str


class Turn:
    """The right to send. One process of an installation has it, so that receivers never hold up two.

    It ends by itself ten seconds after it was last kept. Two who think it theirs do no harm: each delivery
    is claimed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._at: datetime | None = None

    def take(self) -> bool:
        """Whether it is ours now."""
        return self._move(_TAKE_TURN)

    def keep(self) -> None:
        """Have it for longer."""
        self._move(_KEEP_TURN)

    def end(self) -> None:
        """Leave it to the next one."""
        with self._engine.begin() as connection:
            connection.execute(_END_TURN, {"at": self._at})

    def _move(self, statement: TextClause) -> bool:
        with self._engine.begin() as connection:
            self._at = connection.execute(statement, {"at": self._at}).scalar_one_or_none()
        return self._at is not None


def behind(connection: Connection) -> list[UUID]:
    """The webhooks that are switched on and have not seen every event yet."""
    return list(connection.execute(_BEHIND).scalars())


def place(connection: Connection, webhook: UUID) -> Place | None:
    """How far a webhook has come, locked; None when it was switched off or somebody else has it."""
    row = connection.execute(_PLACE, {"id": webhook}).one_or_none()
    if row is None:
        return None
    choice = Choice(row.tenant_id, dataset_id=row.dataset_id, kinds=frozenset(row.kinds) or None)
    return Place(choice, Position(row.seen_xid, row.seen_id))


def move(connection: Connection, webhook: UUID, seen: Position) -> None:
    """Everything up to this event is made into deliveries."""
    connection.execute(_MOVE, {"id": webhook, "xid": seen.xid, "event": seen.id})


def insert(connection: Connection, webhook: UUID, told: Sequence[tuple[Event, Mapping[str, Any]]]) -> None:
    """One delivery for each event with its payload; an event that has one already gets no other."""
    rows = [
        {"webhook": webhook, "tenant": event.tenant, "event": event.position.id, "kind": event.kind}
        | {"payload": dict(payload)}
        for event, payload in told
    ]
    if rows:
        connection.execute(_INSERT, rows)


def due_webhooks(connection: Connection) -> list[DueWebhook]:
    """Webhooks that something is due for and that do not rest, who waited longest first."""
    return [
        DueWebhook(row.id, row.url, row.failing, tuple(filter(None, (row.secret, row.old_secret))))
        for row in connection.execute(_DUE_WEBHOOKS, {"limit": _WEBHOOKS_AT_ONCE})
    ]


def claim(connection: Connection, webhook: UUID, count: int, hold_seconds: float) -> list[ClaimedDelivery]:
    """Take up to `count` due deliveries; nobody else gets them within `hold_seconds`."""
    rows = connection.execute(_CLAIM, {"webhook": webhook, "count": count, "hold": hold_seconds})
    return [ClaimedDelivery(**row._mapping) for row in rows]


def delivered(connection: Connection, delivery: ClaimedDelivery, response_status: int | None) -> None:
    """The receiver took it."""
    values = {"id": delivery.id, "attempts": delivery.attempts, "response_status": response_status}
    connection.execute(_DELIVERED, values)


def missed(connection: Connection, delivery: ClaimedDelivery, miss: Miss) -> bool:
    """The attempt failed. True when the webhook is switched off now."""
    values = {"id": delivery.id, "attempts": delivery.attempts, **asdict(miss)}
    row = connection.execute(_MISSED, values).one_or_none()
    return row is not None and not row.enabled


def clean(connection: Connection, keep_seconds: float) -> int:
    """Remove some of the deliveries that are older; returns how many."""
    return connection.execute(_CLEAN, {"keep": keep_seconds, "limit": _REMOVED_AT_ONCE}).rowcount
