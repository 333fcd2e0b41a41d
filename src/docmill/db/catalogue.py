"""What is there: datasets, documents and how far each one is. Every statement names the tenant."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from docmill.db.conditions import DENSE, RUNNABLE
from docmill.domain.states import Desired, EventKind, Status, TaskStatus
from docmill.domain.status import LAST_PLACE, NAMINGS


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A dataset as stored, with the number of its documents."""

    id: UUID
    name: str
    settings: Mapping[str, Any]
    priority: int
    created_at: datetime
    documents: int


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document, the version that is shown (the published one, else the newest) and its newest task."""

    id: UUID
    dataset_id: UUID
    dataset: str
    name: str
    sha256: str
    size_bytes: int
    media_type: str
    metadata: Mapping[str, str]
    storage_key: str
    created_at: datetime
    active_version_id: UUID | None
    version: int
    title: str | None
    language: str | None
    language_confidence: float | None
    file_metadata: Mapping[str, str]
    pages: int | None
    characters: int | None
    total_chunks: int | None
    chunk_kinds: Mapping[str, int] | None
    truncated_tokens: int
    reader: str | None
    notices: Sequence[str]
    missing_pages: Sequence[Mapping[str, Any]]  # {page, code, message} of each that could not be read
    published_at: datetime | None
    task_id: UUID
    status: str
    desired: str
    stage: str
    priority: int
    started: bool
    error: Mapping[str, Any] | None
    retries: int
    retry_at: datetime | None
    task_created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    progress: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Listing:
    """Which documents are listed, newest first.

    `name` is a part of the file name, in any case of letters. `about` are words that the name, the metadata
    (the user's and the file's own, its title among them) and the outline hold together. `dense` asks for
    published ones that have, or have not, vectors of `model`.
    """

    dataset_id: UUID | None = None
    status: TaskStatus | None = None
    name: str | None = None
    about: str | None = None
    missing_pages: bool | None = None
    parent_id: UUID | None = None
    dense: bool | None = None
    model: str = ""
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


_DATASETS = """SELECT s.id, s.name, s.settings, s.priority, s.created_at,
  (SELECT count(*) FROM documents d WHERE d.tenant_id = s.tenant_id AND d.dataset_id = s.id) AS documents
FROM datasets s WHERE s.tenant_id = :tenant"""
_DATASET = text(f"{_DATASETS} AND s.id = :id")
_DATASETS_AFTER = text(
    f'{_DATASETS} AND s.name COLLATE "C" > :after ORDER BY s.name COLLATE "C" LIMIT :limit'
)
_SET_DATASET = text(
    """UPDATE datasets SET settings = :settings, priority = coalesce(:priority, priority)
WHERE id = :id AND tenant_id = :tenant"""
).bindparams(bindparam("settings", type_=JSONB))

_DOCUMENTS = """SELECT d.id, d.dataset_id, s.name AS dataset, d.name, d.sha256, d.size_bytes, d.media_type,
  d.metadata, d.storage_key, d.created_at, d.active_version_id,
  v.number AS version, v.title, v.language, v.language_confidence, v.metadata AS file_metadata, v.pages,
  v.characters, v.total_chunks, v.chunk_kinds, v.truncated_tokens,
  v.reader, v.notices, coalesce(m.missing, '[]') AS missing_pages, v.published_at,
  t.id AS task_id, t.status, t.desired, t.stage, t.priority,
  t.started_at IS NOT NULL AS started, t.error, t.errors AS retries,
  CASE WHEN t.next_attempt_at > now() THEN t.next_attempt_at END AS retry_at,
  t.created_at AS task_created_at, t.updated_at, t.finished_at, coalesce(p.progress, '[]') AS progress
FROM documents d
JOIN datasets s ON s.id = d.dataset_id
JOIN LATERAL (
  SELECT id FROM document_versions WHERE document_id = d.id ORDER BY number DESC LIMIT 1) newest ON true
JOIN document_tasks t ON t.version_id = newest.id
JOIN document_versions v ON v.id = coalesce(d.active_version_id, newest.id)
LEFT JOIN LATERAL (
  SELECT jsonb_agg(jsonb_build_object(
    'stage', stage, 'done', done, 'total', total, 'reached', reached,
    'busy_seconds', busy_seconds)) AS progress
  FROM stage_progress WHERE task_id = t.id) p ON true
