"""The one place that calls liteparse: PDF pages to blocks with boxes, headings, tables and images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import Any

from docmill.adapters.readers.rendered import clean, table_block, tidy_table
from docmill.domain.documents import BlockKind, Box, RawBlock
from docmill.domain.errors import DamagedFile, NoPages, PasswordRequired

VERSION = "liteparse-2.18.0"
# Headings and running heads are decided over a batch, so documents up to this size are parsed as a whole.
BATCH_PAGES = 1_000

_TITLE = re.compile(r"<dc:title>\s*<rdf:Alt>\s*<rdf:li[^>]*>([^<]{1,500})</rdf:li>")
_ESCAPE_OR_EMPHASIS = re.compile(r"\\([\\*_])|\*{1,3}")


@dataclass(frozen=True, slots=True)
class Page:
    """The blocks of one page, in reading order; `number` counts from 1."""

    number: int
    blocks: tuple[RawBlock, ...]

    @property
    def has_text(self) -> bool:
        """Whether anything on the page can be found by its words."""
        return any(block.text for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Pages:
    """An open document: `total` pages, of which `rest` are still to be taken."""

    total: int
    rest: Iterator[Page]
    title: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def open_pages(path: Path) -> Pages:
    """Open a PDF and parse its first batch. Raises PasswordRequired, NoPages and DamagedFile."""
    import liteparse

    try:
        batches = _parser().parse_batches(path, BATCH_PAGES)
        first = next(batches, None)
    except liteparse.ParseError as error:
        raise PasswordRequired if "password" in str(error) else DamagedFile from error
    if first is None or not first.total_pages:
        raise NoPages
    if not first.result.pages:
        raise DamagedFile
    return Pages(first.total_pages, _pages(first, batches), notices=_notices(first), **_about(first.result))


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


def _pages(first: Any, batches: Iterator[Any]) -> Iterator[Page]:
    for page in first.result.pages:
        yield Page(page.page_num, tuple(_blocks(page)))
    for batch in batches:
        for page in batch.result.pages:
            yield Page(page.page_num, tuple(_blocks(page)))


def _blocks(page: Any) -> Iterator[RawBlock]:
    """A page of which the removal of running heads left nothing shows its bare text instead."""
    blocks = list(_layout(page))
    if not any(block.text for block in blocks):
        blocks.extend(_bare_text(page))
    yield from blocks


def _bare_text(page: Any) -> Iterator[RawBlock]:
    for paragraph in re.split(r"\n\s*\n", page.text or ""):
        if text := clean("\n".join(" ".join(line.split()) for line in paragraph.splitlines())):
            yield RawBlock(BlockKind.TEXT, text, page.page_num)


def _layout(page: Any) -> Iterator[RawBlock]:
    in_list = False
    for block in page.blocks or ():
        raw = _raw(block, page.page_num, "\n" if in_list else "\n\n")
        in_list = block.kind == "list_item"
        if raw is not None:
            yield raw


def _raw(block: Any, number: int, list_lead: str) -> RawBlock | None:
    boxes = _boxes(block, number)
    if block.kind == "table":
        rows = [block.header or (), *(block.rows or ())]
        raw = table_block(tidy_table([cell.text for cell in row] for row in rows), number)
        return RawBlock(raw.kind, raw.text, number, boxes=boxes, table=raw.table) if raw.text else None
    if block.kind == "figure":
        return RawBlock(BlockKind.IMAGE, "", number, boxes=boxes, lead="")
    if block.kind == "list_item":
        return _list_item(block, number, boxes, list_lead)
    if block.kind in ("code", "grid_fallback"):
        text = "\n".join(clean(line) if not line.strip() else line.rstrip() for line in block.lines or ())
        return RawBlock(BlockKind.CODE, text, number, boxes=boxes) if text.strip() else None
    return _line(block, number, boxes)


def _line(block: Any, number: int, boxes: tuple[Box, ...]) -> RawBlock | None:
    if block.kind == "heading":
        text = clean(block.text or "")
        return RawBlock(BlockKind.HEADING, text, number, block.level or 1, boxes) if text else None
    text = plain(block.text or "")
    return RawBlock(BlockKind.TEXT, text, number, boxes=boxes) if text else None


def _list_item(block: Any, number: int, boxes: tuple[Box, ...], lead: str) -> RawBlock | None:
    text = plain(block.text or "")
    indent = "  " * max(0, (block.level or 1) - 1)
    marked = f"{indent}{clean(block.marker or '-')} {text}"
    return RawBlock(BlockKind.LIST, marked, number, boxes=boxes, lead=lead) if text else None


def plain(text: str) -> str:
    """Paragraph text without emphasis: the engine escapes the stars that stand on the page."""
    return clean(_ESCAPE_OR_EMPHASIS.sub(lambda match: match[1] or "", text))


def _boxes(block: Any, number: int) -> tuple[Box, ...]:
    box = block.bbox
    if box is None:
        return ()
    corners = (box.x, box.y, box.x + box.width, box.y + box.height)
    return (Box(number, *(round(corner, 2) for corner in corners)),)
