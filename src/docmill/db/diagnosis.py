"""What the diagnosis reads: what waits and for how long, and one document's newest processing.

It is for the operator of the installation, who sees every tenant's work, and it tells no tenant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from docmill.db.conditions import DENSE, RUNNABLE, is_open
from docmill.domain.states import StageName

_WAITING = text(
    f"""SELECT stage, count(*) AS tasks, extract(epoch FROM
  now() - min(greatest(updated_at, next_attempt_at)))::float8 AS seconds,
  count(*) FILTER (WHERE coalesce(dispatched_at, updated_at) < now() - make_interval(secs => :a_while)) AS old
FROM document_tasks t WHERE {RUNNABLE} AND {is_open("t.stage")} GROUP BY stage"""  # noqa: S608
)
_OVERDUE = text(
    """SELECT count(*) AS tasks, extract(epoch FROM now() - min(lease_until))::float8 AS seconds
FROM document_tasks WHERE status = 'running' AND lease_until < now() - make_interval(secs => :grace)"""
)
_RETRYING = text(
    """SELECT error->>'code' AS code, count(*) AS tasks,
  extract(epoch FROM min(next_attempt_at) - now())::float8 AS seconds
FROM document_tasks WHERE status = 'queued' AND desired = 'run' AND next_attempt_at > now()
GROUP BY 1 ORDER BY 1"""
)
_NOT_DENSE = text(
    f"""SELECT count(*) FROM documents d JOIN document_versions v ON v.id = d.active_version_id
WHERE NOT {DENSE}"""  # noqa: S608
)
_DOCUMENT = text(
    """SELECT d.name, t.id AS task_id, t.status, t.desired, t.stage, t.owner, t.error, t.errors,
  extract(epoch FROM now() - t.updated_at)::float8 AS seconds,
  extract(epoch FROM now() - t.lease_until)::float8 AS overdue_seconds,
  extract(epoch FROM t.next_attempt_at - now())::float8 AS retry_seconds
FROM documents d
JOIN document_tasks t ON t.document_id = d.id AND t.tenant_id = d.tenant_id
JOIN document_versions v ON v.id = t.version_id
WHERE d.id = :id ORDER BY v.number DESC LIMIT 1"""
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Tasks of a stage that could run now, the oldest for `seconds`; `old` ones of them are not new."""

    tasks: int
    seconds: float
    old: int


@dataclass(frozen=True, slots=True)
class Some:
    """How many tasks, and the seconds of the one that counts."""

    tasks: int
    seconds: float


@dataclass(frozen=True, slots=True)
class DocumentState:
    """A document's newest processing. Seconds are counted from now; `retry_seconds` and the lease may lie
    ahead (`overdue_seconds` is negative then).
    """

    name: str
    task_id: UUID
    status: str
    desired: str
    stage: StageName
    owner: str | None
    error: Mapping[str, Any] | None
    errors: int
    seconds: float
    overdue_seconds: float | None
    retry_seconds: float | None


def waiting(connection: Connection, a_while: float) -> dict[StageName, Waiting]:
    """What could run now, by stage; `old` counts those whose message was due more seconds ago than that."""
    rows = connection.execute(_WAITING, {"a_while": a_while})
    return {StageName(row.stage): Waiting(row.tasks, row.seconds, row.old) for row in rows}


def overdue(connection: Connection, grace_seconds: float) -> Some:
    """Tasks whose lease ended longer ago than that and that nobody took from their owners."""
    row = connection.execute(_OVERDUE, {"grace": grace_seconds}).one()
    return Some(row.tasks, row.seconds or 0.0)


def retrying(connection: Connection) -> dict[str | None, Some]:
    """Tasks that wait for a retry, by the code of their error, and the seconds until the first."""
    return {row.code: Some(row.tasks, row.seconds) for row in connection.execute(_RETRYING)}


def document(connection: Connection, document_id: UUID) -> DocumentState | None:
    """A document's newest processing; None when there is no such document."""
    row = connection.execute(_DOCUMENT, {"id": document_id}).one_or_none()
    return None if row is None else DocumentState(**{**row._mapping, "stage": StageName(row.stage)})


def not_dense(connection: Connection, model: str) -> int:
    """How many published documents have passages, and no vectors of this model."""
    return int(connection.execute(_NOT_DENSE, {"model": model}).scalar_one())
