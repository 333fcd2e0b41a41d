"""Tables of AsciiDoc: lines between two `|===` to cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from docmill.adapters.readers.tidy import laid_out, one_line, tidy_table
from docmill.domain.cells import Cell, Layout
from docmill.domain.documents import Table

COLUMNS = 1_000  # of a table; rows and columns of a cell

# What may stand before the bar of a cell: repeated or spanning (`2+`, `.3+`, `4*`), alignment, style.
_SPEC = r"(?:\d+\*|(?P<columns>\d{1,6})?(?:\.(?P<rows>\d{1,6}))?\+)?(?:[<^>](?:\.[<^>])?|\.[<^>])?[aehlmsdv]?"
_CELL = re.compile(rf"(?:(?<=\s)|^){_SPEC}(?<!\\)\|", re.M)


def read_table(lines: Sequence[str], mark: str, plain: Callable[[str], str]) -> Table:
    """The cells of the lines of one table. Its first row is the header."""
    if mark in ",:":
        return tidy_table([plain(cell) for cell in row] for row in csv.reader(lines, delimiter=mark) if row)
    cells = [replace(cell, text=_shown(cell.text, plain)) for cell in _cells(lines)]
    return laid_out(cells, 1)


def _shown(text: str, plain: Callable[[str], str]) -> str:
    return one_line(plain(text.replace("\\|", "|").strip()))


def _cells(lines: Sequence[str]) -> Iterator[Cell]:
    """The first line with cells tells how many columns there are; later cells may stand on a line each."""
    layout, width = Layout(), 0
    layout.next_row()
    for found in _told(lines):
        width = width or min(sum(cell.columns for cell in found), COLUMNS)
        for cell in found:
            while layout.column >= width:
                layout.next_row()
            row, column = layout.place(cell.rows, cell.columns)
            yield replace(cell, row=row, column=column)


def _told(lines: Sequence[str]) -> Iterator[list[Cell]]:
    """The cells that begin on a line, for each such line; the lines below belong to the last of them."""
    pending: list[Cell] = []
    for line in lines:
        found = _cells_of(line)
        if found is None:
            pending[-1:] = [replace(cell, text=f"{cell.text}\n{line}") for cell in pending[-1:]]
            continue
        if pending:
            yield pending
        pending = found
    if pending:
        yield pending


def _cells_of(line: str) -> list[Cell] | None:
    """The cells that begin on this line, not placed yet; None when none does."""
    starts = list(_CELL.finditer(line)) or None
    if starts is None or line[: starts[0].start()].strip():
        return None
    ends = [match.start() for match in starts[1:]] + [len(line)]
    return [_cell(match, line[match.end() : end]) for match, end in zip(starts, ends, strict=True)]


def _cell(start: re.Match[str], text: str) -> Cell:
    columns, rows = start["columns"] or "1", start["rows"] or "1"
    return Cell(0, 0, _bounded(rows), _bounded(columns), text=text)


def _bounded(count: str) -> int:
    return min(max(int(count), 1), COLUMNS)
