"""PDF: liteparse first; xberg where it fails or finds nothing. Never text recognition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from docmill.adapters.readers import liteparse_engine, xberg_engine
from docmill.adapters.readers.liteparse_engine import Pages, ReadPage
from docmill.adapters.readers.pdf_sight import Sight, open_sight
from docmill.adapters.readers.rendered import first_without_lead, rendered_blocks
from docmill.adapters.readers.tidy import clean
from docmill.domain.documents import Page, Part, ReadInfo
from docmill.domain.errors import NoPages, NoText, PasswordRequired, Unreadable

PART_PAGES = 20


class PdfReader:
    """Tries its engines in order until one finds text; `attempt` leaves out those that crashed before."""

    def __init__(self, attempt: int = 0) -> None:
        self._engines = _ENGINES[attempt:]
        self.name = "+".join(engine.name for engine in self._engines)

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then a part for each 20 pages.

        Raises PasswordRequired, DamagedFile, NoPages, and NoText when no page has any (scanned pages).
        """
        reasons: list[Unreadable] = []
        sight = open_sight(path)
        for engine in self._engines:
            try:
                pages = engine.open(path, sight)
                first = _with_text(pages)
            except PasswordRequired:
                raise
            except Unreadable as reason:
                reasons.append(reason)
                continue
            yield _info(pages, media_type, engine.name, first, sight)
            yield from _parts(chain(first, pages.rest), pages.total)
            return
        raise reasons[0]


@dataclass(frozen=True, slots=True)
class _Engine:
    name: str
    open: Callable[[Path, Sight | None], Pages]


def _xberg_pages(path: Path, sight: Sight | None) -> Pages:
    document = xberg_engine.extract(path.read_bytes(), "application/pdf")
    if not document.pages:
        raise NoPages
    pages = (
        ReadPage(_sized(page.page_number, sight), tuple(rendered_blocks(page.content, page.page_number)))
        for page in document.pages
    )
    title = clean(document.metadata.title or "") or None
    return Pages(len(document.pages), pages, title=title)


def _sized(number: int, sight: Sight | None) -> Page:
    """A page that this engine tells no size of."""
    look = sight.look(number) if sight else None
    return Page(number, look.width, look.height, look.rotation) if look else Page(number, 0, 0)


_ENGINES = (
    _Engine(liteparse_engine.VERSION, liteparse_engine.open_pages),
    _Engine(xberg_engine.VERSION, _xberg_pages),
)


def _with_text(pages: Pages) -> list[ReadPage]:
    """The pages of the first batch, or as many as it takes to find text. Raises NoText, NoPages."""
    seen: list[ReadPage] = []
    while batch := list(islice(pages.rest, liteparse_engine.BATCH_PAGES)):
        seen.extend(batch)
        if any(page.has_text for page in batch):
            return seen
    raise NoText if seen else NoPages


def _info(pages: Pages, media_type: str, reader: str, first: list[ReadPage], sight: Sight | None) -> ReadInfo:
    silent = sum(not page.has_text for page in first)
    notices = list(pages.notices)
    if silent:
        of = f"{pages.total:,} pages" if len(first) >= pages.total else f"the first {len(first):,} pages"
        notices.append(f"{silent:,} of {of} have no text; scanned pages need text recognition to be found.")
    metadata = {**pages.metadata, **(sight.about() if sight else {})}
    title = (sight and sight.title()) or pages.title
    outline = sight.outline() if sight else ()
    return ReadInfo(media_type, reader, pages.total, title, metadata, tuple(notices), outline)


def _parts(pages: Iterator[ReadPage], total: int) -> Iterator[Part]:
    """Parts of 20 pages; the last one says that all are done, even where damaged pages were left out."""
    first, done = True, 0
    while batch := list(islice(pages, PART_PAGES)):
        blocks = chain.from_iterable(page.blocks for page in batch)
        done = batch[-1].page.number
        pages_read = tuple(page.page for page in batch)
        yield Part(tuple(first_without_lead(blocks) if first else blocks), done, total, pages_read)
        first = False
    if done < total:
        yield Part((), total, total)
