"""Merged cells of tables that are ruled all over: a cell goes on where no line parts it from the next."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from docmill.adapters.readers.pdf_objects import Rectangle
from docmill.adapters.readers.pdf_pieces import Rows
from docmill.adapters.readers.pdf_rulings import Drawn
from docmill.domain.cells import Cell

GRID_CELLS = 20_000  # of a larger table no merged cells are told

_SAME = 4.0  # points between edges that are one
_ASIDE = 4.0  # points between an edge as the engine tells it and its line

Place = tuple[int, int]


def grid_cells(rows: Rows, lines: Drawn) -> list[Cell] | None:
    """The cells of a table that the engine cut along its lines; None where none of them is merged.

    Two cells are one where the line between their columns, or rows, is drawn for most others and not here.
    """
    edges = _edges(rows)
    if edges is None:
        return None
    open_walls = _open_walls(*edges, lines)
    cells = [_merged(area, rows) for area in _areas(len(rows), len(rows[0]), open_walls)]
    merged = [cell for cell in cells if cell.text and cell.rows * cell.columns > 1]
    return cells if merged and all(cell.rows * cell.columns < len(cells) for cell in merged) else None


def _edges(rows: Rows) -> tuple[list[float], list[float]] | None:
    """Where the columns and rows of the cells begin and end, if the cells fill a grid."""
    if not rows or not rows[0] or not 1 < len(rows) * len(rows[0]) <= GRID_CELLS:
        return None
    across = [rows[0][0].place[0], *(piece.place[2] for piece in rows[0])]
    down = [rows[0][0].place[1], *(row[0].place[3] for row in rows)]
    for row, (top, bottom) in zip(rows, pairwise(down), strict=True):
        if len(row) != len(rows[0]):
            return None
        for piece, (left, right) in zip(row, pairwise(across), strict=True):
            if not _fills(piece.box, (left, top, right, bottom)):
                return None
    return across, down


def _fills(box: Rectangle | None, place: Rectangle) -> bool:
    return box is not None and all(abs(at - edge) <= _SAME for at, edge in zip(box, place, strict=True))


def _open_walls(across: list[float], down: list[float], lines: Drawn) -> set[tuple[Place, Place]]:
    """The pairs of neighbours that no line parts, where a line parts most of the others beside them."""
    found: set[tuple[Place, Place]] = set()
    for column, x in enumerate(across[1:-1]):
        walls = [lines.down.runs_at(x, y0, y1, _ASIDE) for y0, y1 in pairwise(down)]
        if sum(walls) * 2 >= len(walls):
            found |= {((row, column), (row, column + 1)) for row, wall in enumerate(walls) if not wall}
    for row, y in enumerate(down[1:-1]):
        walls = [lines.across.runs_at(y, x0, x1, _ASIDE) for x0, x1 in pairwise(across)]
        if sum(walls) * 2 >= len(walls):
            found |= {((row, column), (row + 1, column)) for column, wall in enumerate(walls) if not wall}
    return found


def _areas(height: int, width: int, open_walls: set[tuple[Place, Place]]) -> Iterator[list[Place]]:
    """Places that hang together, if they make a rectangle; else each by itself."""
    beside: dict[Place, list[Place]] = {}
    for one, other in open_walls:
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    seen: set[Place] = set()
    for place in ((row, column) for row in range(height) for column in range(width)):
        if place not in seen:
            area = _reached(place, beside)
            seen.update(area)
            yield from (area,) if _is_rectangle(area) else ([each] for each in area)


def _reached(place: Place, beside: dict[Place, list[Place]]) -> list[Place]:
    found, waiting = {place}, [place]
    while waiting:
        new = [other for other in beside.get(waiting.pop(), ()) if other not in found]
        found.update(new)
        waiting += new
    return sorted(found)


def _is_rectangle(area: list[Place]) -> bool:
    (top, left), (bottom, right) = area[0], area[-1]
    return len(area) == (bottom - top + 1) * (right - left + 1)


def _merged(area: list[Place], rows: Rows) -> Cell:
    (top, left), (bottom, right) = area[0], area[-1]
    text = " ".join(filter(None, (rows[row][column].tidy().text for row, column in area)))
    return Cell(top, left, bottom - top + 1, right - left + 1, text=text)
