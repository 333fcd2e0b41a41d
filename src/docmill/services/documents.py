"""Documents that are there: their list, their state, their text, and how they go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, Engine

from docmill.db import attachments, catalogue
from docmill.db.attachments import FoundFile, ParentName
from docmill.db.catalogue import ChunkRow, DocumentRow, Listing
from docmill.db.content import boxes_to_json, read_blocks
from docmill.db.engine import alone, reaching_database
from docmill.db.estimates import size_at
from docmill.domain.cursors import Page, by_time, decode_cursor, page_of, time_in
from docmill.domain.documents import Block
from docmill.domain.errors import DocumentNotFound, NotPublished
from docmill.domain.estimates import Progress
from docmill.domain.ids import VersionRef
from docmill.domain.states import Desired, StageName, Status, TaskStatus
from docmill.domain.status import StatusView, TaskFacts, view
from docmill.domain.text import markdown_pieces
from docmill.domain.waiting import NOTHING_IN_THE_WAY
from docmill.ports import Dispatcher, Storage, VectorStore
from docmill.services.deletion import Deletion
from docmill.services.estimates import Estimates
from docmill.services.surroundings import Outlook

_CURSOR = "documents"
_CHUNK_CURSOR = "chunks"


@dataclass(frozen=True, slots=True)
class Document:
    """What is stored of a document, and what is shown of its processing."""

    row: DocumentRow
    state: StatusView


@dataclass(frozen=True, slots=True)
class ChunkPage:
    """Some chunks of the published version, in reading order; `next_cursor` None on the last page."""

    version_id: UUID
    items: tuple[ChunkRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Original:
    """The file as it was sent."""

    path: Path
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Family:
    """The files found inside a document, and the documents that it was found in."""

    attachments: tuple[FoundFile, ...]
    parents: tuple[ParentName, ...]


class Documents:
    """The documents of all tenants. Every method raises DocumentNotFound for ids it does not know.

    `model` is the one that questions are put to.
    """

    def __init__(
        self,
        engine: Engine,
        storage: Storage,
        vectors: VectorStore,
        dispatcher: Dispatcher,
        *,
        model: str = "",
        retry_limit: int = 3,
    ) -> None:
        self._engine = engine
        self._storage = storage
        self._deletion = Deletion(engine, storage, vectors)
        self._model = model
        self._retry_limit = retry_limit
        self._estimates = Estimates(engine)
        self._outlook = Outlook(engine, dispatcher)

    @reaching_database
    def page(
        self,
        tenant: str,
        *,
        dataset_id: UUID | None = None,
        status: TaskStatus | None = None,
        name: str | None = None,
        about: str | None = None,
        missing_pages: bool | None = None,
        parent_id: UUID | None = None,
        dense: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Document]:
        """Documents that pass the filters, newest first. Raises InvalidCursor."""
        listing = Listing(
            dataset_id=dataset_id,
            status=status,
            name=name,
            about=about,
            missing_pages=missing_pages,
            parent_id=parent_id,
            dense=dense,
            model=self._model,
            before=time_in(_CURSOR, cursor),
            limit=limit + 1,
        )
        with self._engine.begin() as connection:
            rows = catalogue.documents(connection, tenant, listing)
        page = page_of(_CURSOR, rows, limit, by_time)
        waits = any(row.status == Status.QUEUED for row in page.items)
        around = self._outlook.around() if waits else NOTHING_IN_THE_WAY
        facts = (replace(_facts(row, self._retry_limit), around=around) for row in page.items)
        documents = tuple(Document(row, view(fact)) for row, fact in zip(page.items, facts, strict=True))
        return Page(documents, page.next_cursor)

    @reaching_database
    def get(self, tenant: str, document_id: UUID) -> Document:
        """One document, with what it waits for, its place in the line, and how long it will take."""
        with alone(self._engine) as connection:
            row = _found(connection, tenant, document_id)
            in_line = row.status == Status.QUEUED and row.retry_at is None
            place = catalogue.place_in_line(connection, row) if in_line else None
        around = self._outlook.around() if row.status == Status.QUEUED else NOTHING_IN_THE_WAY
        return Document(row, view(replace(self._estimated(row), place=place, around=around)))

    def _estimated(self, row: DocumentRow) -> TaskFacts:
        """What is stored of it, with how long it should take, where somebody may ask for that."""
        facts = _facts(row, self._retry_limit)
        if facts.status not in {Status.QUEUED, Status.RUNNING}:
            return facts
        size = size_at(facts.stage, row.media_type, row.size_bytes, row.characters, row.total_chunks)
        in_line = facts.status is Status.QUEUED and facts.retry_at is None
        starts_in = self._estimates.starts_in(row.priority, row.task_created_at) if in_line else 0.0
        return replace(facts, expected=self._estimates.expected(size), starts_in=starts_in)

    @reaching_database
    def in_work(self, tenant: str) -> tuple[Document, ...]:
        """The documents that a worker has in hand now, oldest first."""
        with alone(self._engine) as connection:
            rows = catalogue.in_work(connection, tenant)
        return tuple(Document(row, view(self._estimated(row))) for row in rows)

    @reaching_database
    def delete(self, tenant: str, document_id: UUID) -> int:
        """Delete a document and what was only found inside it; how many documents went, as `Deletion`."""
        return self._deletion.delete(tenant, document_id)

    @reaching_database
    def give_up_children(self, document_ids: Sequence[UUID]) -> int:
        """Delete what cancelled processings had begun inside documents; how many, as `Deletion`."""
        return self._deletion.give_up_children(document_ids)

    @reaching_database
    def family(self, tenant: str, document_id: UUID) -> Family:
        """What was found inside a document, and what it was found in."""
        with self._engine.begin() as connection:
            parents = attachments.parents_of(connection, tenant, [document_id]).get(document_id, [])
            return Family(tuple(attachments.found_in(connection, tenant, document_id)), tuple(parents))

    @reaching_database
    def inside(self, tenant: str, document_ids: Sequence[UUID]) -> list[UUID]:
        """The documents that were found inside these."""
        with alone(self._engine) as connection:
            return attachments.children_of(connection, tenant, document_ids)

    @reaching_database
    def chunks(
        self, tenant: str, document_id: UUID, *, cursor: str | None = None, limit: int = 50
    ) -> ChunkPage:
        """Chunks of the published version. Raises NotPublished, InvalidCursor."""
        after = int(decode_cursor(_CHUNK_CURSOR, cursor)[0]) if cursor else -1
        with self._engine.begin() as connection:
            version = _published(_found(connection, tenant, document_id), tenant).version_id
            rows = catalogue.chunks(connection, tenant, version, after, limit + 1)
        page = page_of(_CHUNK_CURSOR, rows, limit, lambda row: [row.ordinal])
        return ChunkPage(version, page.items, page.next_cursor)

    @reaching_database
    def text(self, tenant: str, document_id: UUID, form: str) -> Iterator[str]:
        """The published text in pieces, as "txt", "md" or "json" (its blocks). Raises NotPublished.

        The pieces end in DocumentNotFound when the document is deleted or replaced before the last one.
        """
        with self._engine.begin() as connection:
            row = _found(connection, tenant, document_id)
        version = _published(row, tenant)
        return _FORMS[form](_whole(read_blocks(self._engine, version), row.characters))

    @reaching_database
    def original(self, tenant: str, document_id: UUID) -> Original:
        """The file as it was sent. Raises FileNotStored."""
        with self._engine.begin() as connection:
            row = _found(connection, tenant, document_id)
        return Original(self._storage.local_path(row.storage_key), row.name, row.media_type)

    @reaching_database
    def check_all_exist(self, tenant: str, document_ids: Iterable[UUID]) -> None:
        """Raises DocumentNotFound when one of these ids is not known."""
        wanted = set(document_ids)
        if not wanted:
            return
        with self._engine.begin() as connection:
            if catalogue.count_known(connection, tenant, wanted) < len(wanted):
                raise DocumentNotFound


def _found(connection: Connection, tenant: str, document_id: UUID) -> DocumentRow:
    row = catalogue.document(connection, tenant, document_id)
    if row is None:
        raise DocumentNotFound
    return row


def _published(row: DocumentRow, tenant: str) -> VersionRef:
    if row.active_version_id is None:
        raise NotPublished
    return VersionRef(tenant, row.dataset_id, row.id, row.active_version_id)


def _facts(row: DocumentRow, retry_limit: int) -> TaskFacts:
    return TaskFacts(
        status=Status(row.status),
        desired=Desired(row.desired),
        stage=StageName(row.stage),
        started=row.started,
        updated_at=row.updated_at,
        progress={
            StageName(p["stage"]): Progress(p["done"], p["total"], p["busy_seconds"], p["reached"])
            for p in row.progress
        },
        error=row.error,
        retry_at=row.retry_at,
        retries=row.retries,
        retry_limit=retry_limit,
        pages=row.pages,
        missing_pages=len(row.missing_pages),
        total_chunks=row.total_chunks,
        published=row.active_version_id is not None,
    )


def _whole(blocks: Iterable[Block], characters: int | None) -> Iterator[Block]:
    """The blocks of a text this long: they are read in batches, and their version may go between two."""
    end = 0
    for block in blocks:
        yield block
        end = block.char_end
    if end != characters:
        raise DocumentNotFound("The document was deleted or replaced while its text was read. Ask again.")


def _as_text(blocks: Iterable[Block]) -> Iterator[str]:
    return (block.lead + block.text for block in blocks)


def _as_json(blocks: Iterable[Block]) -> Iterator[str]:
    yield '{"blocks":['
    for block in blocks:
        separator = "," if block.ordinal else ""
        boxes = boxes_to_json(block.boxes) or []
        yield separator + json.dumps({**asdict(block), "boxes": boxes}, ensure_ascii=False)
    yield "]}\n"


_FORMS: dict[str, Callable[[Iterable[Block]], Iterator[str]]] = {
    "txt": _as_text,
    "md": markdown_pieces,
    "json": _as_json,
}
