"""What estimates are made from: stages that were passed lately, and the work that is open now.

Both are of the whole installation, over all tenants; nothing of a single document leaves the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from docmill.domain.estimates import Evidence, Progress, Size
from docmill.domain.states import StageName, Status

_MOST_OPEN = 10_000

# From the end of the history, no farther than so many rows. A stage lasts from its first claim, and a pause,
# a retry or a night without a worker lies inside: what is much longer than its steps is cut.
_FINISHED = text(
    """WITH recent AS (
  SELECT id, task_id, stage FROM (
    SELECT id, task_id, stage, kind FROM document_task_events ORDER BY id DESC LIMIT 20000) AS history
  WHERE kind = 'stage_finished' LIMIT 400
)
SELECT r.stage, d.media_type, d.size_bytes, v.characters, v.total_chunks AS chunks,
  greatest(p.busy_seconds, least(extract(epoch FROM p.finished_at - p.started_at)::float8,
    2 * p.busy_seconds + 0.5)) AS seconds
FROM recent r
JOIN stage_progress p ON p.task_id = r.task_id AND p.stage = r.stage
JOIN document_tasks t ON t.id = r.task_id
JOIN document_versions v ON v.id = t.version_id
JOIN documents d ON d.id = t.document_id
WHERE v.total_chunks > 0 AND p.finished_at IS NOT NULL
ORDER BY r.id DESC"""
)

_OPEN = text(
    """SELECT t.priority, t.created_at, t.stage, t.status, d.media_type, d.size_bytes, v.characters,
  v.total_chunks AS chunks, coalesce(p.done, 0) AS done, p.total, coalesce(p.busy_seconds, 0) AS busy_seconds
FROM document_tasks t
JOIN document_versions v ON v.id = t.version_id
JOIN documents d ON d.id = t.document_id
LEFT JOIN stage_progress p ON p.task_id = t.id AND p.stage = t.stage
WHERE t.status = 'running' OR (t.status = 'queued' AND t.desired = 'run'
  AND (t.next_attempt_at IS NULL OR t.next_attempt_at <= now())
  AND NOT EXISTS (SELECT FROM stage_holds h WHERE h.stage IN (t.stage, '*')))
ORDER BY t.priority DESC, t.created_at LIMIT :most"""
)

_PROCESSES = text(
    """SELECT coalesce(sum(greatest(1, cardinality(processes))), 0) FROM workers
WHERE seen_at > now() - make_interval(secs => :patience)"""
)


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A task that runs or waits to run, and how far its stage is."""

    status: Status
    priority: int
    created_at: datetime
    stage: StageName
    size: Size
    progress: Progress


def finished_stages(connection: Connection) -> list[Evidence]:
    """The stages that were passed last, some hundred, the newest first."""
    rows = connection.execute(_FINISHED)
    return [Evidence(StageName(row.stage), _size(row), row.seconds) for row in rows]


def open_tasks(connection: Connection) -> list[OpenTask]:
    """What runs, and what could run if a process were free; the first 10,000."""
    return [_open_task(row) for row in connection.execute(_OPEN, {"most": _MOST_OPEN})]


def processes(connection: Connection, patience: float) -> int:
    """Worker processes of which there was a sign within the last `patience` seconds."""
    return int(connection.execute(_PROCESSES, {"patience": patience}).scalar_one())


def size_at(
    stage: StageName, media_type: str, size_bytes: int, characters: int | None, chunks: int | None
) -> Size:
    """What is known of a size at this stage: while a document is cut, its chunks are counted still."""
    is_cut = stage not in {StageName.EXTRACT, StageName.CHUNK}
    return Size(media_type, size_bytes, characters, chunks if is_cut else None)


def _size(row: Any) -> Size:
    return Size(row.media_type, row.size_bytes, row.characters, row.chunks)


def _open_task(row: Any) -> OpenTask:
    stage = StageName(row.stage)
    return OpenTask(
        Status(row.status),
        row.priority,
        row.created_at,
        stage,
        size_at(stage, row.media_type, row.size_bytes, row.characters, row.chunks),
        Progress(row.done, row.total, row.busy_seconds),
    )
