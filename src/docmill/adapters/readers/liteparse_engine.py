"""The one place that calls liteparse: PDF pages to blocks with boxes, headings, tables and images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from html import unescape
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from docmill.adapters.readers.pdf_blocks import LaidOut, lay_out, page_blocks
from docmill.adapters.readers.pdf_look import Look
from docmill.adapters.readers.pdf_pages import WHOLE, Selection, page_count, ranges
from docmill.adapters.readers.pdf_sight import Sight
from docmill.adapters.readers.running_heads import RunningHeads
from docmill.adapters.readers.tidy import clean
from docmill.domain.documents import OutlineEntry, Page, PageLoss, RawBlock
from docmill.domain.limits import BATCH_PAGES
from docmill.domain.reading_errors import DamagedFile, NoPages, PasswordRequired

T = TypeVar("T")

VERSION = "liteparse-2.18.0"
DAMAGED_PAGE = PageLoss(DamagedFile.code, "This page of the file is damaged.")

_TITLE = re.compile(r"<dc:title>\s*<rdf:Alt>\s*<rdf:li[^>]*>([^<]{1,500})</rdf:li>")


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page and its blocks, in reading order."""

    page: Page
    blocks: tuple[RawBlock, ...]
    look: Look | None = None

    @property
    def has_text(self) -> bool:
        """Whether anything on the page can be found by its words."""
        return any(block.text for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Pages:
    """An open document: `total` pages, of which `rest` are still to be taken; `lost` grows with them."""

    total: int
    rest: Iterator[ReadPage]
    title: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    lost: dict[int, PageLoss] = field(default_factory=dict)
    outline: tuple[OutlineEntry, ...] = ()


def open_pages(path: Path, sight: Sight | None, selection: Selection = WHOLE) -> Pages:
    """Open a PDF and parse its first batch. Raises PasswordRequired, NoPages and DamagedFile."""
    import liteparse

    lost: dict[int, PageLoss] = {}
    try:
        # Not the path: by its name the engine would tell the format, and stored files have none.
        batches = _batches(path.read_bytes(), selection, page_count(path), lost)
        first = next(batches, None)
    except liteparse.ParseError as error:
        raise PasswordRequired if "password" in str(error) else DamagedFile from error
    if first is None or not first.total_pages:
        raise NoPages
    if not first.pages:
        raise DamagedFile
    return Pages(first.total_pages, _pages(chain([first], batches), sight), lost=lost, **_about(first))


def _batches(data: bytes, selection: Selection, total: int, lost: dict[int, PageLoss]) -> Iterator[Any]:
    """What the engine makes of up to 200 pages at a time, over which it decides headings."""
    for result in _whole(data) if selection.is_whole else _selected(data, selection.batches(total)):
        lost.update({error.page_num: DAMAGED_PAGE for error in result.page_errors})
        yield result


def _whole(data: bytes) -> Iterator[Any]:
    for batch in _parser().parse_batches(data, BATCH_PAGES):
        batch.result.total_pages = batch.total_pages
        yield batch.result


def _selected(data: bytes, batches: Iterable[Iterable[int]]) -> Iterator[Any]:
    for pages in batches:
        yield _parser(ranges(pages)).parse(data)


@lru_cache(maxsize=1)
def _parser(target_pages: str | None = None) -> Any:
    """One for the life of the process: making it costs more than reading a page."""
    import liteparse

    return liteparse.LiteParse(
        ocr_enabled=False,
        max_pages=10**9,
        target_pages=target_pages,
        output_format="markdown",
        extract_blocks=True,
        extract_links=False,
        extract_document_metadata=True,
        preserve_very_small_text=True,
        continue_on_page_error=True,
        num_workers=1,
        quiet=True,
    )


def _about(result: Any) -> dict[str, Any]:
    known = {"creator": result.creator, "producer": result.producer}
    title = _TITLE.search((result.doc_meta and result.doc_meta.xmp) or "")
    return {
        "metadata": {key: clean(value) for key, value in known.items() if value},
        "title": (title and clean(unescape(title[1]))) or None,
    }


def _pages(results: Iterator[Any], sight: Sight | None) -> Iterator[ReadPage]:
    while laid_out := _next_batch(results):
        yield from _batch(laid_out, sight)


def _next_batch(results: Iterator[Any]) -> list[LaidOut]:
    """The pages of the engine's next batch that has any; the engine's own objects are let go."""
    for result in results:
        if laid_out := [lay_out(page) for page in result.pages]:
            return laid_out
    return []


def _batch(laid_out: list[LaidOut], sight: Sight | None) -> Iterator[ReadPage]:
    """Running heads are known from all pages of a batch, so they are laid out before the first is told."""
    heads = RunningHeads(laid.edges() for laid in laid_out)
    for laid in handed_over(laid_out):
        look = sight.look(laid.number, ruled=bool(laid.sketches)) if sight else None
        blocks = tuple(page_blocks(_merged(laid, look, sight), heads, look.unseen if look else ()))
        yield ReadPage(_page(laid, look), blocks, look)


def _merged(laid: LaidOut, look: Look | None, sight: Sight | None) -> LaidOut:
    if look is None or look.lines is None or sight is None:
        return laid
    return laid.ruled(look.lines, partial(sight.words, laid.number))


def handed_over(items: list[T]) -> Iterator[T]:
    """The items in their order; each is let go when the next one is asked for. The list ends empty."""
    items.reverse()
    while items:
        yield items.pop()


def _page(laid: LaidOut, look: Look | None) -> Page:
    rotation = look.rotation if look else 0
    return Page(laid.number, round(laid.width, 2), round(laid.height, 2), rotation)
