"""What a page of a PDF shows when PDFium looks at it, and what text of it people do not see."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import hypot
from typing import TYPE_CHECKING, Any

from docmill.adapters.readers.pdf_objects import IMAGE, PATH, TEXT, Rectangle, page_objects
from docmill.adapters.readers.pdf_paths import Paths
from docmill.adapters.readers.pdf_pieces import Piece
from docmill.adapters.readers.pdf_rulings import Drawn, drawn
from docmill.adapters.readers.pdf_words import words_of
from docmill.adapters.readers.tidy import clean
from docmill.domain.text_layer import LARGE_PICTURE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_POINTS = 1.1  # smaller letters are dust
PALEST = 0xE8  # from here on a colour may be that of the paper
CONTRAST = 20  # of 255: less than this is not seen
INK = 0.01  # the part of a text's rectangle that letters blacken at least
LOOK_PIXELS = 1_500  # the longer side of the picture that colours are compared in

_INVISIBLE = (3, 7)


@dataclass(frozen=True, slots=True)
class Unseen:
    """A piece of text that is not seen, and where it would stand on the page as displayed.

    Pieces with neighbouring `place` follow one another with nothing seen between them.
    """

    text: str
    box: Rectangle
    place: int


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a page gives; sizes in points, as displayed.

    `pictured` is the share of the page, 0-1, that its largest picture takes. `veiled` says that its text is
    not drawn but lies over pictures, as programs leave it that recognise scans; `bare` that nothing is drawn.
    `lines` are told of a page that was asked for them.
    """

    width: float
    height: float
    rotation: int
    unseen: tuple[Unseen, ...] = ()
    pictured: float = 0.0
    veiled: bool = False
    bare: bool = False
    lines: Drawn | None = None


@dataclass(slots=True)
class _Found:
    """The objects of a page that matter, in the order of drawing."""

    texts: list[tuple[Any, Rectangle]] = field(default_factory=list)
    images: list[Rectangle] = field(default_factory=list)
    thin: list[Rectangle] = field(default_factory=list)


