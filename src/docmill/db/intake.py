"""Rows of what wants in: datasets, documents, versions and tasks. One statement only makes tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from docmill.domain.ids import task_id, version_id
from docmill.domain.states import MOST_PRIORITY, Desired, EventKind, StageName, Status, VersionStatus


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document as it arrived."""

    id: UUID
    tenant: str
    dataset_id: UUID
    name: str
    sha256: str
    size_bytes: int
    media_type: str
    metadata: Mapping[str, str]
    storage_key: str
    notices: tuple[str, ...] = ()  # what the door found odd, for people
    depth: int = 0  # in how many files it lies; 0: it came by itself


@dataclass(frozen=True, slots=True)
class Arrived:
    """A document that may be new. Without a `priority`: its dataset's, and one more if it runs on."""

    document: NewDocument
    run_on: bool  # whether one worker carries it through all stages
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """The task of a document that was new, and its priority."""

    task_id: UUID
    priority: int


@dataclass(frozen=True, slots=True)
class OnBase:
    """What a version is based on: the published one, and which pages are read again."""

    version_id: UUID
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LatestRun:
    """The newest version of a document and its task; `published` tells of any version."""

    number: int
    version_id: UUID
    task_id: UUID
    status: Status
    priority: int
    published: bool
    base: OnBase | None = None


_ENTER = text(
    """SELECT pg_advisory_xact_lock_shared(hashtextextended(:key, 0)), s.settings
FROM (VALUES (1)) AS always LEFT JOIN datasets s ON s.id = :dataset AND s.tenant_id = :tenant"""
)
_LOCK_FILE_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_IS_ANY_KEPT = text("SELECT EXISTS (SELECT FROM documents)")
_IS_USED = text("SELECT EXISTS (SELECT FROM documents WHERE storage_key = :key)")

_SETTINGS = text("SELECT settings FROM datasets WHERE id = :id AND tenant_id = :tenant")
_INSERT_DATASET = text(
    """INSERT INTO datasets (id, tenant_id, name, settings, priority)
VALUES (:id, :tenant, :name, :settings, :priority) ON CONFLICT DO NOTHING"""
).bindparams(bindparam("settings", type_=JSONB))

_RUN = f"""version AS (
  INSERT INTO document_versions
    (id, tenant_id, document_id, number, status, settings, notices, base_version_id, pages_to_read)
  SELECT version, tenant_id, id, number, '{VersionStatus.BUILDING}', settings, notices, base, pages FROM run
), task AS (
  INSERT INTO document_tasks
    (id, tenant_id, dataset_id, document_id, version_id, status, desired, stage, run_on, priority,
     dispatched_at)
  SELECT task, tenant_id, dataset_id, id, version, '{Status.QUEUED}', '{Desired.RUN}', '{StageName.EXTRACT}',
    run_on, priority, now()
  FROM run
), event AS (
  INSERT INTO document_task_events (tenant_id, dataset_id, document_id, task_id, kind, stage)
  SELECT tenant_id, dataset_id, id, task, '{EventKind.ACCEPTED}', '{StageName.EXTRACT}' FROM run
)
SELECT id, task, priority FROM run"""  # noqa: S608 - our own words only

# In the order of their ids, so that of two such statements one waits for the other, and not each.
_FIRST_RUNS = text(
    f"""WITH arrived AS MATERIALIZED (
  SELECT given.*, s.settings,
    COALESCE(given.asked, LEAST(s.priority + given.run_on::integer, :most)) AS priority
  FROM (SELECT set_config('lock_timeout', :patience, true)) AS patience,
    json_to_recordset(CAST(:documents AS json)) AS given(
    id uuid, tenant_id text, dataset_id uuid, name text, sha256 text, size_bytes bigint, media_type text,
    metadata jsonb, storage_key text, depth integer, notices text[], version uuid, task uuid, run_on boolean,
    asked integer)
  JOIN datasets s ON s.id = given.dataset_id AND s.tenant_id = given.tenant_id
  WHERE pg_try_advisory_xact_lock_shared(hashtextextended(given.storage_key, 0))
), document AS (
  INSERT INTO documents
    (id, tenant_id, dataset_id, name, sha256, size_bytes, media_type, metadata, storage_key, depth)
  SELECT id, tenant_id, dataset_id, name, sha256, size_bytes, media_type, metadata, storage_key, depth
  FROM arrived ORDER BY id
  ON CONFLICT DO NOTHING RETURNING id
), run AS (
  SELECT arrived.*, 1 AS number, CAST(NULL AS uuid) AS base, CAST(NULL AS integer[]) AS pages
  FROM arrived JOIN document USING (id)
), {_RUN}"""  # noqa: S608
)

