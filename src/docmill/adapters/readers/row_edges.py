"""Cells of formats that say of each row where its cells end, and which of them go on with another one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from docmill.domain.cells import Cell

ROWS = 100_000  # of one table
TABLE_CELLS = 500_000
_SAME = 30  # twips (1/20 point) between edges of cells that are one


@dataclass(frozen=True, slots=True)
class EdgedRow:
    """A row: where its cells end, in twips, and of which the cell on the left or above goes on in them."""

    edges: Sequence[int]
    goes_on_across: frozenset[int] = frozenset()
    goes_on_down: frozenset[int] = frozenset()
    header: bool = False


def cells_by_edges(rows: Sequence[EdgedRow]) -> Iterator[tuple[int, Cell]]:
    """Each cell without its text, and its number in its row; none where the edges cannot be."""
    if len(rows) > ROWS or sum(len(row.edges) for row in rows) > TABLE_CELLS:
        return
    if any(not row.edges or _falls(row.edges) for row in rows):
        return
    columns = distinct((edge for row in rows for edge in row.edges), _SAME)
    above: dict[int, int] = {}
    found: list[tuple[int, Cell]] = []
    for at, row in enumerate(rows):
        start, left = 0, None
        for number, edge in enumerate(row.edges):
            end = bisect_left(columns, edge - _SAME) + 1
            down, across = number in row.goes_on_down, number in row.goes_on_across
            whole = above.get(start) if down else left if across else None
            if whole is None:
                whole = above[start] = len(found)
                found.append((number, Cell(at, start, 1, end - start, row.header)))
            else:
                found[whole] = found[whole][0], _with(found[whole][1], at, end)
            start, left = end, whole
    yield from found


def _falls(edges: Sequence[int]) -> bool:
    """Whether a cell ends before it begins."""
    return any(right - left <= _SAME for left, right in pairwise(edges))


def distinct(edges: Iterable[int], same: int) -> list[int]:
    """The edges in their order, those counted once that lie no further apart than `same`."""
    kept: list[int] = []
    for edge in sorted(set(edges)):
        if not kept or edge - kept[-1] > same:
            kept.append(edge)
    return kept


def _with(cell: Cell, row: int, end: int) -> Cell:
    """The cell with a place that goes on with it."""
    return replace(cell, rows=row - cell.row + 1, columns=max(end - cell.column, cell.columns))