class PageLook:
    """One page while it is open; its lines are looked for where it is `ruled`."""

    def __init__(self, page: Any, *, ruled: bool = False) -> None:
        import pypdfium2.raw as raw

        self._raw = raw
        self._page = page
        self._paths = Paths() if ruled else None
        self._corners = [ctypes.c_float() for _ in range(4)]
        self._colour = [ctypes.c_uint() for _ in range(4)]
        self._left, self._bottom, self._right, self._top = page.get_bbox()
        self._rotation: int = page.get_rotation()
        self._width, self._height = page.get_size()
        self._picture: NDArray[np.uint8] | None = None

    def look(self) -> Look:
        """Its size and rotation, and the text on it that is not seen."""
        found = self._found()
        places = [at for at, (text, box) in enumerate(found.texts) if self._is_unseen(text, box, found)]
        unseen = self._told(found, places) if places else ()
        pictured = self._pictured(found)
        veiled = pictured >= LARGE_PICTURE and self._is_veiled(found)
        bare = self._raw.FPDFPage_CountObjects(self._page.raw) == 0
        lines = drawn(map(self._displayed, found.thin)) if self._paths else None
        return Look(self._width, self._height, self._rotation, tuple(unseen), pictured, veiled, bare, lines)

    def words(self, box: Rectangle) -> list[Piece]:
        """The words of the piece of text in a box, both as displayed."""
        textpage = self._page.get_textpage()
        try:
            words = words_of(textpage.raw, self._undisplayed(box))
            return [Piece(word.text, self._displayed(word.place)) for word in words]
        finally:
            textpage.close()

    def _pictured(self, found: _Found) -> float:
        page = (self._left, self._bottom, self._right, self._top)
        return max((_common_area(image, page) for image in found.images), default=0.0) / max(
            _area(page), 1e-6
        )

    def _is_veiled(self, found: _Found) -> bool:
        mode = self._raw.FPDFTextObj_GetTextRenderMode
        invisible = sum(mode(text) in _INVISIBLE for text, _ in found.texts)
        return invisible * 2 > len(found.texts)

    def _found(self) -> _Found:
        found = _Found()
        for thing, kind, place in page_objects(self._page.raw):
            if kind == TEXT:
                found.texts.append((thing, place(self._bounds(thing))))
            elif kind == IMAGE:
                found.images.append(place(self._bounds(thing)))
            elif kind == PATH and self._paths:
                found.thin += map(place, self._paths.thin(thing, self._bounds(thing)))
        return found

    def _bounds(self, thing: Any) -> Rectangle:
        left, bottom, right, top = self._corners
        self._raw.FPDFPageObj_GetBounds(thing, left, bottom, right, top)
        return left.value, bottom.value, right.value, top.value

    def _is_unseen(self, text: Any, box: Rectangle, found: _Found) -> bool:
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        if not _holds((self._left, self._bottom, self._right, self._top), middle):
            return True
        if self._raw.FPDFTextObj_GetTextRenderMode(text) in _INVISIBLE:
            return not any(_holds(image, middle) for image in found.images)
        if box[3] - box[1] <= LEAST_POINTS and self._points(text) <= LEAST_POINTS:
            return True
        return self._is_pale(text) and self._is_blank(box)

    def _points(self, text: Any) -> float:
        size, m = ctypes.c_float(), self._raw.FS_MATRIX()
        self._raw.FPDFTextObj_GetFontSize(text, size)
        self._raw.FPDFPageObj_GetMatrix(text, m)
        return size.value * hypot(m.c, m.d)

    def _is_pale(self, text: Any) -> bool:
        if not self._raw.FPDFPageObj_GetFillColor(text, *self._colour):
            return False
        red, green, blue, alpha = (part.value for part in self._colour)
        return min(red, green, blue) >= PALEST or alpha < CONTRAST

    def _is_blank(self, box: Rectangle) -> bool:
        """Whether the page as drawn shows nothing where the text stands."""
        import numpy as np

        picture = self._drawn()
        scale = picture.shape[1] / max(self._width, 1)
        x0, y0, x1, y1 = (at * scale for at in self._displayed(box))
        cut = picture[max(int(y0), 0) : int(y1) + 1, max(int(x0), 0) : int(x1) + 1].astype(int)
        return not cut.size or bool((abs(cut - np.median(cut)) > CONTRAST).mean() < INK)

    def _drawn(self) -> NDArray[np.uint8]:
        if self._picture is None:
            scale = min(1.0, LOOK_PIXELS / max(self._width, self._height, 1))
            bitmap = self._page.render(scale=scale, grayscale=True)
            self._picture = bitmap.to_numpy().squeeze().copy()
            bitmap.close()
        return self._picture

    def _told(self, found: _Found, places: list[int]) -> Iterator[Unseen]:
        textpage = self._page.get_textpage()
        try:
            for place in places:
                text, box = found.texts[place]
                if told := self._text(text, textpage.raw):
                    yield Unseen(told, self._displayed(box), place)
        finally:
            textpage.close()

    def _text(self, text: Any, textpage: Any) -> str:
        size = self._raw.FPDFTextObj_GetText(text, textpage, None, 0)
        buffer = (self._raw.FPDF_WCHAR * (size // 2 + 1))()
        self._raw.FPDFTextObj_GetText(text, textpage, buffer, size)
        return clean(bytes(buffer)[: max(size - 2, 0)].decode("utf-16-le", "replace"))

    def _displayed(self, box: Rectangle) -> Rectangle:
        """From the page's own coordinates to points from the top left, turned as the page is."""
        x0, y0, x1, y1 = box
        if self._rotation == 90:
            return y0 - self._bottom, x0 - self._left, y1 - self._bottom, x1 - self._left
        if self._rotation == 180:
            return self._right - x1, y0 - self._bottom, self._right - x0, y1 - self._bottom
        if self._rotation == 270:
            return self._top - y1, self._right - x1, self._top - y0, self._right - x0
        return x0 - self._left, self._top - y1, x1 - self._left, self._top - y0

    def _undisplayed(self, box: Rectangle) -> Rectangle:
        """The other way: from points as displayed to the page's own coordinates."""
        x0, y0, x1, y1 = box
        if self._rotation == 90:
            return y0 + self._left, x0 + self._bottom, y1 + self._left, x1 + self._bottom
        if self._rotation == 180:
            return self._right - x1, y0 + self._bottom, self._right - x0, y1 + self._bottom
        if self._rotation == 270:
            return self._right - y1, self._top - x1, self._right - y0, self._top - x0
        return x0 + self._left, self._top - y1, x1 + self._left, self._top - y0


def _area(box: Rectangle) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _common_area(one: Rectangle, other: Rectangle) -> float:
    x0, y0 = max(one[0], other[0]), max(one[1], other[1])
    return _area((x0, y0, min(one[2], other[2]), min(one[3], other[3])))


def _holds(box: Rectangle, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
