"""The log lines of documents: written in batches, read page by page, forgotten after a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line of a document, or of a task whose document is to be looked up; `age` is in seconds."""

    document_id: UUID | None
    task_id: UUID | None
    age: float
    level: str
    stage: str | None
    event: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line as stored."""

    id: int
    task_id: UUID | None
    at: datetime
    level: str
    stage: str | None
    event: str
    data: Mapping[str, Any]


# Nobody waits for the disk: a line lost in a power cut is still in the log of the process.
_HURRY = text("SET LOCAL synchronous_commit TO off")

# The tenant is the document's. Lines of a document that was deleted meanwhile fall away.
_INSERT = text(
    """INSERT INTO document_logs (tenant_id, document_id, task_id, at, level, stage, event, data)
SELECT d.tenant_id, d.id, l.task_id, clock_timestamp() - make_interval(secs => l.age), l.level, l.stage,
  l.event, l.data
FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS l
  (place int, document_id uuid, task_id uuid, age float8, level text, stage text, event text, data jsonb)
LEFT JOIN document_tasks t ON t.id = l.task_id AND l.document_id IS NULL
JOIN documents d ON d.id = coalesce(l.document_id, t.document_id)
ORDER BY l.place"""
)

_PAGE = text(
    """SELECT id, task_id, at, level, stage, event, data FROM document_logs
WHERE document_id = :document AND tenant_id = :tenant AND level = ANY(:levels)
  AND (at, id) > (coalesce(CAST(:after_at AS timestamptz), '-infinity'), :after_id)
ORDER BY at, id LIMIT :limit"""
)

# Ids follow the time of writing, so the oldest lines are found without an index of their own.
_FORGET = text(
    """DELETE FROM document_logs WHERE at < now() - make_interval(days => :days)
  AND id IN (SELECT id FROM document_logs ORDER BY id LIMIT :portion)"""
)


def insert(connection: Connection, lines: Sequence[NewLine]) -> None:
    """Write lines, at the database's clock less the age of each."""
    connection.execute(_HURRY)
    records = [
        {
            "place": place,
            "document_id": line.document_id and str(line.document_id),
            "task_id": line.task_id and str(line.task_id),
            "age": line.age,
            "level": line.level,
            "stage": line.stage,
            "event": line.event,
            "data": line.data,
        }
        for place, line in enumerate(lines)
    ]
    connection.execute(_INSERT, {"lines": json.dumps(records)})


def page(
    connection: Connection,
    tenant: str,
    document: UUID,
    levels: Sequence[str],
    after: tuple[datetime, int] | None,
    limit: int,
) -> list[LogLine]:
    """Up to `limit` lines of a document behind a place, the oldest first."""
    after_at, after_id = after or (None, 0)
    values = {"document": document, "tenant": tenant, "levels": list(levels), "limit": limit}
    rows = connection.execute(_PAGE, {**values, "after_at": after_at, "after_id": after_id})
    return [LogLine(**row._mapping) for row in rows]


def forget(connection: Connection, days: int, portion: int) -> int:
    """Delete lines older than `days`, of the `portion` oldest ones; returns how many."""
    return connection.execute(_FORGET, {"days": days, "portion": portion}).rowcount
