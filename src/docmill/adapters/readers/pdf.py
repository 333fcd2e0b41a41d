"""PDF: liteparse first; xberg where it fails or finds nothing. Pages without good text come later."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby, islice
from pathlib import Path

from docmill.adapters.readers import liteparse_engine, xberg_engine
from docmill.adapters.readers.liteparse_engine import Pages, ReadPage, handed_over
from docmill.adapters.readers.pdf_look import Look
from docmill.adapters.readers.pdf_pages import PART_PAGES, WHOLE, Selection, with_lost
from docmill.adapters.readers.pdf_sight import Sight, open_sight
from docmill.adapters.readers.rendered import first_without_lead, rendered_blocks
from docmill.adapters.readers.tidy import clean
from docmill.domain.documents import Page, Part, RawBlock, ReadInfo, TextSource
from docmill.domain.figures import figures
from docmill.domain.limits import BATCH_PAGES
from docmill.domain.reading_errors import NoPages, PasswordRequired, Unreadable
from docmill.domain.recognition import FIGURES
from docmill.domain.text_layer import ocr_reason


class PdfReader:
    """Tries its engines in order until one finds text; `attempt` leaves out those that crashed before.

    Only the first engine reads a selection without looking at the other pages.
    """

    def __init__(self, attempt: int = 0, selection: Selection = WHOLE) -> None:
        self._selection = selection
        self._engines = _ENGINES[attempt:]
        self.name = "+".join(engine.name for engine in self._engines)

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then a part for each 20 pages. A page that cannot be read is `missing`.

        Raises PasswordRequired, DamagedFile, NoPages.
        """
        sight = open_sight(path)
        found = self._open(path, sight)
        lost = ChainMap(found.pages.lost, dict(self._selection.lost))
        yield _info(found, media_type, sight, len(lost))
        parts = _parts(
            chain(handed_over(found.first), found.pages.rest), found.pages.total, self._selection.first == 1
        )
        yield from with_lost(parts, path, lost)

    def _open(self, path: Path, sight: Sight | None) -> _Opened:
        """By the first engine that finds text; where none does, by the first that finds pages."""
        reasons: list[Unreadable] = []
        silent: _Opened | None = None
        for engine in self._engines:
            try:
                pages = engine.open(path, sight, self._selection)
                opened = _Opened(engine.name, pages, _until_text(pages, self._selection))
            except PasswordRequired:
                raise
            except Unreadable as reason:
                reasons.append(reason)
                continue
            if not self._selection.is_whole or any(page.has_text for page in opened.first):
                return opened
            silent = silent or opened
        if silent is None:
            raise reasons[0]
        return silent


@dataclass(frozen=True, slots=True)
class _Opened:
    """A document in the hands of an engine, which has read its `first` pages."""

    engine: str
    pages: Pages
    first: list[ReadPage]


@dataclass(frozen=True, slots=True)
class _Engine:
    name: str
    open: Callable[[Path, Sight | None, Selection], Pages]


def _xberg_pages(path: Path, sight: Sight | None, selection: Selection) -> Pages:
    document = xberg_engine.extract(path.read_bytes(), "application/pdf")
    if not document.pages:
        raise NoPages
    wanted = set(selection.wanted(len(document.pages)))
    pages = (
        _sized(page.page_number, tuple(rendered_blocks(page.content, page.page_number)), sight)
        for page in document.pages
        if page.page_number in wanted
    )
    title = clean(document.metadata.title or "") or None
    return Pages(len(document.pages), pages, title=title)


def _sized(number: int, blocks: tuple[RawBlock, ...], sight: Sight | None) -> ReadPage:
    """A page that this engine tells no size of."""
    look = sight.look(number) if sight else None
    page = Page(number, look.width, look.height, look.rotation) if look else Page(number, 0, 0)
    return ReadPage(page, blocks, look)


_ENGINES = (
    _Engine(liteparse_engine.VERSION, liteparse_engine.open_pages),
    _Engine(xberg_engine.VERSION, _xberg_pages),
)


def _until_text(pages: Pages, selection: Selection) -> list[ReadPage]:
    """The pages of the first batch, or as many as it takes to find text. Raises NoPages."""
    seen: list[ReadPage] = []
    if not selection.is_whole:
        return seen
    while batch := list(islice(pages.rest, BATCH_PAGES)):
        seen.extend(batch)
        if any(page.has_text for page in batch):
            return seen
    if not seen:
        raise NoPages
    return seen


def _info(found: _Opened, media_type: str, sight: Sight | None, lost: int) -> ReadInfo:
    pages = found.pages
    notices = [f"{lost:,} of {pages.total:,} pages cannot be read; missing_pages says why."] if lost else []
    metadata = {**pages.metadata, **(sight.about() if sight else {})}
    title = (sight and sight.title()) or pages.title
    outline = sight.outline() if sight else ()
    return ReadInfo(media_type, found.engine, pages.total, title, metadata, tuple(notices), outline)


def _parts(pages: Iterator[ReadPage], total: int, first: bool) -> Iterator[Part]:
    """Parts of 20 pages, counted from the first one of the file, so that the same ones come every time.

    The last one says that all are done, even where pages were left out.
    """
    done = 0
    for number, group in groupby(pages, lambda page: (page.page.number - 1) // PART_PAGES):
        batch = list(group)
        blocks = chain.from_iterable(page.blocks for page in batch)
        done = min((number + 1) * PART_PAGES, total)
        again = done + 1 if done % BATCH_PAGES == 0 and done < total else None
        told = tuple(first_without_lead(blocks) if first else blocks)
        yield Part(told, done, total, tuple(map(_judged, batch)), next_page=again)
        first = False
    if done < total:
        yield Part((), total, total)


def _judged(read: ReadPage) -> Page:
    """The page, and why its text has to be recognised, if so."""
    look = read.look or Look(0, 0, 0)
    text = "\n".join(block.text for block in read.blocks if not block.hidden)
    reason = None if look.bare else ocr_reason(text, pictured=look.pictured, veiled=look.veiled)
    if reason is None and figures(read.blocks):
        reason = FIGURES
    source = TextSource.LAYER if text.strip() else TextSource.NONE
    return replace(read.page, source=source, ocr_reason=reason)
