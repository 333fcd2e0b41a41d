"""The texts people gave to pages. A correction holds from the moment its version is published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from docmill.domain.ids import VersionRef
from docmill.domain.states import VersionStatus


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """A correction, the version it makes, and when that was published; None while it is in work."""

    id: UUID
    text: str
    previous_text: str
    created_at: datetime
    version: int
    published_at: datetime | None


_INSERT = text(
    """INSERT INTO page_corrections (id, tenant_id, document_id, version_id, page, text, previous_text)
VALUES (:id, :tenant, :document, :version, :page, :text, :previous_text)"""
)
_HAND_DOWN = text(
    "UPDATE page_corrections SET version_id = :heir WHERE version_id = :version AND tenant_id = :tenant"
)
_IN_FORCE = text(
    """SELECT DISTINCT ON (c.page) c.page, c.text FROM page_corrections c
JOIN document_versions v ON v.id = c.version_id
WHERE c.document_id = :document AND c.tenant_id = :tenant
  AND (v.id = :version OR v.published_at IS NOT NULL)
ORDER BY c.page, v.number DESC, c.created_at DESC"""
)
_OF_PAGE = text(
    f"""SELECT c.id, c.text, c.previous_text, c.created_at, v.number AS version, v.published_at
FROM page_corrections c JOIN document_versions v ON v.id = c.version_id
WHERE c.document_id = :document AND c.tenant_id = :tenant AND c.page = :page
  AND (v.published_at IS NOT NULL OR v.status = '{VersionStatus.BUILDING}')
ORDER BY v.number DESC, c.created_at DESC LIMIT :limit"""  # noqa: S608 - our own word only
)


def insert_correction(
    connection: Connection, version: VersionRef, correction: UUID, page: int, new: str, previous: str
) -> None:
    """Keep what a person wrote for a page, and what stood there; `version` is the one it makes."""
    values = {
        "id": correction,
        "tenant": version.tenant,
        "document": version.document_id,
        "version": version.version_id,
        "page": page,
        "text": new,
        "previous_text": previous,
    }
    connection.execute(_INSERT, values)


def hand_down(connection: Connection, tenant: str, version: UUID, heir: UUID) -> None:
    """Let another version make what this one was to make."""
    connection.execute(_HAND_DOWN, {"tenant": tenant, "version": version, "heir": heir})


def in_force(connection: Connection, version: VersionRef) -> dict[int, str]:
    """The text of each page that a person gave one, for this version to hold."""
    values = {
        "document": version.document_id,
        "tenant": version.tenant,
        "version": version.version_id,
    }
    return {row.page: row.text for row in connection.execute(_IN_FORCE, values)}


def corrections_of(
    connection: Connection, tenant: str, document_id: UUID, page: int, limit: int
) -> list[CorrectionRow]:
    """The corrections of a page that hold, held or are in work; the newest first."""
    values = {"tenant": tenant, "document": document_id, "page": page, "limit": limit}
    return [CorrectionRow(**row._mapping) for row in connection.execute(_OF_PAGE, values)]
