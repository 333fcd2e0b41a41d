"""Rows of the files found inside a file, and what they say of whose child a document is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from docmill.domain.documents import Untaken
from docmill.domain.errors import DocumentNotFound
from docmill.domain.ids import VersionRef
from docmill.domain.states import Status, VersionStatus


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file was found: in which version, as which of its files, under which name."""

    parent: VersionRef
    ordinal: int
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Parent:
    """What a child takes from the document it was found in. `depth` is how many files that one lies in."""

    depth: int
    metadata: Mapping[str, str]
    priority: int


_PARENT = text(
    """SELECT d.depth, d.metadata, t.priority FROM documents d JOIN document_tasks t ON t.document_id = d.id
WHERE t.version_id = :version AND d.tenant_id = :tenant"""
)

# Whoever gives the version up waits for this, and then finds the child.
_LINK = text(
    f"""WITH alive AS (
  SELECT id FROM document_versions WHERE id = :version AND tenant_id = :tenant
    AND status = '{VersionStatus.BUILDING}' FOR SHARE
), linked AS (
  INSERT INTO attachments (version_id, ordinal, tenant_id, name, size_bytes, document_id)
  SELECT id, :ordinal, :tenant, :name, :size_bytes, :child FROM alive ON CONFLICT DO NOTHING
  RETURNING ordinal
)
SELECT EXISTS (SELECT FROM linked) FROM alive"""  # noqa: S608 - our own words only
)

_ENCLOSES = text(
    """WITH RECURSIVE around (id) AS (
  SELECT CAST(:inner AS uuid)
  UNION
  SELECT v.document_id FROM around JOIN attachments a ON a.document_id = around.id
  JOIN document_versions v ON v.id = a.version_id
)
SELECT EXISTS (SELECT FROM around WHERE id = :outer)"""
)

_REFUSED = text(
    """INSERT INTO attachments (version_id, ordinal, tenant_id, name, size_bytes, error)
VALUES (:version, :ordinal, :tenant, :name, :size_bytes, CAST(:error AS jsonb)) ON CONFLICT DO NOTHING"""
)


_CHILDREN = text(
    """SELECT DISTINCT a.document_id FROM attachments a JOIN document_versions v ON v.id = a.version_id
WHERE v.document_id = ANY(:parents) AND v.tenant_id = :tenant AND a.document_id IS NOT NULL ORDER BY 1"""
)
_IS_LEFT_ALONE = text(
    """SELECT EXISTS (SELECT FROM documents d WHERE d.id = :child AND d.tenant_id = :tenant AND d.depth > 0
  AND NOT EXISTS (SELECT FROM attachments a WHERE a.document_id = d.id))"""
)
_BEGUN_FOR = text(
    """SELECT DISTINCT d.id FROM attachments a JOIN documents d ON d.id = a.document_id
WHERE a.version_id = :version AND a.tenant_id = :tenant AND d.depth > 0 AND d.active_version_id IS NULL
  AND NOT EXISTS (SELECT FROM attachments b WHERE b.document_id = d.id AND b.version_id <> :version)
ORDER BY 1"""
)
_CANCELLED = text(
    f"""SELECT v.id FROM document_versions v JOIN document_tasks t ON t.version_id = v.id
WHERE v.status = '{VersionStatus.DISCARDED}' AND v.tenant_id = :tenant AND t.status = '{Status.CANCELLED}'
  AND v.document_id = :document"""  # noqa: S608
)
_CANCELLED_PARENTS = text(
    f"""SELECT DISTINCT v.tenant_id, v.document_id FROM document_versions v
JOIN document_tasks t ON t.version_id = v.id AND t.status = '{Status.CANCELLED}'
JOIN attachments a ON a.version_id = v.id
WHERE v.status = '{VersionStatus.DISCARDED}'
  AND (CAST(:documents AS uuid[]) IS NULL OR v.document_id = ANY(:documents)) ORDER BY 1, 2 LIMIT :limit"""  # noqa: S608
)
_FORGET = text(
    """UPDATE attachments SET document_id = NULL, error = CAST(:error AS jsonb)
WHERE document_id = :child AND tenant_id = :tenant"""
)