LEFT JOIN LATERAL (
  SELECT jsonb_agg(missing || jsonb_build_object('page', number) ORDER BY number) AS missing
  FROM pages WHERE version_id = v.id AND missing IS NOT NULL) m ON true
WHERE d.tenant_id = :tenant"""

_DOCUMENT = text(f"{_DOCUMENTS} AND d.id = :id")
_IN_WORK = text(
    f"""{_DOCUMENTS} AND t.status = '{Status.RUNNING}' AND d.id = ANY(ARRAY(
  SELECT document_id FROM document_tasks WHERE status = '{Status.RUNNING}' AND tenant_id = :tenant))
ORDER BY d.created_at, d.id"""  # noqa: S608
)


def is_called(name: TaskStatus) -> str:
    """The condition that a task `t` is called so outside, from the one table that says it."""
    cases = (
        f"(t.status IN {_words(naming.status)} AND t.desired IN {_words(naming.desired)}"
        + ("" if naming.started is None else f" AND (t.started_at IS NOT NULL) = {naming.started}")
        + ")"
        for naming in NAMINGS
        if naming.name is name
    )
    return f"({' OR '.join(cases)})"


def _words(words: frozenset[Status] | frozenset[Desired]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in sorted(words)) + ")"


_CONDITIONS = {
    "dataset_id": "d.dataset_id = :dataset_id",
    "name": "strpos(lower(d.name), lower(:name)) > 0",
    "about": "d.about @@ plainto_tsquery('simple', regexp_replace(:about, '[^[:alnum:]]+', ' ', 'g'))",
    "missing_pages": """:missing_pages = EXISTS (
  SELECT FROM pages WHERE version_id = v.id AND missing IS NOT NULL)""",
    "parent_id": """d.id IN (SELECT a.document_id FROM attachments a
  JOIN document_versions v ON v.id = a.version_id WHERE v.document_id = :parent_id)""",
    "dense": f"d.active_version_id IS NOT NULL AND :dense = {DENSE}",
    "before": "(d.created_at, d.id) < (:before_at, :before_id)",
}
# The newest task must be called so. That any is lets the few begin from their tasks, not from all documents.
_STATUS_CONDITIONS = {
    name: f"""{is_called(name)} AND EXISTS (
  SELECT FROM document_tasks t WHERE t.document_id = d.id AND t.tenant_id = :tenant AND {is_called(name)})"""
    for name in TaskStatus
}

_WAITING = f"SELECT FROM document_tasks t WHERE stage = :stage AND {RUNNABLE}"

# Two ranges of one index, and no farther than a person cares: as fast in a line of 100,000 as in one of ten.
_PLACE = text(
    f"""SELECT count(*) FROM (
  ({_WAITING} AND priority > :priority LIMIT :limit)
  UNION ALL
  ({_WAITING} AND priority = :priority AND created_at <= :created_at LIMIT :limit)
) AS ahead"""  # noqa: S608 - our own words only
)

_DELETE = text(
    f"""
WITH versions AS (
  SELECT v.id FROM document_versions v WHERE v.document_id = :id AND v.tenant_id = :tenant
), event AS (
  INSERT INTO document_task_events (tenant_id, dataset_id, document_id, task_id, kind)
  SELECT tenant_id, dataset_id, document_id, id, '{EventKind.DELETED}' FROM document_tasks
  WHERE document_id = :id AND tenant_id = :tenant ORDER BY created_at DESC LIMIT 1
), gone AS (
  DELETE FROM documents WHERE id = :id AND tenant_id = :tenant RETURNING storage_key
)
INSERT INTO erasures (tenant_id, storage_key, version_ids)
SELECT :tenant, storage_key, ARRAY(SELECT id FROM versions) FROM gone RETURNING id"""  # noqa: S608
)

_COUNT_KNOWN = text("SELECT count(*) FROM documents WHERE tenant_id = :tenant AND id = ANY(:ids)")

_CHUNKS = text(
    """SELECT id, ordinal, kind, text, char_start, char_end, tokens, pages, boxes, section_path, language,
  language_confidence, hidden
