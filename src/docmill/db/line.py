"""The line: who goes first, and whose message is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from docmill.db.conditions import RUNNABLE, is_open
from docmill.domain.states import StageName

_MORE_URGENT = text(
    f"""
SELECT id AS task_id, stage, run_on FROM document_tasks t
WHERE {RUNNABLE} AND stage = ANY(:stages) AND priority > :priority AND {is_open("t.stage")}
ORDER BY priority DESC, created_at LIMIT 1"""  # noqa: S608
)

_UNTOLD = f"""
FROM document_tasks t WHERE {RUNNABLE} AND stage = ANY(:stages)
  AND (dispatched_at IS NULL OR dispatched_at < now() - interval '1 second')"""

_COUNT_RUNNABLE = text(f"SELECT count(*) {_UNTOLD}")
# Taken beforehand: in a condition of the UPDATE it may be taken anew for each row, and then for more of them.
_TAKE_RUNNABLE = text(
    f"""
WITH due AS MATERIALIZED (
  SELECT id {_UNTOLD} ORDER BY crashes DESC, dispatched_at NULLS FIRST, priority DESC, created_at
  LIMIT :count FOR UPDATE SKIP LOCKED)
UPDATE document_tasks t SET dispatched_at = now() FROM due WHERE t.id = due.id
RETURNING t.id, t.stage, t.priority, t.crashes"""  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class Urgent:
    """A task in line; `small` when one worker carries it through all stages in one go."""

    task_id: UUID
    stage: StageName
    small: bool


def more_urgent(connection: Connection, priority: int, stages: Sequence[StageName]) -> Urgent | None:
    """The first in line of these stages that goes before a task of this priority; None when nothing does."""
    values = {"stages": list(stages), "priority": priority}
    row = connection.execute(_MORE_URGENT, values).one_or_none()
    return None if row is None else Urgent(row.task_id, StageName(row.stage), row.run_on)


def count_runnable(connection: Connection, stages: Sequence[StageName]) -> int:
    """How many tasks of these stages could run now and were not announced in the last second."""
    return int(connection.execute(_COUNT_RUNNABLE, {"stages": list(stages)}).scalar_one())


@dataclass(frozen=True, slots=True)
class Announced:
    """A task whose message is to be sent now."""

    task_id: UUID
    stage: StageName
    priority: int
    recovered: bool


def take_runnable(connection: Connection, stages: Sequence[StageName], count: int) -> list[Announced]:
    """Mark up to `count` runnable tasks as announced now, recovered ones first, and return them."""
    rows = connection.execute(_TAKE_RUNNABLE, {"stages": list(stages), "count": count})
    due = [Announced(row.id, StageName(row.stage), row.priority, row.crashes > 0) for row in rows]
    return sorted(due, key=lambda task: (not task.recovered, -task.priority))  # an UPDATE keeps no order
