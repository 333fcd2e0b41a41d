"""Tables of PowerPoint slides: each cell says its place by a mark, where the engine would lose it."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from docmill.adapters.readers.cell_marks import counted, mark_of, need_marks
from docmill.adapters.readers.xml_tree import children
from docmill.domain.cells import Cell

_ON = frozenset(("1", "true", "on"))


def mark_cells(slide: Element) -> bool:
    """Put a mark into each cell of the tables that need them; whether there are such tables."""
    tables = [_cells(table) for table in slide.iter("a:tbl")]
    found = [cells for cells in tables if need_marks([cell for _, cell in cells])]
    for cells in found:
        for element, cell in cells:
            _put(element, mark_of(cell))
    return bool(found)


def _cells(table: Element) -> list[tuple[Element, Cell]]:
    """The cells that are shown. Every place has an element, also where a merged cell covers it."""
    about = next(iter(table.iter("a:tblPr")), Element("none"))
    first_row, first_column = about.get("firstRow") in _ON, about.get("firstCol") in _ON
    return [
        (cell, Cell(row, column, *_span(cell), (first_row and row == 0) or (first_column and column == 0)))
        for row, line in enumerate(children(table, "a:tr"))
        for column, cell in enumerate(children(line, "a:tc"))
        if not {cell.get("hMerge"), cell.get("vMerge")} & _ON
    ]


def _span(cell: Element) -> tuple[int, int]:
    rows, columns = (cell.get(name, "1") for name in ("rowSpan", "gridSpan"))
    return counted(rows), counted(columns)


def _put(cell: Element, mark: str) -> None:
    """A paragraph with the mark, before the others."""
    for body in children(cell, "a:txBody"):
        paragraph = Element("a:p")
        SubElement(SubElement(paragraph, "a:r"), "a:t").text = mark
        first = next((at for at, child in enumerate(body) if child.tag == "a:p"), len(body))
        body.insert(first, paragraph)
