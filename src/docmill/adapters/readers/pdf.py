"""PDF: liteparse first; xberg where it fails or finds nothing. Never text recognition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from docmill.adapters.readers import liteparse_engine, xberg_engine
from docmill.adapters.readers.liteparse_engine import Page, Pages
from docmill.adapters.readers.rendered import clean, first_without_lead, rendered_blocks
from docmill.domain.documents import Part, ReadInfo
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
        for engine in self._engines:
            try:
                pages = engine.open(path)
                first = _with_text(pages)
            except PasswordRequired:
                raise
            except Unreadable as reason:
                reasons.append(reason)
                continue
            yield _info(pages, media_type, engine.name, first)
            yield from _parts(chain(first, pages.rest), pages.total)
            return
        raise reasons[0]


@dataclass(frozen=True, slots=True)
class _Engine:
    name: str
    open: Callable[[Path], Pages]


def _xberg_pages(path: Path) -> Pages:
    document = xberg_engine.extract(path.read_bytes(), "application/pdf")
    if not document.pages:
        raise NoPages
    pages = (
        Page(page.page_number, tuple(rendered_blocks(page.content, page.page_number)))
        for page in document.pages
    )
    title = clean(document.metadata.title or "") or None
    return Pages(len(document.pages), pages, title=title)


_ENGINES = (
    _Engine(liteparse_engine.VERSION, liteparse_engine.open_pages),
    _Engine(xberg_engine.VERSION, _xberg_pages),
)


def _with_text(pages: Pages) -> list[Page]:
    """The pages of the first batch, or as many as it takes to find text. Raises NoText, NoPages."""
    seen: list[Page] = []
    while batch := list(islice(pages.rest, liteparse_engine.BATCH_PAGES)):
        seen.extend(batch)
        if any(page.has_text for page in batch):
            return seen
    raise NoText if seen else NoPages


def _info(pages: Pages, media_type: str, reader: str, first: list[Page]) -> ReadInfo:
    silent = sum(not page.has_text for page in first)
    notices = list(pages.notices)
    if silent:
        of = f"{pages.total:,} pages" if len(first) >= pages.total else f"the first {len(first):,} pages"
        notices.append(f"{silent:,} of {of} have no text; scanned pages need text recognition to be found.")
    return ReadInfo(media_type, reader, pages.total, pages.title, pages.metadata, tuple(notices))


def _parts(pages: Iterator[Page], total: int) -> Iterator[Part]:
    """Parts of 20 pages; the last one says that all are done, even where damaged pages were left out."""
    first, done = True, 0
    while batch := list(islice(pages, PART_PAGES)):
        blocks = chain.from_iterable(page.blocks for page in batch)
        done = batch[-1].number
        yield Part(tuple(first_without_lead(blocks) if first else blocks), done, total)
        first = False
    if done < total:
        yield Part((), total, total)
