"""The statements by which recovery takes tasks from owners that are dead or silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from docmill.db.tasks import EVENT, GUARD


@dataclass(frozen=True, slots=True)
class Running:
    """A task somebody owns, as recovery sees it."""

    task_id: UUID
    owner: str
    fence: int
    expired: bool
    touched_at: datetime


_RUNNING = text(
    """SELECT id AS task_id, owner, fence, lease_until < now() AS expired, updated_at AS touched_at
FROM document_tasks WHERE status = 'running' ORDER BY lease_until LIMIT 10000"""
)

# Whoever hangs in the middle of a commit holds its own task up and nobody else's.
_FREE = text(
    f"""
WITH moved AS (
  UPDATE document_tasks SET owner = NULL, lease_until = NULL, fence = fence + 1, crashes = crashes + :deaths,
    status = CASE WHEN crashes + :deaths >= :limit THEN 'failed' ELSE 'queued' END,
    error = CASE WHEN crashes + :deaths >= :limit AND coalesce(error->>'code', '') <> 'step_hung'
      THEN :error ELSE error END,
    finished_at = CASE WHEN crashes + :deaths >= :limit THEN now() END,
    dispatched_at = NULL, updated_at = now()
  WHERE id = (SELECT id FROM document_tasks WHERE {GUARD} FOR UPDATE SKIP LOCKED) RETURNING *
), {
        EVENT.format(
            kind="CASE status WHEN 'failed' THEN 'failed' ELSE 'owner_lost' END",
            data="coalesce(error, '{}')"
            " || jsonb_build_object('owner', CAST(:owner AS text), 'crashes', crashes)",
        )
    }
SELECT status FROM moved"""  # noqa: S608
).bindparams(bindparam("error", type_=JSONB))


def running(connection: Connection) -> list[Running]:
    """Tasks with an owner, those whose lease ends first coming first."""
    return [Running(**row._mapping) for row in connection.execute(_RUNNING)]


def free(
    connection: Connection, task: Running, died: bool, crash_limit: int, error: Mapping[str, Any]
) -> str | None:
    """Take a task from its owner: queued again, or failed at the limit; None when another has it by now."""
    values = {"id": task.task_id, "owner": task.owner, "fence": task.fence, "limit": crash_limit}
    values["deaths"] = int(died)
    status: str | None = connection.execute(_FREE, {**values, "error": dict(error)}).scalar_one_or_none()
    return status