_NEXT_RUN = text(
    f"""WITH run AS (
  SELECT id, tenant_id, dataset_id, CAST(:version AS uuid) AS version, CAST(:task AS uuid) AS task,
    CAST(:number AS integer) AS number, CAST(:settings AS jsonb) AS settings,
    CAST(:notices AS text[]) AS notices, CAST(:base AS uuid) AS base, CAST(:pages AS integer[]) AS pages,
    CAST(:run_on AS boolean) AS run_on, CAST(:priority AS integer) AS priority
  FROM documents WHERE id = :id AND tenant_id = :tenant
), {_RUN}"""  # noqa: S608
).bindparams(bindparam("settings", type_=JSONB))

_LATEST_RUN = text(
    """SELECT v.number, v.id AS version_id, t.id AS task_id, t.status, t.priority,
  d.active_version_id IS NOT NULL AS published, v.base_version_id, v.pages_to_read
FROM documents d
JOIN document_versions v ON v.document_id = d.id
JOIN document_tasks t ON t.version_id = v.id
WHERE d.id = :document AND d.tenant_id = :tenant
ORDER BY v.number DESC LIMIT 1"""
)
_STORED_DOCUMENT = text(
    """SELECT id, tenant_id AS tenant, dataset_id, name, sha256, size_bytes, media_type, metadata,
  storage_key, depth
FROM documents WHERE id = :document AND tenant_id = :tenant"""
)
# Tasks first, as the runner does: whoever locked a document before its task could meet a step that wants it.
_LOCK_TASKS = text(
    """SELECT FROM document_tasks WHERE document_id = :document AND tenant_id = :tenant
ORDER BY id FOR UPDATE"""
)
_LOCK_DOCUMENT = text("SELECT FROM documents WHERE id = :document AND tenant_id = :tenant FOR UPDATE")
_LIFT = text("UPDATE documents SET depth = :depth WHERE id = :id AND tenant_id = :tenant AND depth > :depth")
_DISCARD = text(
    f"""UPDATE document_versions SET status = '{VersionStatus.DISCARDED}'
WHERE document_id = :document AND tenant_id = :tenant AND status = '{VersionStatus.BUILDING}'"""  # noqa: S608
)


def enter(connection: Connection, tenant: str, dataset: UUID, key: str) -> Mapping[str, Any] | None:
    """A dataset's settings, None when there is no such one. Until this transaction ends the file stays."""
    row = connection.execute(_ENTER, {"key": key, "dataset": dataset, "tenant": tenant}).one()
    settings: Mapping[str, Any] | None = row.settings
    return settings


def is_file_free(connection: Connection, key: str) -> bool:
    """Whether no document has the file at `key`; nobody else may begin to until this transaction ends."""
    connection.execute(_LOCK_FILE_ALONE, {"key": key})
    return not connection.execute(_IS_USED, {"key": key}).scalar_one()


def is_any_kept(connection: Connection) -> bool:
    """Whether the storage has to hold anything: every document has its file there."""
    return bool(connection.execute(_IS_ANY_KEPT).scalar_one())


def settings_of(connection: Connection, tenant: str, dataset: UUID) -> Mapping[str, Any] | None:
    """A dataset's settings; None when there is no such dataset."""
    settings: Mapping[str, Any] | None
    settings = connection.execute(_SETTINGS, {"id": dataset, "tenant": tenant}).scalar_one_or_none()
    return settings


