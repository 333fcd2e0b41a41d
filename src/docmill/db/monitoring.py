"""What goes on: tasks, who works on what, and how the queues stand. Only reads.

Tasks are one tenant's. Workers and queues belong to the installation: of other tenants they give numbers,
never a name or an id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from docmill.db.catalogue import is_called
from docmill.db.conditions import is_open
from docmill.domain.states import StageName, TaskStatus


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as stored, with the names of its document and dataset. `owner` is host/pid/start."""

    id: UUID
    document_id: UUID
    document: str
    dataset: str
    version: int
    status: str
    desired: str
    stage: str
    started: bool
    priority: int
    errors: int
    crashes: int
    error: Mapping[str, Any] | None
    next_attempt_at: datetime | None
    owner: str | None
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class TaskListing:
    """Which tasks are listed. `worker` is a worker's id or an owner; `older_than` is in seconds."""

    task_status: TaskStatus | None = None
    stage: StageName | None = None
    dataset_id: UUID | None = None
    document_id: UUID | None = None
    worker: str | None = None
    older_than: float | None = None
    oldest_first: bool = False
    beyond: tuple[datetime, UUID] | None = None
    limit: int = 50


_TASKS = """SELECT t.id, t.document_id, d.name AS document, s.name AS dataset, v.number AS version, t.status,
  t.desired, t.stage, t.started_at IS NOT NULL AS started, t.priority, t.errors, t.crashes, t.error,
  t.next_attempt_at, t.owner, t.created_at, t.started_at, t.updated_at, t.finished_at
FROM document_tasks t
JOIN documents d ON d.id = t.document_id
JOIN datasets s ON s.id = t.dataset_id
JOIN document_versions v ON v.id = t.version_id
WHERE t.tenant_id = :tenant"""

_CONDITIONS = {
    "stage": "t.stage = :stage",
    "dataset_id": "t.dataset_id = :dataset_id",
    "document_id": "t.document_id = :document_id",
    "older_than": "t.created_at < now() - make_interval(secs => :older_than)",
    "worker": """t.status = 'running' AND (t.owner = :worker OR EXISTS (
    SELECT FROM workers w WHERE w.id = :worker AND split_part(t.owner, '/', 1) = w.host
      AND split_part(t.owner, '/', 2)::int = ANY(w.processes)))""",
}


def tasks(connection: Connection, tenant: str, listing: TaskListing) -> list[TaskRow]:
    """Tasks of a listing in the order of their making."""
    values = {name: getattr(listing, name) for name in _CONDITIONS if getattr(listing, name) is not None}
    conditions = [_CONDITIONS[name] for name in values]
    if listing.task_status is not None:
        conditions.append(is_called(listing.task_status))
    sign, order = (">", "ASC") if listing.oldest_first else ("<", "DESC")
    if listing.beyond is not None:
        conditions.append(f"(t.created_at, t.id) {sign} (:beyond_at, :beyond_id)")
        values["beyond_at"], values["beyond_id"] = listing.beyond
    where = "".join(f" AND {condition}" for condition in conditions)
    # A literal limit: for one that comes later the server plans anew each time, for the whole table.
    ordered = f"ORDER BY t.created_at {order}, t.id {order} LIMIT {listing.limit:d}"
    statement = text(f"{_TASKS}{where} {ordered}")
    rows = connection.execute(statement, {"tenant": tenant, **values})
    return [TaskRow(**row._mapping) for row in rows]


@dataclass(frozen=True, slots=True)
class InHand:
    """A task that a process works on since `since`; without its ids where it is another tenant's."""

    owner: str
    stage: str
    since: datetime
    task_id: UUID | None
    document_id: UUID | None
    document: str | None


_IN_HAND = text(
    """SELECT t.owner, t.stage, coalesce(c.at, t.updated_at) AS since,
  CASE WHEN t.tenant_id = :tenant THEN t.id END AS task_id,
  CASE WHEN t.tenant_id = :tenant THEN t.document_id END AS document_id,
  CASE WHEN t.tenant_id = :tenant THEN d.name END AS document
FROM document_tasks t
JOIN documents d ON d.id = t.document_id
LEFT JOIN LATERAL (
  SELECT at FROM document_task_events e WHERE e.task_id = t.id AND e.kind = 'claimed'
  ORDER BY e.id DESC LIMIT 1) c ON true
WHERE t.status = 'running'"""
)


