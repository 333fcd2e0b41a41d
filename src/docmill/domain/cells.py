"""A table as its cells, each with its place, its span and whether it is a header; and back."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from docmill.domain.documents import Span, Table

PLACES = 2_000_000  # of a table; it may have far more of them than cells


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that covers `rows` × `columns` places from (`row`, `column`) on, which count from 0."""

    row: int
    column: int
    rows: int = 1
    columns: int = 1
    header: bool = False
    text: str = ""


class Layout:
    """Where the cells of a table stand that are told row by row: each at the first place that is free.

    After PLACES that were not free, or columns, it is `lost`: a trap may hang cells into millions of rows.
    """

    def __init__(self) -> None:
        self.row = -1
        self.column = 0
        self._passed = 0
        self._free_from: list[int] = []  # by column: the row from which on no cell hangs into it

    @property
    def lost(self) -> bool:
        """Whether cells stand anywhere from here on."""
        return self._passed > PLACES

    def next_row(self) -> None:
        """Begin a row."""
        self.row, self.column = self.row + 1, 0
        self._pass_over()

    def end_group(self) -> None:
        """Let no cell reach further down than here."""
        self._free_from.clear()

    def place(self, rows: int = 1, columns: int = 1) -> tuple[int, int]:
        """The place of the next cell."""
        self.row = max(self.row, 0)
        self._pass_over()
        place = self.row, self.column
        self._passed += columns - 1
        if not self.lost:
            self._hang(self.row + rows, self.column + columns)
            self._pass_over()
        return place

    def _hang(self, below: int, behind: int) -> None:
        self._free_from += [0] * (behind - len(self._free_from))
        self._free_from[self.column : behind] = [below] * (behind - self.column)
        self.column = behind

    def _pass_over(self) -> None:
        start = self.column
        while (
            self.column < len(self._free_from) and self._free_from[self.column] > self.row and not self.lost
        ):
            self.column += 1
        self._passed += self.column - start


def table_of(cells: Iterable[Cell], header_rows: int | None = None) -> Table | None:
    """The table that these cells make, without rows that hold no text, and such columns at its end.

    Places where no cell begins are left out, so a span never reaches beyond its table. The header are the
    first rows that hold nothing but headers, or the first row where no cell is called one; else as many as
    given. None where two cells begin at one place, or the table would have more than PLACES.
    """
    known = list(cells)
    rows = sorted({cell.row for cell in known if cell.text})
    last = max((cell.column for cell in known if cell.text), default=-1)
    columns = sorted({cell.column for cell in known if cell.column <= last})
    placed = [_placed(cell, rows, columns) for cell in known if cell.text]
    if len(rows) * len(columns) > PLACES or _overlap(placed, len(rows) * len(columns)):
        return None
    grid = [[""] * len(columns) for _ in rows]
    for cell in placed:
        grid[cell.row][cell.column] = cell.text
    heads = _header_rows(placed, grid) if header_rows is None else min(header_rows, len(rows))
    spans = sorted((cell.row, cell.column, cell.rows, cell.columns) for cell in placed)
    below = sorted((cell.row, cell.column) for cell in placed if cell.header and cell.row >= heads)
    return Table(
        tuple(map(tuple, grid)),
        heads,
        tuple(Span(*span) for span in spans if span[2:] != (1, 1)),
        tuple(below),
    )


def _placed(cell: Cell, rows: Sequence[int], columns: Sequence[int]) -> Cell:
    """The cell in a grid of just these rows and columns."""
    row, column = bisect_left(rows, cell.row), bisect_left(columns, cell.column)
    return replace(
        cell,
        row=row,
        column=column,
        rows=bisect_left(rows, cell.row + max(cell.rows, 1)) - row,
        columns=bisect_left(columns, cell.column + max(cell.columns, 1)) - column,
    )


def _covered(cell: Cell) -> Iterator[tuple[int, int]]:
    for row in range(cell.row, cell.row + cell.rows):
        for column in range(cell.column, cell.column + cell.columns):
            yield row, column


def _overlap(cells: Sequence[Cell], places: int) -> bool:
    """Whether two cells cover one place."""
    area = sum(cell.rows * cell.columns for cell in cells)
    return area > places or len({place for cell in cells for place in _covered(cell)}) < area


def _header_rows(cells: Sequence[Cell], grid: Sequence[Sequence[str]]) -> int:
    """The first rows of headers; the corner above headers of rows may be empty."""
    if not any(cell.header for cell in cells):
        return min(1, len(grid))
    heads = {place for cell in cells if cell.header for place in _covered(cell)}
    for at, row in enumerate(grid):
        if not all((at, column) in heads or (column == 0 and not text) for column, text in enumerate(row)):
            return at
    return len(grid)


def cells_of(table: Table) -> Iterator[Cell]:
    """The cells of a table, by row; what a merged cell covers besides its first place is none of its own."""
    spans = {(span.row, span.column): (span.rows, span.columns) for span in table.spans}
    covered = set(covered_places(table))
    heads = set(table.header_cells)
    for at, row in enumerate(table.rows):
        for column, text in enumerate(row):
            if (at, column) not in covered:
                rows, columns = spans.get((at, column), (1, 1))
                header = at < table.header_rows or (at, column) in heads
                yield Cell(at, column, rows, columns, header, text)


def covered_places(table: Table) -> dict[tuple[int, int], tuple[int, int]]:
    """The places that merged cells cover besides their first, each with that first place."""
    places = {
        place: (span.row, span.column)
        for span in table.spans
        for place in _covered(Cell(span.row, span.column, span.rows, span.columns))
    }
    return {place: first for place, first in places.items() if place != first}


def cut_rows(table: Table, start: int, stop: int) -> Table:
    """A part of a long table: the header, then the rows from `start` to before `stop`, none of them twice."""
    kept = [*range(min(table.header_rows, start)), *range(start, min(stop, len(table.rows)))]
    numbers = {row: at for at, row in enumerate(kept)}
    return Table(
        tuple(table.rows[row] for row in kept),
        sum(row < table.header_rows for row in kept),
        tuple(_cut_spans(table, numbers)),
        tuple((numbers[row], column) for row, column in table.header_cells if row in numbers),
    )


def _cut_spans(table: Table, numbers: Mapping[int, int]) -> Iterator[Span]:
    """The spans that begin in the rows that are kept, as far as the rows below them are kept too."""
    for span in table.spans:
        if span.row in numbers:
            at = numbers[span.row]
            rows = sum(1 for _ in takewhile(numbers.__contains__, range(span.row, span.row + span.rows)))
            if (rows, span.columns) != (1, 1):
                yield Span(at, span.column, rows, span.columns)
