"""A stage is a generator of steps: it yields units of durable progress, the runner commits them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection

from docmill.db.content import ChunkText
from docmill.domain.documents import Block, ChunkSettings, ReaderChoice
from docmill.domain.ids import VersionRef
from docmill.domain.languages import Detected
from docmill.domain.recognition import OcrSettings
from docmill.domain.states import StageName
from docmill.ports import Result


@dataclass(frozen=True, slots=True)
class Base:
    """The published version that another one is based on. Of the file only `pages` are read again."""

    version_id: UUID
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AtHand:
    """What the stage before left in memory, of a small document that goes on here: it need not be read again.

    All blocks or all chunks of the version, as a single step wrote them; the model that every chunk has a
    vector of by now. What is None, because it is much or was made elsewhere, lies in the database alone.
    """

    blocks: Sequence[Block] | None = None
    chunks: Sequence[ChunkText] | None = None
    embedded_by: str | None = None


NOTHING = AtHand()


@dataclass(frozen=True, slots=True)
class Work:
    """One task at one stage, as claimed. `cursor` is where the last committed step ended, {} at first.

    `total_chunks` is right once the chunk stage is behind. `published` is the version that readers see
    meanwhile; with a `base` this one differs from it in some pages only.
    """

    task_id: UUID
    version: VersionRef
    name: str
    media_type: str
    storage_key: str
    chunking: ChunkSettings
    reader: ReaderChoice
    ocr: OcrSettings
    language: Detected | None
    total_chunks: int
    cursor: Mapping[str, Any]
    published: UUID | None = None
    base: Base | None = None
    depth: int = 0  # how many files the document lies in
    at_hand: AtHand = NOTHING

    def makes(self, page: int) -> bool:
        """Whether this page is made from the file here, and not taken over from the base."""
        return self.base is None or page in self.base.pages


@dataclass(frozen=True, slots=True)
class Learned:
    """What a step found out of the version as a whole: the next stage's `Work` tells it."""

    language: Detected | None
    total_chunks: int = 0
    at_hand: AtHand = NOTHING


Save = Callable[[Connection], Learned | None]


@dataclass(frozen=True, slots=True)
class Step:
    """A unit of durable progress: its `results` are written in the statement that moves the cursor.

    `done` of `total` count the stage's units (pages, blocks, chunks); `total` is None while unknown.
    After a step that is the `last` none is asked for: the same statement closes the stage as well. It may
    name stages that have nothing to do for this document: the task passes `skips` over, as if they did not
    exist.

    `save` is for what needs several statements, one after the other: it is called in the same transaction,
    behind the `results`. What it learns counts before what the step says itself.
    """

    cursor: Mapping[str, Any]
    done: int
    total: int | None
    results: Sequence[Result] = ()
    save: Save | None = None
    last: bool = False
    skips: frozenset[StageName] = frozenset()
    learned: Learned | None = None


class Stage(Protocol):
    """One file per stage. Knows ports and db; never Celery, HTTP or pause."""

    @property
    def name(self) -> StageName:
        """Which of the stages it is."""
        ...

    def run(self, work: Work) -> Iterator[Step]:
        """Go on from `work.cursor`; the same input yields the same steps. No transaction stays open."""
        ...