def in_hand(connection: Connection, tenant: str) -> list[InHand]:
    """What every process works on now."""
    return [InHand(**row._mapping) for row in connection.execute(_IN_HAND, {"tenant": tenant})]


@dataclass(frozen=True, slots=True)
class StageCounts:
    """How a stage stands. `runnable` could run now, `held` wait for the end of a hold, `retrying` for a time.

    `finished` is how many documents passed it within the last `seconds`.
    """

    runnable: int = 0
    held: int = 0
    retrying: int = 0
    running: int = 0
    oldest_since: datetime | None = None
    finished: int = 0
    seconds: float = 0.0


_QUEUED = text(
    f"""SELECT q.stage, CASE WHEN h.held THEN 0 ELSE q.due END AS runnable,
  CASE WHEN h.held THEN q.due ELSE 0 END AS held, q.retrying, q.oldest_since
FROM (
  SELECT stage, count(*) FILTER (WHERE is_due) AS due, count(*) FILTER (WHERE NOT is_due) AS retrying,
    min(updated_at) FILTER (WHERE is_due) AS oldest_since
  FROM (SELECT stage, updated_at, next_attempt_at IS NULL OR next_attempt_at <= now() AS is_due
        FROM document_tasks WHERE status = 'queued' AND desired = 'run') each_one
  GROUP BY stage) q,
LATERAL (SELECT NOT ({is_open("q.stage")}) AS held) h"""  # noqa: S608
)
_RUNNING = text(
    "SELECT stage, count(*) AS running FROM document_tasks WHERE status = 'running' GROUP BY stage"
)

# From the end of the history, and no farther than so many rows: the table may hold years.
_FINISHED = text(
    """WITH recent AS (
  SELECT at, kind, stage FROM document_task_events ORDER BY id DESC LIMIT 20000
)
SELECT stage, count(*) AS finished,
  CASE WHEN (SELECT count(*) FROM recent) < 20000 THEN CAST(:seconds AS float8)
    ELSE least(:seconds, extract(epoch FROM now() - (SELECT min(at) FROM recent)))::float8 END AS seconds
FROM recent WHERE kind = 'stage_finished' AND at > now() - make_interval(secs => :seconds) GROUP BY stage"""
)


def stages(connection: Connection, seconds: float) -> dict[str, StageCounts]:
    """How each stage that has anything to tell stands, with what passed it in the last `seconds` at most."""
    told: dict[str, dict[str, Any]] = {}
    for statement in (_QUEUED, _RUNNING, _FINISHED):
        for row in connection.execute(statement, {"seconds": seconds} if statement is _FINISHED else {}):
            values = dict(row._mapping)
            told.setdefault(values.pop("stage"), {}).update(values)
    return {stage: StageCounts(**values) for stage, values in told.items()}


_TAKE_TURN = text(
    """INSERT INTO sweeps (name, at) VALUES ('mirror', now())
ON CONFLICT (name) DO UPDATE SET at = now() WHERE sweeps.at < now() - make_interval(secs => :seconds)
RETURNING name"""
)
_IN_WORK = text(
    """SELECT t.id, t.tenant_id, t.document_id, t.stage, t.priority, t.owner, p.done, p.total, t.updated_at
FROM document_tasks t LEFT JOIN stage_progress p ON p.task_id = t.id AND p.stage = t.stage
WHERE t.status = 'running'"""
)


def take_turn(connection: Connection, seconds: float) -> bool:
    """Whether nobody copied the live state for so many seconds; then it is noted that somebody does now."""
    return connection.execute(_TAKE_TURN, {"seconds": seconds}).one_or_none() is not None


def in_work(connection: Connection) -> list[Mapping[str, Any]]:
    """The tasks of all tenants that a process works on, by ids only, and how far their stage is."""
    return [dict(row._mapping) for row in connection.execute(_IN_WORK)]