FROM chunks WHERE version_id = :version AND tenant_id = :tenant AND ordinal > :after
ORDER BY ordinal LIMIT :limit"""
)


def dataset(connection: Connection, tenant: str, dataset_id: UUID) -> DatasetRow | None:
    """One dataset; None when there is no such one."""
    row = connection.execute(_DATASET, {"tenant": tenant, "id": dataset_id}).one_or_none()
    return None if row is None else DatasetRow(**row._mapping)


def datasets(connection: Connection, tenant: str, after: str, limit: int) -> list[DatasetRow]:
    """Up to `limit` datasets whose names come after this one."""
    values = {"tenant": tenant, "after": after, "limit": limit}
    return [DatasetRow(**row._mapping) for row in connection.execute(_DATASETS_AFTER, values)]


def set_dataset(
    connection: Connection, tenant: str, dataset_id: UUID, settings: Mapping[str, Any], priority: int | None
) -> None:
    """Replace a dataset's settings, and its priority unless that is None."""
    values = {"tenant": tenant, "id": dataset_id, "settings": dict(settings), "priority": priority}
    connection.execute(_SET_DATASET, values)


def document(connection: Connection, tenant: str, document_id: UUID) -> DocumentRow | None:
    """One document; None when there is no such one."""
    row = connection.execute(_DOCUMENT, {"tenant": tenant, "id": document_id}).one_or_none()
    return None if row is None else DocumentRow(**row._mapping)


def documents(connection: Connection, tenant: str, listing: Listing) -> list[DocumentRow]:
    """Documents of a listing, newest first."""
    values: dict[str, Any] = {"tenant": tenant}
    conditions = [sql for name, sql in _CONDITIONS.items() if getattr(listing, name) is not None]
    if listing.status is not None:
        conditions.append(_STATUS_CONDITIONS[listing.status])
    for name in ("dataset_id", "name", "about", "missing_pages", "parent_id", "dense", "model"):
        values[name] = getattr(listing, name)
    if listing.before is not None:
        values["before_at"], values["before_id"] = listing.before
    where = "".join(f" AND {condition}" for condition in conditions)
    # A literal limit: for one that comes later the server plans anew each time, for the whole table.
    ordered = f"ORDER BY d.created_at DESC, d.id DESC LIMIT {listing.limit:d}"
    statement = text(f"{_DOCUMENTS}{where} {ordered}")
    return [DocumentRow(**row._mapping) for row in connection.execute(statement, values)]


def in_work(connection: Connection, tenant: str) -> list[DocumentRow]:
    """The documents that a worker has in hand, oldest first."""
    return [DocumentRow(**row._mapping) for row in connection.execute(_IN_WORK, {"tenant": tenant})]


def place_in_line(connection: Connection, row: DocumentRow) -> int:
    """How many tasks of its stage are taken up before it, itself included; beyond LAST_PLACE inexact."""
    values = {"stage": row.stage, "priority": row.priority, "created_at": row.task_created_at}
    return int(connection.execute(_PLACE, {**values, "limit": LAST_PLACE + 1}).scalar_one())


def delete_document(connection: Connection, tenant: str, document_id: UUID) -> int | None:
    """Delete a document with all that hangs on it; the erasure of what lies elsewhere; None without one."""
    erasure: int | None = connection.execute(
        _DELETE, {"id": document_id, "tenant": tenant}
    ).scalar_one_or_none()
    return erasure


def count_known(connection: Connection, tenant: str, document_ids: Collection[UUID]) -> int:
    """How many of these documents there are."""
    return int(connection.execute(_COUNT_KNOWN, {"tenant": tenant, "ids": list(document_ids)}).scalar_one())


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk as stored. `boxes` is [[page, x0, y0, x1, y1], …]."""

    id: UUID
    ordinal: int
    kind: str
    text: str
    char_start: int
    char_end: int
    tokens: int
    pages: Sequence[int]
    boxes: list[list[float]] | None
    section_path: Sequence[str]
    language: str | None
    language_confidence: float | None
    hidden: bool


def chunks(connection: Connection, tenant: str, version: UUID, after: int, limit: int) -> list[ChunkRow]:
    """Up to `limit` chunks of a version behind ordinal `after`."""
    values = {"tenant": tenant, "version": version, "after": after, "limit": limit}
    return [ChunkRow(**row._mapping) for row in connection.execute(_CHUNKS, values)]
