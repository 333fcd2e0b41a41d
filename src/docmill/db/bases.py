"""What a version takes over from the one it is based on, beside blocks and pages."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, text

from docmill.db.versions import HIDDEN_NOTICE
from docmill.domain.documents import OutlineEntry, ReadInfo
from docmill.domain.ids import VersionRef

_READ_INFO = text(
    """SELECT reader, title, pages, metadata, notices, outline FROM document_versions
WHERE id = :version AND tenant_id = :tenant"""
)
_ATTACHMENTS = text(
    """INSERT INTO attachments (version_id, ordinal, tenant_id, name, size_bytes, document_id, error)
SELECT :version, ordinal, tenant_id, name, size_bytes, document_id, error FROM attachments
WHERE version_id = :base AND tenant_id = :tenant"""
)


def read_info(connection: Connection, version: VersionRef, media_type: str) -> ReadInfo:
    """What was known of the document when this version was made; not what its chunks showed."""
    values = {"version": version.version_id, "tenant": version.tenant}
    row = connection.execute(_READ_INFO, values).one()
    return ReadInfo(
        media_type=media_type,
        reader=row.reader,
        pages=row.pages,
        title=row.title,
        metadata=row.metadata,
        notices=tuple(notice for notice in row.notices if not notice.endswith(HIDDEN_NOTICE)),
        outline=tuple(OutlineEntry(*entry) for entry in row.outline or ()),
    )


def take_over_attachments(connection: Connection, version: VersionRef, base: UUID) -> None:
    """Say of the files found inside the base that they are found inside this version too."""
    values = {"version": version.version_id, "tenant": version.tenant, "base": base}
    connection.execute(_ATTACHMENTS, values)
