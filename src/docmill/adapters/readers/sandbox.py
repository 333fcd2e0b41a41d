"""Reading in a child process that may hang, grow or crash without harm to this one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from docmill.adapters.readers import wire
from docmill.adapters.readers.child_process import ChildProcess
from docmill.adapters.readers.pdf_pages import PART_PAGES, Selection
from docmill.adapters.readers.quarantine import DEATHS, lost_pages
from docmill.adapters.readers.room import as_request, with_places
from docmill.domain.documents import TAKE_NOTHING, Part, ReadInfo, Unpacking
from docmill.domain.limits import reading_seconds
from docmill.domain.media_types import PAGED
from docmill.domain.reading_errors import ReaderTooLarge, Unreadable
from docmill.ports import ReadRequest

TEXT_CHARACTERS = 200_000_000
FIRST_SHARE = 0.6  # of the time of a document with pages; the rest is for finding the page it failed on
SEARCH_SHARE = 0.2  # of the time, which is kept for reading the others after the search
TRIAL_SHARE = 1 / 15  # of the time, for one piece
PAGE_SECONDS = 0.05  # a page that was read costs the document nothing of its time, up to this
CPU_SHARE = 4  # of the time left may be computed: pages that are read give some back


@dataclass(slots=True)
class _Document:
    """A document that is read: what of it, what came of it so far, and the seconds it has left."""

    request: ReadRequest
    selection: Selection
    unpacking: Unpacking
    seconds: float
    left: float
    spent: float = 0.0
    characters: int = 0
    informed: bool = False
    part: Part | None = None
    over: bool = False  # it is too large, whoever reads it

    def take(self, part: Part, limit: int) -> None:
        """Count a part. Raises ReaderTooLarge."""
        self.characters += sum(len(block.lead) + len(block.text) for block in part.blocks)
        if self.characters > limit:
            self.over = True
            raise ReaderTooLarge
        returned = min(self.spent, PAGE_SECONDS * len(part.pages))
        self.spent, self.left = self.spent - returned, self.left + returned
        self.part = part

    def spend(self, seconds: float) -> None:
        """Count time that was waited for the child."""
        self.spent, self.left = self.spent + seconds, self.left - seconds

    @property
    def rest(self) -> Selection | None:
        """What is to be read after a death; None when it died in the middle of a page's blocks."""
        if self.part is None:
            return self.selection
        if self.part.done % PART_PAGES or self.over:
            return None
        return replace(self.selection, first=self.part.done + 1)


