"""The one place that calls liteparse: PDF pages to blocks with boxes, headings, tables and images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import Any

from docmill.adapters.readers.pdf_blocks import lay_out, page_blocks
from docmill.adapters.readers.pdf_sight import Look, Sight
from docmill.adapters.readers.running_heads import RunningHeads
from docmill.adapters.readers.tidy import clean
from docmill.domain.documents import OutlineEntry, Page, RawBlock
from docmill.domain.errors import DamagedFile, NoPages, PasswordRequired

VERSION = "liteparse-2.18.0"
# Headings and running heads are decided over a batch, so documents up to this size are parsed as a whole.
BATCH_PAGES = 1_000

_TITLE = re.compile(r"<dc:title>\s*<rdf:Alt>\s*<rdf:li[^>]*>([^<]{1,500})</rdf:li>")


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page and its blocks, in reading order."""

    page: Page
    blocks: tuple[RawBlock, ...]

    @property
    def has_text(self) -> bool:
        """Whether anything on the page can be found by its words."""
        return any(block.text for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Pages:
    """An open document: `total` pages, of which `rest` are still to be taken."""

    total: int
    rest: Iterator[ReadPage]
    title: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    outline: tuple[OutlineEntry, ...] = ()


def open_pages(path: Path, sight: Sight | None) -> Pages:
    """Open a PDF and parse its first batch. Raises PasswordRequired, NoPages and DamagedFile."""
    import liteparse

    try:
        # Not the path: by its name the engine would tell the format, and stored files have none.
        batches = _parser().parse_batches(path.read_bytes(), BATCH_PAGES)
        first = next(batches, None)
    except liteparse.ParseError as error:
        raise PasswordRequired if "password" in str(error) else DamagedFile from error
    if first is None or not first.total_pages:
        raise NoPages
    if not first.result.pages:
        raise DamagedFile
    pages = _pages(first, batches, sight)
    return Pages(first.total_pages, pages, notices=_notices(first), **_about(first.result))


@lru_cache(maxsize=1)
def _parser() -> Any:
    """One for the life of the process: making it costs more than reading a page."""
    import liteparse

    return liteparse.LiteParse(
        ocr_enabled=False,
        max_pages=10**9,
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


def _notices(batch: Any) -> tuple[str, ...]:
    lost = len(batch.result.page_errors)
    return (f"{lost:,} of {batch.total_pages:,} pages are damaged and were left out.",) if lost else ()


def _pages(first: Any, batches: Iterator[Any], sight: Sight | None) -> Iterator[ReadPage]:
    yield from _batch(first.result.pages, sight)
    for batch in batches:
        yield from _batch(batch.result.pages, sight)


def _batch(pages: list[Any], sight: Sight | None) -> Iterator[ReadPage]:
    """Running heads are known from all pages of a batch, so they are laid out before the first is told."""
    laid_out = [lay_out(page) for page in pages]
    heads = RunningHeads(laid.edges() for laid in laid_out)
    for laid in laid_out:
        look = sight.look(laid.page.page_num) if sight else None
        blocks = tuple(page_blocks(laid, heads, look.unseen if look else ()))
        yield ReadPage(_page(laid.page, look), blocks)


def _page(page: Any, look: Look | None) -> Page:
    rotation = look.rotation if look else 0
    return Page(page.page_num, round(page.width, 2), round(page.height, 2), rotation)
