"""The published version, and what stages learn of one, written in the step that learned it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from docmill.domain.documents import Chunk, OutlineEntry, ReadInfo
from docmill.domain.errors import DocumentNotFound, NotPublished
from docmill.domain.ids import VersionRef
from docmill.domain.languages import Detected
from docmill.ports import Result


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

_READ_INFO = """UPDATE document_versions v SET reader = :info_reader, title = :info_title,
  pages = :info_pages, metadata = CAST(:info_metadata AS jsonb), outline = CAST(:info_outline AS jsonb),
  notices = v.notices || CAST(:info_notices AS text[]){whole}
FROM moved WHERE v.id = :info_version AND v.tenant_id = :info_tenant"""

_FILE_METADATA = """UPDATE documents d SET file_metadata = told.metadata, outline = told.outline
FROM moved, (SELECT CAST(:told_metadata AS jsonb), CAST(:told_outline AS text)) AS told (metadata, outline)
WHERE d.id = :told_document AND d.tenant_id = :told_tenant
  AND (d.file_metadata, d.outline) IS DISTINCT FROM (told.metadata, told.outline)"""

_WHOLE = """characters = :whole_characters, language = :whole_language,
  language_confidence = :whole_confidence"""

_EXTRACTED = f"""UPDATE document_versions v SET {_WHOLE}
FROM moved WHERE v.id = :whole_version AND v.tenant_id = :whole_tenant"""  # noqa: S608 - our own words only

_NOTICE = text(
    """UPDATE document_versions SET notices = notices || CAST(:notice AS text)
WHERE id = :version AND tenant_id = :tenant"""
)

_CHUNKED = """UPDATE document_versions v SET total_chunks = :cut_total
FROM moved WHERE v.id = :cut_version AND v.tenant_id = :cut_tenant"""

HIDDEN_NOTICE = "of its passages hold text that people do not see."

# Once for a version: with the step that cuts its last passage, whose own ones are not in the table yet.
_COUNTED = f"""WITH kinds AS (
  SELECT kind, sum(number) AS number, sum(hidden) AS hidden FROM (
    SELECT kind, 1 AS number, CAST(hidden AS integer) AS hidden
    FROM chunks WHERE version_id = :cut_version AND tenant_id = :cut_tenant
    UNION ALL SELECT kind, number, hidden
    FROM json_to_recordset(CAST(:cut_kinds AS json)) AS own (kind text, number integer, hidden integer)
  ) AS found GROUP BY kind
)
UPDATE document_versions v SET total_chunks = :cut_total,
  chunk_kinds = (SELECT coalesce(jsonb_object_agg(kind, number), '{{}}') FROM kinds),
  notices = v.notices || ARRAY(
    SELECT format('%s {HIDDEN_NOTICE}', sum(hidden))
    FROM kinds HAVING sum(hidden) > 0)
FROM moved WHERE v.id = :cut_version AND v.tenant_id = :cut_tenant"""  # noqa: S608 - our own words only

_TRUNCATED = """UPDATE document_versions v SET truncated_tokens = v.truncated_tokens + :over_tokens
FROM moved WHERE v.id = :over_version AND v.tenant_id = :over_tenant"""


def _key(version: VersionRef) -> dict[str, object]:
    return {"version": version.version_id, "tenant": version.tenant}


@dataclass(frozen=True, slots=True)
class WholeText:
    """What is known once the last of the text is there: its length in characters, and its language."""

    characters: int
    detected: Detected | None


def told_by_reader(version: VersionRef, info: ReadInfo, whole: WholeText | None) -> list[Result]:
    """What the reader said of the file, to be kept beside what the door found. Once for a version.

    `whole` where the step that was told it is also the last one.
    """
    values = {
        **_named("info", version),
        "info_reader": info.reader,
        "info_title": info.title,
        "info_pages": info.pages,
        "info_metadata": json.dumps(dict(info.metadata)),
        "info_notices": list(info.notices),
        "info_outline": _outline_to_json(info.outline),
        **(_values_of(whole) if whole else {}),
    }
    told = {**info.metadata, **({"title": info.title} if info.title else {})}
    of_document = {
        "told_document": version.document_id,
        "told_tenant": version.tenant,
        "told_metadata": json.dumps(told),
        "told_outline": "\n".join(entry.title for entry in info.outline)[:OUTLINE_CHARACTERS],
    }
    sql = _READ_INFO.format(whole=f", {_WHOLE}" if whole else "")
    return [Result(sql, values), Result(_FILE_METADATA, of_document)]


def _outline_to_json(outline: Sequence[OutlineEntry]) -> str | None:
    return json.dumps([(entry.level, entry.title, entry.page) for entry in outline]) if outline else None


def of_whole_text(version: VersionRef, whole: WholeText) -> Result:
    """The length and the language of the text, to be kept."""
    return Result(_EXTRACTED, {**_named("whole", version), **_values_of(whole)})


def _values_of(whole: WholeText) -> dict[str, object]:
    language, confidence = whole.detected or (None, None)
    return {
        "whole_characters": whole.characters,
        "whole_language": language,
        "whole_confidence": confidence,
    }


def add_notice(connection: Connection, version: VersionRef, notice: str) -> None:
    """Keep one more sentence for people about what was odd."""
    connection.execute(_NOTICE, {**_key(version), "notice": notice})


def chunks_so_far(version: VersionRef, total: int) -> Result:
    """How many chunks the version has so far, to be kept."""
    return Result(_CHUNKED, {**_named("cut", version), "cut_total": total})


_OUTLINE = text("SELECT outline FROM document_versions WHERE id = :version AND tenant_id = :tenant")


def outline_of(connection: Connection, version: VersionRef) -> tuple[OutlineEntry, ...]:
    """The table of contents that the file of a version brought along."""
    entries = connection.execute(_OUTLINE, _key(version)).scalar_one()
    return tuple(OutlineEntry(*entry) for entry in entries or ())


def chunks_in_all(version: VersionRef, total: int, last: Sequence[Chunk]) -> Result:
    """How many chunks the version has in all and of each kind, to be kept with the `last` of them; people are
    told when some are hidden.
    """
    numbers = Counter(cut.kind for cut in last)
    hidden = Counter(cut.kind for cut in last if cut.hidden)
    own = [{"kind": kind, "number": number, "hidden": hidden[kind]} for kind, number in numbers.items()]
    return Result(_COUNTED, {**_named("cut", version), "cut_total": total, "cut_kinds": json.dumps(own)})


def truncated(version: VersionRef, tokens: int) -> list[Result]:
    """How many tokens the embedding model could not take, to be counted."""
    values = {**_named("over", version), "over_tokens": tokens}
    return [Result(_TRUNCATED, values)] if tokens else []


def _named(prefix: str, version: VersionRef) -> dict[str, object]:
    return {f"{prefix}_version": version.version_id, f"{prefix}_tenant": version.tenant}
