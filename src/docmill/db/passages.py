"""What a reader needs of a chunk to cite it: the text, and where it stands in which document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from docmill.db.attachments import ParentName
from docmill.db.content import boxes_from_json
from docmill.domain.documents import Box, ChunkKind


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of a published version. `char_start` and `char_end` count characters of the document's text."""

    document_id: UUID
    document_name: str
    media_type: str
    version_id: UUID
    chunk_id: UUID
    ordinal: int
    kind: ChunkKind
    text: str
    pages: tuple[int, ...]
    boxes: tuple[Box, ...]
    section_path: tuple[str, ...]
    char_start: int
    char_end: int
    language: str | None
    language_confidence: float | None
    hidden: bool
    parents: tuple[ParentName, ...]


_PASSAGES = text(
    """SELECT c.document_id, d.name AS document_name, d.media_type, c.version_id, c.id AS chunk_id, c.ordinal,
  c.kind, c.text, c.pages, c.boxes, c.section_path, c.char_start, c.char_end, c.language,
  c.language_confidence, c.hidden, (
    SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array(p.name, p.id)), '[]') FROM attachments a
    JOIN document_versions v ON v.id = a.version_id JOIN documents p ON p.id = v.document_id
    WHERE a.document_id = d.id) AS parents
FROM chunks c JOIN documents d ON d.id = c.document_id AND d.active_version_id = c.version_id
WHERE c.tenant_id = :tenant AND c.id = ANY(:chunks)"""
)


def read_passages(connection: Connection, tenant: str, chunks: Sequence[UUID]) -> dict[UUID, Passage]:
    """The passages of these chunks, by chunk; those of a version that is not published are left out."""
    rows = connection.execute(_PASSAGES, {"tenant": tenant, "chunks": list(chunks)})
    return {row.chunk_id: _passage(row) for row in rows}


def _passage(row: Any) -> Passage:
    place = {
        "kind": ChunkKind(row.kind),
        "pages": tuple(row.pages),
        "boxes": boxes_from_json(row.boxes),
        "section_path": tuple(row.section_path),
        "parents": tuple(ParentName(UUID(id_), name) for name, id_ in row.parents),
    }
    return Passage(**{**row._mapping, **place})
