"""What the paths of a PDF page may hold of straight lines, as PDFium tells it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from docmill.adapters.readers.pdf_objects import Rectangle
from docmill.adapters.readers.pdf_pieces import Point, around
from docmill.adapters.readers.pdf_rulings import SHORTEST, THICKEST

PATH_POINTS = 50_000  # of all the paths of a page; those beyond are not looked at


class Paths:
    """The paths of one page, as far as their points go."""

    def __init__(self) -> None:
        import pypdfium2.raw as raw

        self._raw = raw
        self._left = PATH_POINTS
        self._x, self._y = ctypes.c_float(), ctypes.c_float()

    def thin(self, path: Any, bounds: Rectangle) -> Iterator[Rectangle]:
        """What may be straight lines in a path with these bounds, in the coordinates of the bounds."""
        width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
        if width <= THICKEST or height <= THICKEST:
            if width >= SHORTEST or height >= SHORTEST:
                yield bounds
            return
        is_stroked = self._is_stroked(path)
        for points in self._outlines(path):
            for part in pairwise(points) if is_stroked else (points,):
                yield around((*point, *point) for point in part)

    def _is_stroked(self, path: Any) -> bool:
        mode, stroke = ctypes.c_int(), ctypes.c_int()
        self._raw.FPDFPath_GetDrawMode(path, mode, stroke)
        return bool(stroke.value)

    def _outlines(self, path: Any) -> Iterator[list[Point]]:
        """The points of each piece of a path that is drawn without lifting the pen, curves left out."""
        count = self._raw.FPDFPath_CountSegments(path)
        self._left -= max(count, 0)
        if count <= 0 or self._left < 0:
            return
        m = self._raw.FS_MATRIX()
        self._raw.FPDFPageObj_GetMatrix(path, m)
        points: list[Point] = []
        for kind, x, y, closes in self._segments(path, count):
            if kind != self._raw.FPDF_SEGMENT_LINETO:
                yield from (points,) if len(points) > 1 else ()
                points = []
            points.append((m.a * x + m.c * y + m.e, m.b * x + m.d * y + m.f))
            if closes:
                points.append(points[0])
        if len(points) > 1:
            yield points

    def _segments(self, path: Any, count: int) -> Iterator[tuple[int, float, float, bool]]:
        raw = self._raw
        for at in range(count):
            segment = raw.FPDFPath_GetPathSegment(path, at)
            raw.FPDFPathSegment_GetPoint(segment, self._x, self._y)
            closes = bool(raw.FPDFPathSegment_GetClose(segment))
            yield raw.FPDFPathSegment_GetType(segment), self._x.value, self._y.value, closes
