"""Who goes first: what is said of one task in the line of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from docmill.domain.states import StageName

_MORE_URGENT = text(
    """
SELECT id AS task_id, stage, run_on FROM document_tasks t
WHERE status = 'queued' AND desired = 'run' AND stage = ANY(:stages) AND priority > :priority
  AND (next_attempt_at IS NULL OR next_attempt_at <= now())
  AND NOT EXISTS (SELECT FROM stage_holds h WHERE h.stage IN (t.stage, '*'))
ORDER BY priority DESC, created_at LIMIT 1"""
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
