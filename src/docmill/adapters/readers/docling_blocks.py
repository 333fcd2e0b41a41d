"""docling's document to blocks of the same contract as every other reader's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from docmill.adapters.readers.outlined_lists import list_item
from docmill.adapters.readers.tidy import clean, one_line, table_block, tidy_table
from docmill.domain.cells import Cell, table_of
from docmill.domain.documents import BlockKind, RawBlock

_KINDS = {
    "caption": BlockKind.CAPTION,
    "footnote": BlockKind.FOOTNOTE,
    "page_header": BlockKind.PAGE_HEADER,
    "page_footer": BlockKind.PAGE_FOOTER,
    "code": BlockKind.CODE,
}


def docling_blocks(document: Any) -> Iterator[RawBlock]:
    """The blocks in docling's order."""
    items = [(item, _label(item)) for item, _ in document.iterate_items()]
    below_title = any(label == "title" for _, label in items)
    inside_list = False
    for item, label in items:
        if label == "list_item":
            yield _list_item(document, item, first=not inside_list)
            inside_list = True
            continue
        block = _block(document, item, label, below_title)
        if block is not None and block.text:
            inside_list = False
            yield block


def _block(document: Any, item: Any, label: str, below_title: bool) -> RawBlock | None:
    if label in ("title", "section_header"):
        level = 1 if label == "title" else item.level + below_title
        return RawBlock(BlockKind.HEADING, one_line(item.text), level=min(level, 6))
    if label in ("table", "document_index"):
        return _table(item)
    if label in ("picture", "chart"):
        return RawBlock(BlockKind.IMAGE, clean(item.caption_text(document)))
    text = getattr(item, "text", None)
    return RawBlock(_KINDS.get(label, BlockKind.TEXT), clean(text)) if isinstance(text, str) else None


def _table(item: Any) -> RawBlock:
    cells = [_cell(cell) for cell in item.data.table_cells]
    rows = ([cell.text for cell in row] for row in item.data.grid)
    return table_block(table_of(cells, _header_rows(item.data.grid)) or tidy_table(rows))


def _cell(cell: Any) -> Cell:
    return Cell(
        cell.start_row_offset_idx,
        cell.start_col_offset_idx,
        cell.row_span,
        cell.col_span,
        cell.column_header or cell.row_header,
        one_line(cell.text),
    )


def _header_rows(grid: Any) -> int:
    """The first rows that hold nothing but headers of columns."""
    return sum(1 for _ in takewhile(lambda row: row and all(cell.column_header for cell in row), grid))


def _list_item(document: Any, item: Any, *, first: bool) -> RawBlock:
    depth, parent = -1, item.parent
    while parent is not None:
        owner = parent.resolve(document)
        depth += _label(owner) in ("list", "ordered_list")
        parent = getattr(owner, "parent", None)
    marker = item.marker if item.enumerated and item.marker else "-"
    return list_item(clean(item.text), max(0, depth), marker, first=first)


def _label(item: Any) -> str:
    return str(getattr(item.label, "value", item.label))
