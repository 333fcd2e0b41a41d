"""Pieces of text on a page, each with its box in points from the top left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from docmill.adapters.readers.pdf_objects import Rectangle
from docmill.adapters.readers.tidy import one_line

Point = tuple[float, float]


class Piece(NamedTuple):
    """A text and where it stands; without a box where it is a cell that nothing was seen of."""

    text: str
    box: Rectangle | None

    @property
    def place(self) -> Rectangle:
        """Its box; of no size at the corner of the page where there is none."""
        return self.box or (0.0, 0.0, 0.0, 0.0)

    def tidy(self) -> Piece:
        """The same on one line, without control characters."""
        return Piece(one_line(self.text), self.box)


Rows = Sequence[Sequence[Piece]]
Words = Callable[[Piece], Iterable[Piece]]  # of a piece of text


def middle(box: Rectangle) -> Point:
    """The point in the middle of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def holds(box: Rectangle, point: Point, slack: float = 0.0) -> bool:
    """Whether a point lies in a box, or so far beside it."""
    x, y = point
    return box[0] - slack <= x <= box[2] + slack and box[1] - slack <= y <= box[3] + slack


def around(boxes: Iterable[Rectangle]) -> Rectangle:
    """The box around all of these, of which there is one at least."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def said(pieces: Iterable[Piece]) -> str:
    """The text of pieces, line by line."""
    lines: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: middle(piece.place)[1]):
        _, top, _, bottom = piece.place
        if lines and abs(middle(lines[-1][0].place)[1] - middle(piece.place)[1]) < (bottom - top) / 2:
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return " ".join(piece.text for line in lines for piece in sorted(line, key=lambda piece: piece.place[0]))
