"""Tables of Word documents: each cell says its place by a mark, where the engine would lose it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from docmill.adapters.readers.cell_marks import counted, inserted, mark_of, need_marks
from docmill.adapters.readers.xml_tree import OFF
from docmill.domain.cells import Cell

_HINT = re.compile(r"<w:(gridSpan|vMerge|tblHeader)\b")
_TAG = re.compile(
    r"<(/?)w:(tbl|tr|tc|tcPr|gridSpan|vMerge|gridBefore|tblHeader)(?=[\s/>])([^<>]*?)(/?)>", re.S
)
_VALUE = re.compile(r"""\bw:val\s*=\s*["'](\w+)["']""")


def with_marked_cells(part: str) -> str:
    """A part of the document, in XML, with a mark in each cell of its tables that need them."""
    return inserted(part, _marks(part)) if _HINT.search(part) else part


def _marks(part: str) -> Iterator[tuple[int, str]]:
    tables: list[_Table] = []
    for tag in _TAG.finditer(part):
        closing, name, attributes, empty = bool(tag[1]), tag[2], tag[3], bool(tag[4])
        if name == "tbl":
            if not closing and not empty:
                tables.append(_Table())
            elif closing and tables:
                yield from _told(tables.pop())
        elif tables and not (name == "tc" and empty):
            tables[-1].take(name, closing or empty, attributes, tag.end())


def _told(table: _Table) -> Iterator[tuple[int, str]]:
    if need_marks(table.cells):
        for place, cell in zip(table.places, table.cells, strict=True):
            yield place, f"<w:p><w:r><w:t>{mark_of(cell)}</w:t></w:r></w:p>"


@dataclass(slots=True)
class _Table:
    """A table as Word writes it: every place of a row has a cell, and one may go on with the cell above."""

    cells: list[Cell] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    _row: int = -1
    _column: int = 0
    _header: bool = False
    _place: int = 0
    _columns: int = 1
    _goes_on: bool = False
    _above: dict[int, int] = field(default_factory=dict)  # by column: the cell that may be gone on with

    def take(self, name: str, ends: bool, attributes: str, end: int) -> None:
        """A tag of the table; `ends` is said of one that ends its element."""
        value = told[1] if (told := _VALUE.search(attributes)) else ""
        if name == "tr" and not ends:
            self._row, self._column, self._header = self._row + 1, 0, False
        elif name == "gridBefore":
            self._column += counted(value, least=0)
        elif name == "tblHeader":
            self._header = value not in OFF
        elif name == "tc" and not ends:
            self._place, self._columns, self._goes_on = end, 1, False
        elif name == "tc":
            self._end_cell()
        elif name == "tcPr" and ends:
            self._place = end
        elif name == "gridSpan":
            self._columns = counted(value)
        elif name == "vMerge":
            self._goes_on = value != "restart"

    def _end_cell(self) -> None:
        above = self._above.get(self._column) if self._goes_on else None
        if above is None:
            self._above[self._column] = len(self.cells)
            self.cells.append(Cell(self._row, self._column, 1, self._columns, self._header))
            self.places.append(self._place)
        else:
            cell = self.cells[above]
            self.cells[above] = replace(cell, rows=self._row - cell.row + 1)
        self._column += self._columns
