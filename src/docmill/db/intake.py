"""Rows of what wants in: datasets, documents, versions and tasks. One statement only makes tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from docmill.domain.ids import task_id, version_id
from docmill.domain.states import Desired, EventKind, StageName, Status, VersionStatus


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


@dataclass(frozen=True, slots=True)
class LatestRun:
    """The newest version of a document and its task; `published` tells of any version."""

    number: int
    version_id: UUID
    task_id: UUID
    status: Status
    published: bool


_LOCK_FILE = text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:key, 0))")
_LOCK_FILE_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_IS_USED = text("SELECT EXISTS (SELECT FROM documents WHERE storage_key = :key)")

_DATASET_SETTINGS = text("SELECT settings FROM datasets WHERE id = :id AND tenant_id = :tenant")
_INSERT_DATASET = text(
    """INSERT INTO datasets (id, tenant_id, name, settings) VALUES (:id, :tenant, :name, :settings)
ON CONFLICT DO NOTHING"""
).bindparams(bindparam("settings", type_=JSONB))

_INSERT_DOCUMENT = text(
    """INSERT INTO documents
  (id, tenant_id, dataset_id, name, sha256, size_bytes, media_type, metadata, storage_key)
VALUES (:id, :tenant, :dataset_id, :name, :sha256, :size_bytes, :media_type, :metadata, :storage_key)
ON CONFLICT DO NOTHING"""
).bindparams(bindparam("metadata", type_=JSONB))

_INSERT_RUN = text(
    f"""
WITH version AS (
  INSERT INTO document_versions (id, tenant_id, document_id, number, status, settings)
  VALUES (:version, :tenant, :document, :number, '{VersionStatus.BUILDING}', :settings)
), task AS (
  INSERT INTO document_tasks
    (id, tenant_id, dataset_id, document_id, version_id, status, desired, stage, run_on, dispatched_at)
  VALUES (:task, :tenant, :dataset, :document, :version, '{Status.QUEUED}', '{Desired.RUN}', :stage,
    :run_on, now())
)
INSERT INTO document_task_events (tenant_id, document_id, task_id, kind, stage)
VALUES (:tenant, :document, :task, '{EventKind.ACCEPTED}', :stage)"""  # noqa: S608 - our own words only
).bindparams(bindparam("settings", type_=JSONB))

_LATEST_RUN = text(
    """SELECT v.number, v.id AS version_id, t.id AS task_id, t.status,
  d.active_version_id IS NOT NULL AS published
FROM documents d
JOIN document_versions v ON v.document_id = d.id
JOIN document_tasks t ON t.version_id = v.id
WHERE d.id = :document AND d.tenant_id = :tenant
ORDER BY v.number DESC LIMIT 1"""
)
_LOCK_DOCUMENT = text("SELECT FROM documents WHERE id = :document AND tenant_id = :tenant FOR UPDATE")
_DISCARD = text(
    f"""UPDATE document_versions SET status = '{VersionStatus.DISCARDED}'
WHERE document_id = :document AND tenant_id = :tenant AND status = '{VersionStatus.BUILDING}'"""  # noqa: S608
)


def hold_file(connection: Connection, key: str) -> None:
    """Keep the file at `key` from being removed until this transaction ends."""
    connection.execute(_LOCK_FILE, {"key": key})


def is_file_free(connection: Connection, key: str) -> bool:
    """Whether no document has the file at `key`; nobody else may begin to until this transaction ends."""
    connection.execute(_LOCK_FILE_ALONE, {"key": key})
    return not connection.execute(_IS_USED, {"key": key}).scalar_one()


def dataset_settings(connection: Connection, tenant: str, dataset: UUID) -> Mapping[str, Any] | None:
    """A dataset's settings; None when there is no such dataset."""
    settings: Mapping[str, Any] | None = connection.execute(
        _DATASET_SETTINGS, {"id": dataset, "tenant": tenant}
    ).scalar_one_or_none()
    return settings


def insert_dataset(
    connection: Connection, tenant: str, dataset: UUID, name: str, settings: Mapping[str, Any]
) -> bool:
    """Make a dataset; False when it is there already."""
    values = {"id": dataset, "tenant": tenant, "name": name, "settings": dict(settings)}
    return connection.execute(_INSERT_DATASET, values).rowcount == 1


def insert_document(connection: Connection, document: NewDocument) -> bool:
    """Make a document; False when it is there already, also when another transaction made it meanwhile."""
    values = {name: getattr(document, name) for name in NewDocument.__dataclass_fields__}
    return connection.execute(_INSERT_DOCUMENT, {**values, "metadata": dict(document.metadata)}).rowcount == 1


def insert_run(
    connection: Connection, document: NewDocument, number: int, settings: Mapping[str, Any], run_on: bool
) -> UUID:
    """Make version `number` of a document, its task and its first event; returns the task's id."""
    version = version_id(document.id, number)
    values = {
        "version": version,
        "task": task_id(version),
        "tenant": document.tenant,
        "dataset": document.dataset_id,
        "document": document.id,
        "number": number,
        "settings": dict(settings),
        "stage": StageName.EXTRACT,
        "run_on": run_on,
    }
    connection.execute(_INSERT_RUN, values)
    return task_id(version)


def latest_run(connection: Connection, tenant: str, document: UUID) -> LatestRun | None:
    """The document's newest run, the document locked; None when it was deleted meanwhile."""
    values = {"document": document, "tenant": tenant}
    connection.execute(_LOCK_DOCUMENT, values)
    row = connection.execute(_LATEST_RUN, values).one_or_none()
    return None if row is None else LatestRun(**{**row._mapping, "status": Status(row.status)})


def discard_building(connection: Connection, tenant: str, document: UUID) -> None:
    """Give up the document's versions that were never published; house-keeping erases what they left."""
    connection.execute(_DISCARD, {"document": document, "tenant": tenant})
