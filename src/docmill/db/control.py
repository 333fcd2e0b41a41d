"""The statements by which people move tasks. When no row moves, the state forbids it.

Each works on one document or on all of a dataset, and only on the newest processing of each document.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from docmill.domain.states import StageName


class Scope(StrEnum):
    """What a verb is said of. The values are column names."""

    DOCUMENT = "document_id"
    DATASET = "dataset_id"


class Verb(StrEnum):
    """What people can ask of a task."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Moved:
    """A task that a verb moved, and whether it can run now."""

    task_id: UUID
    document_id: UUID
    stage: StageName
    priority: int
    runnable: bool


_MOVES = {
    Verb.PAUSE: """desired = 'pause', status = CASE status WHEN 'queued' THEN 'paused' ELSE status END
  WHERE status IN ('queued', 'running') AND desired = 'run'""",
    Verb.RESUME: """desired = 'run', status = CASE status WHEN 'paused' THEN 'queued' ELSE status END,
    dispatched_at = now() WHERE status IN ('paused', 'running', 'queued') AND desired = 'pause'""",
    Verb.CANCEL: """desired = 'cancel', status = 'cancelled', fence = fence + 1, owner = NULL,
    lease_until = NULL, finished_at = now() WHERE status IN ('queued', 'running', 'paused')""",
    Verb.RETRY: """desired = 'run', status = 'queued', errors = 0, crashes = 0, error = NULL,
    next_attempt_at = NULL, finished_at = NULL, dispatched_at = now()
  WHERE status = 'failed' AND version_id = (
    SELECT id FROM document_versions v WHERE v.document_id = t.document_id ORDER BY number DESC LIMIT 1)""",
}

_KINDS = {
    Verb.PAUSE: "CASE status WHEN 'paused' THEN 'paused' ELSE 'pause_requested' END",
    Verb.RESUME: "'resumed'",
    Verb.CANCEL: "'cancelled'",
    Verb.RETRY: "'retried'",
}


def _statement(verb: Verb, scope: Scope) -> TextClause:
    return text(
        f"""
WITH moved AS (
  UPDATE document_tasks t SET updated_at = now(), {_MOVES[verb]}
    AND t.{scope} = :id AND t.tenant_id = :tenant
  RETURNING t.*
), event AS (
  INSERT INTO document_task_events (tenant_id, dataset_id, document_id, task_id, kind, stage)
  SELECT tenant_id, dataset_id, document_id, id, {_KINDS[verb]}, stage FROM moved
), discarded AS (
  UPDATE document_versions v SET status = 'discarded' FROM moved
  WHERE v.id = moved.version_id AND v.status = 'building' AND moved.status = 'cancelled'
)
SELECT id AS task_id, document_id, stage, priority, status = 'queued' AS runnable FROM moved"""  # noqa: S608
    )


_PRIORITIZE = text(
    """
WITH moved AS (
  UPDATE document_tasks t SET updated_at = now(), priority = :priority,
    dispatched_at = CASE WHEN status = 'queued' THEN now() ELSE dispatched_at END
  WHERE t.document_id = :id AND t.tenant_id = :tenant AND t.priority <> :priority AND t.version_id = (
    SELECT id FROM document_versions v WHERE v.document_id = t.document_id ORDER BY number DESC LIMIT 1)
  RETURNING t.*
), event AS (
  INSERT INTO document_task_events (tenant_id, dataset_id, document_id, task_id, kind, stage, data)
  SELECT tenant_id, dataset_id, document_id, id, 'priority_changed', stage,
    jsonb_build_object('priority', priority) FROM moved
)
SELECT id AS task_id, document_id, stage, priority, status = 'queued' AND desired = 'run' AS runnable
FROM moved"""
)

# Whoever begins another version locks the document's tasks first, and so does a retry: else it could bring
# back the task of a version that is given up.
_LOCK_FAILED = {
    scope: text(
        f"""SELECT FROM document_tasks WHERE {scope} = :id AND tenant_id = :tenant AND status = 'failed'
ORDER BY id FOR UPDATE"""
    )
    for scope in Scope
}

_STATEMENTS = {(verb, scope): _statement(verb, scope) for verb in Verb for scope in Scope}


def move(connection: Connection, verb: Verb, scope: Scope, tenant: str, target: UUID) -> list[Moved]:
    """Say a verb of a document or a dataset; returns the tasks that moved."""
    values = {"id": target, "tenant": tenant}
    if verb is Verb.RETRY:
        connection.execute(_LOCK_FAILED[scope], values)
    rows = connection.execute(_STATEMENTS[verb, scope], values)
    return [_moved(row) for row in rows]


def prioritize(connection: Connection, tenant: str, document_id: UUID, priority: int) -> Moved | None:
    """Give a document's newest task another priority; None when it has that one, or there is no such task."""
    values = {"id": document_id, "tenant": tenant, "priority": priority}
    row = connection.execute(_PRIORITIZE, values).one_or_none()
    return None if row is None else _moved(row)


def _moved(row: Any) -> Moved:
    return Moved(row.task_id, row.document_id, StageName(row.stage), row.priority, row.runnable)
