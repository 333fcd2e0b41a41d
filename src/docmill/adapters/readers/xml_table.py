"""Tables in XML, of web pages, DocBook, JATS and TEI alike, to cells with their spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from docmill.adapters.readers.cell_marks import counted
from docmill.adapters.readers.tidy import laid_out
from docmill.adapters.readers.xml_tree import local_name, text_of
from docmill.domain.cells import Cell, Layout
from docmill.domain.documents import Table

WIDEST = 1_000  # columns of a cell, and rows

_ROWS = frozenset(("tr", "row"))


def xml_table(table: Element) -> Table | None:
    """The cells of a table that is made of rows; None of one that is not."""
    cells = list(_cells(table))
    return laid_out(cells) if cells else None


def _cells(table: Element) -> Iterator[Cell]:
    layout, columns = Layout(), _named_columns(table)
    heads = {row for group in table.iter() if local_name(group.tag) == "thead" for row in group}
    for row in (element for element in table.iter() if local_name(element.tag) in _ROWS):
        layout.next_row()
        for cell in row:
            header = row in heads or local_name(cell.tag) == "th" or cell.get("role") == "label"
            height, width = _rows(cell), _columns(cell, columns)
            yield Cell(*layout.place(height, width), height, width, header, text_of(cell))


def _named_columns(table: Element) -> Mapping[str, int]:
    """DocBook names the columns, and a cell the first and last of those it covers."""
    names: Sequence[str] = [
        column.get("colname", "") for column in table.iter() if local_name(column.tag) == "colspec"
    ]
    return {name: number for number, name in enumerate(names) if name}


def _rows(cell: Element) -> int:
    more = counted(cell.get("morerows", "0"), 0, WIDEST)
    return counted(cell.get("rowspan") or cell.get("rows") or "1", more + 1, WIDEST)


def _columns(cell: Element, names: Mapping[str, int]) -> int:
    first, last = (names.get(cell.get(end, "")) for end in ("namest", "nameend"))
    named = last - first + 1 if first is not None and last is not None else 1
    return counted(cell.get("colspan") or cell.get("cols") or str(max(named, 1)), 1, WIDEST)
