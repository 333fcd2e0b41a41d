"""extract: the original file in, blocks out. A step is what was read in about step_seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from docmill.db.bases import take_over_attachments
from docmill.db.content import rows_of_blocks
from docmill.db.pages import rows_of_pages
from docmill.db.versions import WholeText, of_whole_text, told_by_reader
from docmill.domain.documents import Block, Page, Part, ReadInfo
from docmill.domain.pictures import can_be_drawn
from docmill.domain.reading_errors import NoText, Unreadable
from docmill.domain.recognition import OcrMode, waits, with_reason
from docmill.domain.states import StageName
from docmill.domain.text import BlockBuilder
from docmill.logs import get_logger
from docmill.ports import Children, Reading, ReadRequest, Storage
from docmill.stages.contract import NOTHING, AtHand, Learned, Save, Step, Work
from docmill.stages.found import FoundFiles, put_away
from docmill.stages.revision import Revision

log = get_logger(__name__)

_SAMPLE_CHARACTERS = 20_000  # enough to tell a language
_STEP_BLOCKS = 2_000  # bounds the memory of one step


@dataclass(slots=True)
class _Progress:
    """Where reading is. Of the parts from page `first` on, those before `skip` were committed earlier."""

    work: Work
    builder: BlockBuilder
    files: FoundFiles
    first: int
    skip: int
    parts: int = 0
    done: int = 0
    total: int | None = None
    sample: str = ""
    info: ReadInfo | None = None
    pending: list[Block] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    needs_ocr: bool = False

    def take(self, part: Part) -> None:
        """Place the blocks of a part, unless an earlier run did."""
        self.parts += 1
        self.done, self.total = part.done, part.total
        mode = self.work.ocr.mode
        pages = list(part.pages)
        if can_be_drawn(self.work.media_type):
            pages = [with_reason(page, mode) for page in pages]
        waiting = (page for page in pages if waits(page) and self.work.makes(page.number))
        inside = self.work.base is None and any(block.picture for block in part.blocks)
        self.needs_ocr |= mode is not OcrMode.NEVER and (inside or any(waiting))
        if len(self.sample) < _SAMPLE_CHARACTERS:
            self.sample += "\n".join(block.text for block in part.blocks)[:_SAMPLE_CHARACTERS]
        if self.parts > self.skip:
            self.pending.extend(self.builder.add(raw) for raw in part.blocks)
            self.pages.extend(pages)
            self.files.take(part.attachments)
        else:
            put_away(part.attachments)
        if part.next_page is not None:
            self.first, self.parts, self.skip = part.next_page, 0, 0

    def at_hand(self, blocks: list[Block]) -> AtHand:
        """These blocks, where they are all of the version and stay so."""
        is_all = len(blocks) == self.builder.next_ordinal and not self.needs_ocr
        return AtHand(blocks=blocks) if is_all else NOTHING

    def cursor(self) -> dict[str, int]:
        """Where the next step starts; while parts that are kept are read again, where it started before."""
        return {
            "first": self.first,
            "parts": max(self.parts, self.skip),
            "ordinal": self.builder.next_ordinal,
            "char": self.builder.next_char,
            "needs_ocr": self.needs_ocr,
            **self.files.cursor(),
        }


class Extract:
    """Reads through a killable child; on resume it reads the last batch again and skips what is kept.

    A document without a page to recognise passes over that stage.
    """

    name = StageName.EXTRACT

    def __init__(
        self,
        revision: Revision,
        storage: Storage,
        reading: Reading,
        detect_language: Callable[[str], tuple[str, float] | None],
        step_seconds: float,
        children: Children,
    ) -> None:
        self._revision = revision
        self._storage = storage
        self._reading = reading
        self._detect_language = detect_language
        self._step_seconds = step_seconds
        self._children = children

    def run(self, work: Work) -> Iterator[Step]:
        """Steps of blocks; the last one tells the length and language of the text."""
        cursor = work.cursor
        builder = BlockBuilder(cursor.get("ordinal", 0), cursor.get("char", 0))
        files = FoundFiles.since(cursor, self._children, work.version)
        progress = _Progress(
            work,
            builder,
            files,
            first=cursor.get("first", 1),
            skip=cursor.get("parts", 0),
            needs_ocr=cursor.get("needs_ocr", False),
        )
        started = time.monotonic()
        for item in self._revision.items(work, partial(self._read, work)):
            if isinstance(item, ReadInfo):
                progress.info = None if cursor else item  # kept by the first step of all
                continue
            progress.take(item)
            if time.monotonic() - started > self._step_seconds or len(progress.pending) > _STEP_BLOCKS:
                yield self._step(work, progress, last=False)
                started = time.monotonic()
        if progress.builder.next_char == 0 and not progress.needs_ocr:
            raise NoText
        yield self._step(work, progress, last=True)

    def _read(self, work: Work) -> Iterator[ReadInfo | Part]:
        """What the file holds. One that went away meanwhile is missing, whatever its reader called it.

        Pages that are read again and cannot be read stay as they are in the version this one is based on.
        """
        path = self._storage.local_path(work.storage_key)
        only = work.base.pages if work.base else ()
        try:
            first = work.cursor.get("first", 1)
            request = ReadRequest(path, work.media_type, work.name, first, only, work.reader, work.depth)
            yield from self._reading.read(request)
        except Unreadable as error:
            self._storage.local_path(work.storage_key)
            if not only:
                raise
            log.info("pages_still_missing", code=error.code)

    def _step(self, work: Work, progress: _Progress, *, last: bool) -> Step:
        blocks, progress.pending = progress.pending, []
        pages, progress.pages = progress.pages, []
        info, progress.info = progress.info, None
        detected = self._detect_language(progress.sample) if last else None
        whole = WholeText(progress.builder.next_char, detected) if last else None
        results = [rows_of_blocks(work.version, blocks)]
        if pages:
            results.append(rows_of_pages(work.version, pages))
        if info is not None:
            results += told_by_reader(work.version, info, whole)
        elif whole is not None:
            results.append(of_whole_text(work.version, whole))
        return Step(
            progress.cursor(),
            progress.done,
            progress.total,
            results,
            save=self._saver(work, progress, first=info is not None, last=last),
            last=last,
            skips=frozenset() if progress.needs_ocr else frozenset({StageName.OCR}),
            learned=Learned(detected, at_hand=progress.at_hand(blocks)) if last else None,
        )

    def _saver(self, work: Work, progress: _Progress, *, first: bool, last: bool) -> Save | None:
        """What is told of files inside; most documents have none."""
        base = work.base if first else None
        if base is None and not progress.files.has_news(last=last):
            return None

        def save(connection: Connection) -> None:
            if base is not None:
                take_over_attachments(connection, work.version, base.version_id)
            progress.files.save(connection, last=last)

        return save
