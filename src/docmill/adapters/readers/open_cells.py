"""Tables of OpenDocument files: the cells as elements, each with its place and span."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from docmill.adapters.readers.cell_marks import counted, mark_of, need_marks
from docmill.adapters.readers.xml_tree import children
from docmill.domain.cells import Cell

HAS_SPANS = re.compile(r"""\btable:number-(?:columns|rows)-spanned\s*=\s*["'](?!1["'])""")
HAS_HEADERS = re.compile(r"<table:table-header")
COLUMNS = 1_000  # of one table; of a cell that is repeated

_CELLS = frozenset(("table:table-cell", "table:covered-table-cell"))
_GROUPS = frozenset(("table:table-rows", "table:table-row-group"))


def open_cells(table: Element) -> list[tuple[Element, Cell]]:
    """The elements of a table that hold something, with their cells."""
    row, header_columns, cells = 0, _header_columns(table), list[tuple[Element, Cell]]()
    for line, is_header in _rows(table, False):
        column = 0
        for element in line:
            if element.tag in _CELLS:
                repeated = _count(element, "table:number-columns-repeated")
                for at in range(column, column + min(repeated, COLUMNS)) if len(element) else ():
                    cells.append((element, _cell(element, row, at, is_header or at < header_columns)))
                column += repeated
        row += _count(line, "table:number-rows-repeated")
    return cells


def mark_cells(content: Element) -> bool:
    """Put a mark into each cell of the tables that need them; whether there are such tables."""
    tables = [open_cells(table) for table in content.iter("table:table")]
    found = [cells for cells in tables if need_marks([cell for _, cell in cells])]
    for cells in found:
        for element, cell in cells:
            paragraph = Element("text:p")
            paragraph.text = mark_of(cell)
            element.insert(0, paragraph)
    return bool(found)


def _rows(element: Element, is_header: bool) -> Iterator[tuple[Element, bool]]:
    """The rows of a table, not those of tables in its cells, and whether they are of its header."""
    for child in element:
        if child.tag == "table:table-row":
            yield child, is_header
        elif child.tag in _GROUPS or child.tag == "table:table-header-rows":
            yield from _rows(child, is_header or child.tag not in _GROUPS)


def _header_columns(table: Element) -> int:
    heads = (column for group in children(table, "table:table-header-columns") for column in group)
    return sum(_count(column, "table:number-columns-repeated") for column in heads)


def _cell(element: Element, row: int, column: int, header: bool) -> Cell:
    rows, columns = (_count(element, f"table:number-{name}-spanned") for name in ("rows", "columns"))
    return Cell(row, column, rows, columns, header)


def _count(element: Element, name: str) -> int:
    return counted(element.get(name, "1"))
