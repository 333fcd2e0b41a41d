"""Where the header of a table of a PDF stands: the lines above, below and in it, and the columns under it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from docmill.adapters.readers.pdf_objects import Rectangle
from docmill.adapters.readers.pdf_pieces import Rows
from docmill.adapters.readers.pdf_rulings import NEAR, Drawn, Ruling

HEAD_COLUMNS = 100
HEAD_LEVELS = 8
_OUT = 40.0  # points that a line may go on behind the last text below it

Column = tuple[float, float]  # where its text begins and ends


@dataclass(frozen=True, slots=True)
class Zone:
    """What a header is made from; heights and places in points."""

    top: float
    bottom: float
    floors: tuple[tuple[Ruling, ...], ...]  # the shorter lines, by height
    columns: tuple[Column, ...]
    down: tuple[Ruling, ...]

    def height_of(self, level: int) -> float:
        """Where a row of the header begins; behind the last one, where the header ends."""
        if level == 0:
            return self.top
        return self.bottom if level > len(self.floors) else self.floors[level - 1][0].at

    def level_above(self, column: int, below: int) -> int:
        """The row that begins at the lowest line over this column, among the rows up to `below`."""
        centre = sum(self.columns[column]) / 2
        for level in range(below, 0, -1):
            if any(line.start - NEAR <= centre <= line.end + NEAR for line in self.floors[level - 1]):
                return level
        return 0

    def wall(self, column: int, top: float, bottom: float) -> float | None:
        """Where a line parts this column from the next one between these heights."""
        left, right = self.columns[column][1] - NEAR, self.columns[column + 1][0] + NEAR
        for line in self.down:
            shared = min(line.end, bottom) - max(line.start, top)
            if left <= line.at <= right and shared > (bottom - top) / 2:
                return line.at
        return None

    def edge(self, column: int) -> float:
        """Where this column ends and the next one begins, in the last row of the header."""
        wall = self.wall(column, self.height_of(len(self.floors)), self.bottom)
        return (self.columns[column][1] + self.columns[column + 1][0]) / 2 if wall is None else wall


def zone_of(body: Rows, top: float, bottom: float, lines: Drawn) -> Zone | None:
    """The zone between two lines over this body; None where no line in it tells of columns."""
    columns = _columns(body)
    if columns is None:
        return None
    shorter = [
        line
        for line in lines.across.between(top + 2 * NEAR, bottom - 2 * NEAR)
        if any(line.start <= (x0 + x1) / 2 <= line.end for x0, x1 in columns)
    ]
    floors = _levels(shorter)
    down = lines.down.between(columns[0][0], columns[-1][1])
    out = any(line.start < columns[0][0] - _OUT or line.end > columns[-1][1] + _OUT for line in shorter)
    if out or not 0 < len(floors) <= HEAD_LEVELS:
        return None
    return Zone(top, bottom, tuple(map(tuple, floors)), tuple(columns), tuple(down))


def _levels(lines: Iterable[Ruling]) -> list[list[Ruling]]:
    levels: list[list[Ruling]] = []
    for line in lines:
        if levels and line.at - levels[-1][0].at <= 2 * NEAR:
            levels[-1].append(line)
        else:
            levels.append([line])
    return levels


def _columns(body: Rows) -> list[Column] | None:
    """Where the text of each column begins and ends; None where one has none or reaches into another."""
    width = max(map(len, body), default=0)
    if not 1 < width <= HEAD_COLUMNS:
        return None
    boxes = [
        [row[column].box for row in body if column < len(row) and row[column].text] for column in range(width)
    ]
    known = [[box for box in column if box] for column in boxes]
    if not all(known):
        return None
    middles = [median((box[0] + box[2]) / 2 for box in column) for column in known]
    columns = [_extent(column, at, middles) for at, column in enumerate(known)]
    apart = all(left[1] <= right[0] + NEAR for left, right in pairwise(columns))
    return columns if apart else None


def _extent(boxes: list[Rectangle], at: int, middles: list[float]) -> Column:
    """Of a column's text, without what was taken for it and reaches over other columns."""
    others = [middles[other] for other in (at - 1, at + 1) if 0 <= other < len(middles)]
    own = [box for box in boxes if not any(box[0] <= other <= box[2] for other in others)] or boxes
    return min(box[0] for box in own), max(box[2] for box in own)