class ReadingChild:
    """Reads documents one at a time in a child process of its own, started when first needed.

    `timeout_seconds` and 4 s for each MiB is the longest time one document may take, not counting 50 ms for
    each page that is read and the time its consumer takes between parts; `memory_bytes` and 8 times its size
    is what the child may take. After `recycle_documents` documents, or when it has come to use half its
    memory, the child is renewed. Not for use by several threads at once. `interrupt` is called a few times a
    second while a document is read; what it raises ends the reading.
    """

    def __init__(
        self,
        timeout_seconds: float = 45.0,
        memory_bytes: int = 896 * 1024**2,
        recycle_documents: int = 200,
        text_characters: int = TEXT_CHARACTERS,
        interrupt: Callable[[], None] = lambda: None,
        scratch_dir: Path | None = None,
        unpacking: Unpacking = TAKE_NOTHING,
    ) -> None:
        self._timeout = timeout_seconds
        self._memory = memory_bytes
        self._recycle = recycle_documents
        self._text_characters = text_characters
        self._interrupt = interrupt
        self._scratch_dir = scratch_dir
        self._unpacking = unpacking
        self._child: ChildProcess | None = None

    def read(self, request: ReadRequest) -> Iterator[ReadInfo | Part]:
        """As Reading.read, plus ReaderMissing, ReaderTimeout, ReaderTooLarge and ReaderCrashed.

        A page on which the reader dies is looked for and left out; where there is none such, the format's
        spare reader is tried. Leaving the iterator early ends the child.
        """
        seconds = reading_seconds(self._timeout, _size(request.path))
        selection = Selection(request.first_page, request.only_pages)
        levels = self._unpacking.levels - request.depth
        unpacking = replace(self._unpacking, levels=levels, name=request.name)
        document = _Document(request, selection, unpacking, seconds, seconds)
        share = FIRST_SHARE if request.media_type in PAGED else 1.0
        try:
            yield from self._read(document, 0, seconds * share)
        except DEATHS as death:
            yield from self._read_around(document, death)

    def start(self) -> None:
        """Start the child now, so that the first document does not wait for its engines to load."""
        self._ready()

    def close(self) -> None:
        """End the child process, if one is alive."""
        child, self._child = self._child, None
        if child is not None and child.owner == os.getpid():
            child.kill()

    def _read_around(self, document: _Document, death: Unreadable) -> Iterator[ReadInfo | Part]:
        """Read what can be read of a document of which the reader died."""
        if document.over or document.request.media_type not in PAGED:
            raise death
        if document.part is not None and document.part.done == document.part.total:
            return
        selection = self._without_lost(document)
        if selection is not None:
            document.selection = selection
            yield from self._read(document, 0, document.left)
        elif document.part is None:
            yield from self._read_spare(document, death)
        else:
            raise death

    def _read_spare(self, document: _Document, death: Unreadable) -> Iterator[ReadInfo | Part]:
        try:
            yield from self._read(document, 1, document.left)
        except Unreadable:
            if document.part is None:
                raise death from None
            raise

    def _without_lost(self, document: _Document) -> Selection | None:
        """The document without the pages on which its reader dies; None when it is not some of its pages."""
        rest = document.rest
        if rest is None:
            return None
        pages = rest.wanted(self._page_count(document))
        reserve = document.seconds * SEARCH_SHARE
        lost = lost_pages(pages, lambda pieces: self._try(document, pieces), lambda: document.left > reserve)
        return replace(rest, lost=lost) if len(lost) < len(pages) else None

    def _page_count(self, document: _Document) -> int:
        try:
            answers = list(self._ask(document, document.seconds * TRIAL_SHARE, pieces=[]))
        except Unreadable:
            return 0
        return int(answers[0].get("pages", 0)) if answers else 0

    def _try(self, document: _Document, pieces: Sequence[Sequence[int]]) -> Iterator[None]:
        seconds = document.seconds * TRIAL_SHARE
        for message in self._ask(document, seconds, each=True, pieces=pieces):
            if "tried" in message:
                yield
            elif "pages" not in message:
                wire.told(message)

    def _read(self, document: _Document, attempt: int, seconds: float) -> Iterator[ReadInfo | Part]:
        selection = document.selection.as_row()
        choice = document.request.choice.value
        unpacking = as_request(document.unpacking)
        for message in self._ask(
            document, seconds, attempt=attempt, selection=selection, choice=choice, unpacking=unpacking
        ):
            item = wire.told(message)
            if isinstance(item, Part):
                document.take(item, self._text_characters)
                assert self._child is not None
                yield with_places(item, self._child.scratch.outbox)
            elif not document.informed:
                document.informed = True
                yield item

    def _ask(
        self, document: _Document, seconds: float, *, each: bool = False, **request: object
    ) -> Iterator[wire.Message]:
        """What the child answers within so many seconds, or within as many for `each` message."""
        child = self._ready()
        try:
            given = document.request
            child.ask(given.path, document.left * CPU_SHARE, media_type=given.media_type, **request)
            child.wait(self._interrupt)
            kept = document.left - seconds
            while True:
                asked, left = time.monotonic(), document.left - kept
                message = child.answer(
                    max(min(seconds if each else left, document.left), 0.0), self._interrupt
                )
                document.spend(time.monotonic() - asked)
                if "end" in message:
                    return
                yield message
        finally:
            if not child.idle:
                self.close()

    def _ready(self) -> ChildProcess:
        """The living child, or a new one where there is none, or none that is fit."""
        child = self._child
        if child is None or not child.is_fit(self._recycle, self._memory // 2):
            self.close()
            child = self._child = ChildProcess(self._memory, scratch_dir=self._scratch_dir)
        return child


def _size(path: Path) -> int:
    """In bytes; 0 of a file that is not there, which the child will say."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
