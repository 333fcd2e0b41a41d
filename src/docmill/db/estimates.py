"""What estimates are made from: stages that were passed lately, and the work that is open now.

Both are of the whole installation, over all tenants; nothing of a single document leaves the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from docmill.db.conditions import RUNNABLE, is_open
from docmill.db.workers import LIVING_SECONDS
from docmill.domain.estimates import Evidence, Progress, Size
from docmill.domain.states import StageName, Status

_MOST = 1_000  # looked at one by one

# What took its results over from an earlier version says nothing of the work.
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
  AND v.base_version_id IS NULL AND coalesce(p.cursor->>'compared', '0') = '0'
ORDER BY r.id DESC"""
)

_OPEN = text(
    f"""WITH t AS (
  SELECT id, version_id, document_id, priority, created_at, stage, status FROM document_tasks t
  WHERE t.status = 'running' OR ({RUNNABLE} AND {is_open("t.stage")})
  ORDER BY t.status = 'running' DESC, t.priority DESC, t.created_at LIMIT :most
)
SELECT t.priority, t.created_at, t.stage, t.status, d.media_type, d.size_bytes, v.characters,
  v.total_chunks AS chunks, coalesce(p.done, 0) AS done, p.total, coalesce(p.busy_seconds, 0) AS busy_seconds
FROM t
JOIN document_versions v ON v.id = t.version_id
JOIN documents d ON d.id = t.document_id
LEFT JOIN stage_progress p ON p.task_id = t.id AND p.stage = t.stage
ORDER BY t.priority DESC, t.created_at"""  # noqa: S608 - our own words only
)

# Milestones of a long line: every hundredth who waits in it.
_MILESTONES = text(
    f"""SELECT priority, created_at, place FROM (
  SELECT priority, created_at, row_number() OVER (ORDER BY priority DESC, created_at) AS place
  FROM document_tasks t WHERE {RUNNABLE} AND {is_open("t.stage")}) AS line
WHERE place % 100 = 0 ORDER BY place LIMIT :most"""  # noqa: S608
)

_PROCESSES = text(
    """SELECT coalesce(sum(greatest(1, cardinality(processes))), 0) FROM workers
WHERE seen_at > now() - make_interval(secs => :living)"""
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
    """What runs, and what could run if a process were free; the first 1,000."""
    return [_open_task(row) for row in connection.execute(_OPEN, {"most": _MOST})]


def milestones(connection: Connection) -> list[tuple[int, datetime, int]]:
    """Priority, time of arrival and place of every hundredth task in line, from the first on."""
    rows = connection.execute(_MILESTONES, {"most": _MOST})
    return [(row.priority, row.created_at, row.place) for row in rows]


def processes(connection: Connection) -> int:
    """How many processes the living workers have."""
    return int(connection.execute(_PROCESSES, {"living": LIVING_SECONDS}).scalar_one())


def size_at(
    stage: StageName, media_type: str, size_bytes: int, characters: int | None, chunks: int | None
) -> Size:
    """What is known of a size at this stage: while a document is cut, its chunks are counted still."""
    is_cut = stage not in {StageName.EXTRACT, StageName.OCR, StageName.CHUNK}
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
