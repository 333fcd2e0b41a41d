"""The published version, and what stages learn of one, written in the step that learned it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from docmill.domain.documents import OutlineEntry, ReadInfo
from docmill.domain.errors import DocumentNotFound, NotPublished
from docmill.domain.ids import VersionRef
from docmill.domain.languages import Detected


@dataclass(frozen=True, slots=True)
class Published:
    """A document's published version, number and file."""

    version: VersionRef
    number: int
    media_type: str
    storage_key: str
    settings: Mapping[str, Any]


_PUBLISHED = text(
    """SELECT d.dataset_id, d.media_type, d.storage_key, d.active_version_id, v.number, v.settings
FROM documents d LEFT JOIN document_versions v ON v.id = d.active_version_id
WHERE d.id = :document AND d.tenant_id = :tenant"""
)


def published(connection: Connection, tenant: str, document_id: UUID) -> Published:
    """What readers see of a document. Raises DocumentNotFound, NotPublished."""
    row = connection.execute(_PUBLISHED, {"document": document_id, "tenant": tenant}).one_or_none()
    if row is None:
        raise DocumentNotFound
    if row.active_version_id is None:
        raise NotPublished
    version = VersionRef(tenant, row.dataset_id, document_id, row.active_version_id)
    return Published(version, row.number, row.media_type, row.storage_key, row.settings)


OUTLINE_CHARACTERS = 100_000  # what documents are found by; all of it stays with the version

_READ_INFO = text(
    """UPDATE document_versions SET reader = :reader, title = :title, pages = :pages,
  metadata = :metadata, outline = :outline, notices = notices || CAST(:notices AS text[])
WHERE id = :version AND tenant_id = :tenant"""
).bindparams(bindparam("metadata", type_=JSONB), bindparam("outline", type_=JSONB(none_as_null=True)))

_FILE_METADATA = text(
    "UPDATE documents SET file_metadata = :told, outline = :outline WHERE id = :id AND tenant_id = :tenant"
).bindparams(bindparam("told", type_=JSONB))

_NOTICE = text(
    """UPDATE document_versions SET notices = notices || CAST(:notice AS text)
WHERE id = :version AND tenant_id = :tenant"""
)

_EXTRACTED = text(
    """UPDATE document_versions SET characters = :characters, language = :language,
  language_confidence = :confidence
WHERE id = :version AND tenant_id = :tenant"""
)

_CHUNKED = text(
    "UPDATE document_versions SET total_chunks = :total WHERE id = :version AND tenant_id = :tenant"
)

HIDDEN_NOTICE = "of its passages hold text that people do not see."

# Once for a version: with the step that cuts its last passage.
_COUNTED = text(
    f"""WITH kinds AS (
  SELECT kind, count(*) AS number, count(*) FILTER (WHERE hidden) AS hidden
  FROM chunks WHERE version_id = :version AND tenant_id = :tenant GROUP BY kind
)
UPDATE document_versions SET
  chunk_kinds = (SELECT coalesce(jsonb_object_agg(kind, number), '{{}}') FROM kinds),
  notices = notices || ARRAY(
    SELECT format('%s {HIDDEN_NOTICE}', sum(hidden))
    FROM kinds HAVING sum(hidden) > 0)
WHERE id = :version AND tenant_id = :tenant"""  # noqa: S608 - our own words only
)

_TRUNCATED = text(
    """UPDATE document_versions SET truncated_tokens = truncated_tokens + :tokens
WHERE id = :version AND tenant_id = :tenant"""
)


def _key(version: VersionRef) -> dict[str, object]:
    return {"version": version.version_id, "tenant": version.tenant}


def set_read_info(connection: Connection, version: VersionRef, info: ReadInfo) -> None:
    """Keep what the reader said of the file, beside what the door found. Once for a version."""
    values = {
        "reader": info.reader,
        "title": info.title,
        "pages": info.pages,
        "metadata": dict(info.metadata),
        "notices": list(info.notices),
        "outline": [[entry.level, entry.title, entry.page] for entry in info.outline] or None,
    }
    connection.execute(_READ_INFO, {**_key(version), **values})
    told = {**info.metadata, **({"title": info.title} if info.title else {})}
    titles = "\n".join(entry.title for entry in info.outline)[:OUTLINE_CHARACTERS]
    document = {"id": version.document_id, "tenant": version.tenant}
    connection.execute(_FILE_METADATA, {**document, "told": told, "outline": titles})


def add_notice(connection: Connection, version: VersionRef, notice: str) -> None:
    """Keep one more sentence for people about what was odd."""
    connection.execute(_NOTICE, {**_key(version), "notice": notice})


def set_extracted(
    connection: Connection, version: VersionRef, characters: int, detected: Detected | None
) -> None:
    """Keep the length of the text, in characters, and its language."""
    language, confidence = detected or (None, None)
    values = {"characters": characters, "language": language, "confidence": confidence}
    connection.execute(_EXTRACTED, {**_key(version), **values})


def set_total_chunks(connection: Connection, version: VersionRef, total: int) -> None:
    """Keep how many chunks the version has so far."""
    connection.execute(_CHUNKED, {**_key(version), "total": total})


_OUTLINE = text("SELECT outline FROM document_versions WHERE id = :version AND tenant_id = :tenant")


def outline_of(connection: Connection, version: VersionRef) -> tuple[OutlineEntry, ...]:
    """The table of contents that the file of a version brought along."""
    entries = connection.execute(_OUTLINE, _key(version)).scalar_one()
    return tuple(OutlineEntry(*entry) for entry in entries or ())


def count_chunk_kinds(connection: Connection, version: VersionRef) -> None:
    """Keep how many chunks of each kind the version has, and say so when some are hidden."""
    connection.execute(_COUNTED, _key(version))


def add_truncated_tokens(connection: Connection, version: VersionRef, tokens: int) -> None:
    """Count tokens that the embedding model could not take."""
    if tokens:
        connection.execute(_TRUNCATED, {**_key(version), "tokens": tokens})
