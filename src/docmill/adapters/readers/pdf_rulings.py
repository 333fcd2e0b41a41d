"""The lines drawn on a page that run straight across or down: what parts the cells of a table."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from docmill.adapters.readers.pdf_objects import Rectangle

THICKEST = 3.0  # points; what is thicker is a bar
SHORTEST = 4.0  # points; what is shorter is a dot
NEAR = 2.5  # points between two lines that are drawn as one
_GAP = 2.0  # points between two pieces of a line


class Ruling(NamedTuple):
    """A line at this height, or so far from the left, from `start` to `end`, in points as displayed."""

    at: float
    start: float
    end: float

    def covers(self, start: float, end: float) -> bool:
        """Whether the line runs from the one to the other, as near as one can see."""
        return self.start - NEAR <= start and end <= self.end + NEAR


class Rulings:
    """The lines of one direction, each in one piece, by place."""

    def __init__(self, pieces: Iterable[Ruling] = ()) -> None:
        self._lines = [line for beside in _beside(pieces) for line in _joined(beside)]
        self._places = [line.at for line in self._lines]

    def between(self, low: float, high: float) -> list[Ruling]:
        """The lines at these places, both included."""
        return self._lines[bisect_left(self._places, low) : bisect_right(self._places, high)]

    def runs_at(self, at: float, start: float, end: float, slack: float = NEAR) -> bool:
        """Whether a line runs along most of this way, or so far beside it."""
        least = (end - start) / 2
        near = self.between(at - slack, at + slack)
        return any(min(line.end, end) - max(line.start, start) > least for line in near)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The lines of a page, across and down."""

    across: Rulings
    down: Rulings


def drawn(thin: Iterable[Rectangle]) -> Drawn:
    """The lines that these rectangles are; those that are none are left out."""
    across, down = [], []
    for x0, y0, x1, y1 in thin:
        if y1 - y0 <= THICKEST and x1 - x0 >= SHORTEST:
            across.append(Ruling((y0 + y1) / 2, x0, x1))
        elif x1 - x0 <= THICKEST and y1 - y0 >= SHORTEST:
            down.append(Ruling((x0 + x1) / 2, y0, y1))
    return Drawn(Rulings(across), Rulings(down))


def _beside(pieces: Iterable[Ruling]) -> Iterator[list[Ruling]]:
    """Pieces that lie at one place, together: double lines count as one."""
    first = float("-inf")
    places = []
    for piece in sorted(pieces, key=lambda piece: piece.at):
        first = piece.at if piece.at - first > NEAR else first
        places.append((first, piece))
    for _, group in groupby(places, key=lambda pair: pair[0]):
        yield [piece for _, piece in group]


def _joined(pieces: list[Ruling]) -> Iterator[Ruling]:
    """Pieces of one line that touch, as one; by their start."""
    pieces.sort(key=lambda piece: piece.start)
    at = sum(piece.at for piece in pieces) / len(pieces)
    start, end = pieces[0].start, pieces[0].end
    for piece in pieces[1:]:
        if piece.start > end + _GAP:
            yield Ruling(at, start, end)
            start = piece.start
        end = max(end, piece.end) if piece.start <= end + _GAP else piece.end
    yield Ruling(at, start, end)
