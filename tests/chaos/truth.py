"""What each document must end as, taken from a run without faults, and what is looked at meanwhile."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.chaos.documents import File
from tests.installations import installation
from tests.model_servers import serving_model

from docmill.domain.ids import dataset_id, document_id
from docmill.services.intake import DEFAULT_DATASET

Rows = Callable[..., list[Any]]

_ENDS = """SELECT d.id, t.status, t.error->>'code' AS code FROM documents d JOIN document_tasks t
ON t.document_id = d.id WHERE d.id = ANY(:ids)"""
_CONTENT = """SELECT d.id AS document, c.id, c.ordinal, c.text, c.char_start, c.char_end, c.pages,
  c.section_path, e.vector::text AS embedding, v.embedding::text AS entry
FROM documents d JOIN chunks c ON c.version_id = d.active_version_id
LEFT JOIN embeddings e ON e.chunk_id = c.id LEFT JOIN vector_entries v ON v.chunk_id = c.id
WHERE d.id = ANY(:ids) ORDER BY d.id, c.ordinal, c.id"""
_ENTRIES = """SELECT document_id, count(*) AS entries FROM vector_entries
WHERE document_id = ANY(:ids) GROUP BY document_id"""

_FINISHED_TWICE = """SELECT task_id, coalesce(stage, kind) AS what FROM document_task_events
WHERE kind IN ('stage_finished', 'published') GROUP BY task_id, kind, stage HAVING count(*) > 1"""

# In one snapshot: what readers see of a version is all of it. Only what was published lately can be new.
_PARTIAL = """SELECT d.id FROM document_versions p JOIN documents d ON d.active_version_id = p.id
LEFT JOIN chunks c ON c.version_id = p.id LEFT JOIN vector_entries v ON v.chunk_id = c.id
WHERE p.published_at > now() - interval '5 seconds' GROUP BY d.id, p.id
HAVING p.status <> 'published' OR count(c.id) <> p.total_chunks OR count(v.chunk_id) <> p.total_chunks"""


@dataclass(frozen=True, slots=True)
class End:
    """How a document ended: its status, the code of its error, what it holds (SHA-256), its chunks."""

    status: str
    code: str | None
    content: str
    chunks: frozenset[str]
    entries: int

    @property
    def outcome(self) -> tuple[str, str | None]:
        """The status, and the code of the error where there is one."""
        return self.status, self.code

    def is_more_than(self, other: End) -> bool:
        """Whether it holds more chunks or entries in the vector store than the other."""
        return len(self.chunks) > len(other.chunks) or self.entries > other.entries


def id_of(file: File) -> UUID:
    """The document that a file becomes, in any installation."""
    digest = hashlib.sha256(file.content).hexdigest()
    return document_id(dataset_id("default", DEFAULT_DATASET), digest)


def ends(rows: Rows, files: Iterable[File]) -> dict[UUID, End]:
    """How these documents ended; one that is still in work is there with its status."""
    ids = [id_of(file) for file in files]
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows(_CONTENT, ids=ids):
        found[row.document].append(row)
    entries = {row.document_id: row.entries for row in rows(_ENTRIES, ids=ids)}
    return {row.id: _end(row, found[row.id], entries.get(row.id, 0)) for row in rows(_ENDS, ids=ids)}


def _end(task: Any, rows: Sequence[Any], entries: int) -> End:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(repr(tuple(row)).encode())
    return End(task.status, task.code, digest.hexdigest(), frozenset(str(row.id) for row in rows), entries)


def undisturbed(
    database_url: str, broker_url: str, home: Path, files: Sequence[File], **settings: Any
) -> dict[UUID, End]:
    """How these files end in an installation of their own where nothing goes wrong."""
    with (
        serving_model() as model,
        installation(database_url, broker_url, home, **{**model.settings, **settings}) as quiet,
    ):
        quiet.start("worker")
        accepted = [quiet.accept(file.name, file.content) for file in files]
        quiet.wait_until_ended(*(one.task_id for one in accepted), seconds=60 + len(files))
        return ends(quiet.rows, files)


def seen_in_part(rows: Rows) -> list[UUID]:
    """Documents of which readers see something else than one whole version, now."""
    return [row.id for row in rows(_PARTIAL)]


def finished_twice(rows: Rows) -> list[str]:
    """Stages and publications that some task went through more than once."""
    return [f"{row.what} of task {row.task_id}" for row in rows(_FINISHED_TWICE)]
