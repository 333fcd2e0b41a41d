"""Cells of tables on their way through an engine that loses their spans: each says its place by a mark.

A mark stands in front of a cell's text. Its characters are of the private use area, which engines pass on as
they are; those that a file holds itself are taken out beforehand. Where not every cell of a table that holds
text comes out with its mark, its spans are not known, and none are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from docmill.adapters.readers.tidy import one_line, tidy_table
from docmill.domain.cells import Cell, table_of
from docmill.domain.documents import Table

OPEN, CLOSE = "\uf6a2", "\uf6a3"
LONGEST_SPAN = 10**6
_LARGEST = 10**9 - 1  # of a number in a mark
_DIGITS = 100  # a longer number is a trap: Python refuses to read one of thousands of digits

_MARK = re.compile(rf"{OPEN}(\d{{1,9}}),(\d{{1,9}}),(\d{{1,9}}),(\d{{1,9}}),([01]){CLOSE}\s*")
_CHARACTER = re.compile(f"[{OPEN}{CLOSE}]")


def counted(value: str, least: int = 1, most: int = LONGEST_SPAN) -> int:
    """A number of rows or columns as a file writes it, within bounds; `least` where it is none."""
    if not value.isdecimal():
        return least
    return most if len(value) > _DIGITS else min(max(int(value), least), most)


def mark_of(cell: Cell) -> str:
    """What says of the text behind it that it stands in this cell."""
    numbers = (min(number, _LARGEST) for number in (cell.row, cell.column, cell.rows, cell.columns))
    return f"{OPEN}{','.join(map(str, numbers))},{int(cell.header)}{CLOSE}"


def without_marks(text: str) -> str:
    """A text without these marks, whole or not."""
    return _CHARACTER.sub("", _MARK.sub("", text)) if OPEN in text or CLOSE in text else text


def need_marks(cells: Sequence[Cell]) -> bool:
    """Whether a table is more than rows of single cells of which the first one is the header."""
    heads = {cell.row for cell in cells if cell.header}
    plain_heads = not heads or (heads == {0} and all(cell.header for cell in cells if cell.row == 0))
    return not plain_heads or any((cell.rows, cell.columns) != (1, 1) for cell in cells)


def inserted(source: str, marks: Iterable[tuple[int, str]]) -> str:
    """The source with each text put in at its place; the places are in the source as it was."""
    pieces, at = [], 0
    for place, text in sorted(marks):
        pieces += [source[at:place], text]
        at = place
    return "".join((*pieces, source[at:]))


def read_table(rows: Iterable[Iterable[str]], header_rows: int = 1) -> Table:
    """The table of these cells as an engine gave them, by their marks where all that have text have one."""
    lines = [[one_line(text) for text in row] for row in rows]
    known = [_cell_of(text) for line in lines for text in line if text]
    cells = [cell for cell in known if cell is not None]
    table = table_of(cells) if cells and len(cells) == len(known) else None
    return table or tidy_table(([without_marks(text) for text in line] for line in lines), header_rows)


def _cell_of(text: str) -> Cell | None:
    """The cell that a text says it stands in."""
    found = _MARK.match(text)
    if found is None:
        return None
    row, column, height, width, header = map(int, found.groups())
    return Cell(row, column, height, width, bool(header), without_marks(text).strip())