_FOUND_IN = text(
    """SELECT a.name, a.size_bytes, a.document_id, a.error FROM documents d
JOIN attachments a ON a.version_id = coalesce(d.active_version_id, (
  SELECT id FROM document_versions WHERE document_id = d.id ORDER BY number DESC LIMIT 1))
WHERE d.id = :document AND d.tenant_id = :tenant ORDER BY a.ordinal"""
)
_PARENTS = text(
    """SELECT DISTINCT a.document_id AS child, p.id, p.name FROM attachments a
JOIN document_versions v ON v.id = a.version_id JOIN documents p ON p.id = v.document_id
WHERE a.document_id = ANY(:children) AND a.tenant_id = :tenant ORDER BY p.name, p.id"""
)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file found inside a document: the document it became, or why it became none."""

    name: str
    size_bytes: int
    document_id: UUID | None
    error: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class ParentName:
    """A document that holds another one."""

    document_id: UUID
    name: str


def parent_of(connection: Connection, parent: VersionRef) -> Parent | None:
    """What a child takes from this version's document; None when it was deleted."""
    values = {"version": parent.version_id, "tenant": parent.tenant}
    row = connection.execute(_PARENT, values).one_or_none()
    return None if row is None else Parent(**row._mapping)


def link(connection: Connection, place: Place, child: UUID) -> bool | None:
    """Say that this document was found there; False when that was said before.

    None when the version is not being built any more. Until this transaction ends nobody gives it up.
    """
    values = {**_values(place), "child": child}
    is_new: bool | None = connection.execute(_LINK, values).scalar_one_or_none()
    return is_new


def encloses(connection: Connection, outer: UUID, inner: UUID) -> bool:
    """Whether the one document is, or holds at any depth, the other."""
    return bool(connection.execute(_ENCLOSES, {"outer": outer, "inner": inner}).scalar_one())


def children_of(connection: Connection, tenant: str, parents: Sequence[UUID]) -> list[UUID]:
    """The documents that were found inside these, by any of their versions."""
    return list(connection.execute(_CHILDREN, {"parents": list(parents), "tenant": tenant}).scalars())


def is_left_alone(connection: Connection, tenant: str, child: UUID) -> bool:
    """Whether a document came only inside others, none of which is there any more."""
    values = {"child": child, "tenant": tenant}
    return bool(connection.execute(_IS_LEFT_ALONE, values).scalar_one())


def begun_for(connection: Connection, tenant: str, version: UUID) -> list[UUID]:
    """The documents that only this version brought along, and that were never published."""
    return list(connection.execute(_BEGUN_FOR, {"version": version, "tenant": tenant}).scalars())


def cancelled_versions(connection: Connection, tenant: str, document: UUID) -> list[UUID]:
    """The versions of a document whose processing was cancelled, and whose rows are still there."""
    return list(connection.execute(_CANCELLED, {"document": document, "tenant": tenant}).scalars())


def cancelled_parents(
    connection: Connection, documents: Sequence[UUID] | None, limit: int
) -> list[tuple[str, UUID]]:
    """Tenants and ids of those of these documents, or of all, that hold files and were just cancelled."""
    values = {"documents": None if documents is None else list(documents), "limit": limit}
    return [(row.tenant_id, row.document_id) for row in connection.execute(_CANCELLED_PARENTS, values)]


def forget(connection: Connection, tenant: str, child: UUID) -> None:
    """Tell of the file that became this document that the document was deleted."""
    error = _error(Untaken(DocumentNotFound.code, "The document of this file was deleted."))
    connection.execute(_FORGET, {"child": child, "tenant": tenant, "error": error})


def found_in(connection: Connection, tenant: str, document: UUID) -> list[FoundFile]:
    """The files inside the version of a document that is shown, in their order."""
    rows = connection.execute(_FOUND_IN, {"document": document, "tenant": tenant})
    return [FoundFile(**row._mapping) for row in rows]


def parents_of(connection: Connection, tenant: str, children: Sequence[UUID]) -> dict[UUID, list[ParentName]]:
    """By document, those that hold it, by name."""
    parents: dict[UUID, list[ParentName]] = {}
    for row in connection.execute(_PARENTS, {"children": list(children), "tenant": tenant}):
        parents.setdefault(row.child, []).append(ParentName(row.id, row.name))
    return parents


def insert_untaken(connection: Connection, untaken: Iterable[tuple[Place, Untaken]]) -> None:
    """Say why files that were found there are no documents."""
    rows = [{**_values(place), "error": _error(why)} for place, why in untaken]
    if rows:
        connection.execute(_REFUSED, rows)


def _values(place: Place) -> dict[str, Any]:
    return {
        "version": place.parent.version_id,
        "tenant": place.parent.tenant,
        "ordinal": place.ordinal,
        "name": place.name,
        "size_bytes": place.size_bytes,
    }


def _error(why: Untaken) -> str:
    return json.dumps({"code": why.code, "message": why.message})