def insert_dataset(
    connection: Connection,
    tenant: str,
    dataset: UUID,
    name: str,
    settings: Mapping[str, Any],
    priority: int,
) -> bool:
    """Make a dataset; False when it is there already. Its new documents get its `priority`."""
    values = {"id": dataset, "tenant": tenant, "name": name}
    values |= {"settings": dict(settings), "priority": priority}
    return connection.execute(_INSERT_DATASET, values).rowcount == 1


def insert_first(
    connection: Connection, arrived: Sequence[Arrived], patience_ms: int = 0
) -> dict[UUID, Begun]:
    """Make the documents that are new, each with its first version, task and event.

    By the documents' ids; one is left out that is there already, also when another transaction made it
    meanwhile, whose dataset is not there, or whose file is just removed by somebody, unless this transaction
    had entered it. Until it ends the files of all stay. With `patience_ms`, who has to wait longer for the
    same document in another transaction gets a DBAPIError.
    """
    documents = json.dumps(list(map(_first_run, arrived)), default=str)
    values = {"documents": documents, "most": MOST_PRIORITY, "patience": str(patience_ms)}
    return {row.id: Begun(row.task, row.priority) for row in connection.execute(_FIRST_RUNS, values)}


def _first_run(arrived: Arrived) -> dict[str, object]:
    document = arrived.document
    version = version_id(document.id, 1)
    return {
        **{name: getattr(document, name) for name in NewDocument.__dataclass_fields__},
        "tenant_id": document.tenant,
        "metadata": dict(document.metadata),
        "version": version,
        "task": task_id(version),
        "run_on": arrived.run_on,
        "asked": arrived.priority,
    }


def insert_run(
    connection: Connection,
    document: NewDocument,
    number: int,
    settings: Mapping[str, Any],
    *,
    run_on: bool,
    priority: int,
    base: OnBase | None = None,
) -> UUID | None:
    """Make version `number` of a document that is there, its task and its first event.

    Returns the task's id; None when there is no such document.
    """
    version = version_id(document.id, number)
    values = {
        "id": document.id,
        "tenant": document.tenant,
        "notices": list(document.notices),
        "version": version,
        "task": task_id(version),
        "number": number,
        "settings": dict(settings),
        "run_on": run_on,
        "priority": priority,
        "base": base and base.version_id,
        "pages": list(base.pages) if base else None,
    }
    made = connection.execute(_NEXT_RUN, values).one_or_none()
    return None if made is None else task_id(version)


def latest_run(connection: Connection, tenant: str, document: UUID) -> LatestRun | None:
    """The document's newest run, the document and its tasks locked; None when it was deleted meanwhile."""
    values = {"document": document, "tenant": tenant}
    lock_tasks(connection, tenant, document)
    connection.execute(_LOCK_DOCUMENT, values)
    row = connection.execute(_LATEST_RUN, values).one_or_none()
    return None if row is None else _run_of(row)


def _run_of(row: Any) -> LatestRun:
    values = dict(row._mapping)
    base, pages = values.pop("base_version_id"), values.pop("pages_to_read")
    on_base = None if base is None else OnBase(base, tuple(pages or ()))
    return LatestRun(**{**values, "status": Status(row.status), "base": on_base})


def lock_tasks(connection: Connection, tenant: str, document: UUID) -> None:
    """Keep the document's tasks as they are until this transaction ends."""
    connection.execute(_LOCK_TASKS, {"document": document, "tenant": tenant})


def stored_document(connection: Connection, tenant: str, document: UUID) -> NewDocument | None:
    """A document as it arrived; None when there is no such one."""
    row = connection.execute(_STORED_DOCUMENT, {"document": document, "tenant": tenant}).one_or_none()
    return None if row is None else NewDocument(**row._mapping)


def lift(connection: Connection, document: NewDocument) -> None:
    """Keep the least number of files that a document which is already there was found to lie in."""
    values = {"id": document.id, "tenant": document.tenant, "depth": document.depth}
    connection.execute(_LIFT, values)


def discard_building(connection: Connection, tenant: str, document: UUID) -> None:
    """Give up the document's versions that were never published; house-keeping erases what they left."""
    connection.execute(_DISCARD, {"document": document, "tenant": tenant})
