"""A page, or a part of it, as a grey picture of bounded size: PDFium for PDF, Pillow for images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docmill.adapters.readers.images import open_frame, points_a_pixel
from docmill.adapters.readers.inner_pictures import inner_picture
from docmill.adapters.readers.pdf_objects import TEXT, page_objects
from docmill.domain.documents import Box
from docmill.domain.media_types import PDF
from docmill.domain.reading_errors import PageNotDrawn

if TYPE_CHECKING:
    from PIL.Image import Image

DPI, LEAST_DPI = 300, 30
MOST_PIXELS = 24_000_000
LONGEST_SIDE = 16_000
LONGER_PIXELS, SHORTER_PIXELS = 150, 75  # what is smaller is a sign or an ornament
ENLARGED_PIXELS = 1_600  # pictures for the screen have about 100 dpi
_POINTS_AN_INCH = 72
_INVISIBLE = 3  # of the ways to draw text


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page as displayed, `width` × `height` points, or the part of it from `left` and `top` on.

    A pixel of the image is `point` points wide.
    """

    image: Image
    width: float
    height: float
    point: float
    left: float = 0.0
    top: float = 0.0

    def place(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        """A rectangle of the image, from pixels to points on the page."""
        xs, ys = [self.left + x * self.point for x in (x0, x1)], [self.top + y * self.point for y in (y0, y1)]
        return round(xs[0], 2), round(ys[0], 2), round(xs[1], 2), round(ys[1], 2)


def page_picture(
    path: Path, media_type: str, number: int, most_pixels: int = MOST_PIXELS, only: Box | None = None
) -> PagePicture:
    """Page `number`, which counts from 1, or what is in a rectangle of it. Raises PageNotDrawn.

    A rectangle of a PDF page shows what is drawn there, without the text that the file has as text.
    """
    if media_type == PDF:
        return _pdf_page(path, number, most_pixels, only)
    whole = _image_page(path, number, most_pixels)
    return whole if only is None else _cut(whole, only)


def _pdf_page(path: Path, number: int, most_pixels: int, only: Box | None) -> PagePicture:
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(path) as document:
            page = document[number - 1]
            width, height = (max(side, 1e-3) for side in page.get_size())
            if only is not None:
                _hide_text(page)
            part = _within(only or Box(number, 0, 0, width, height), width, height)
            scale = min(DPI / _POINTS_AN_INCH, _bound(part.x1 - part.x0, part.y1 - part.y0, most_pixels))
            if scale < LEAST_DPI / _POINTS_AN_INCH:
                raise PageNotDrawn("The page is too large for its letters to be told apart.")
            crop = (part.x0, height - part.y1, width - part.x1, part.y0)
            image = page.render(scale=scale, crop=crop, grayscale=True).to_pil().convert("L")
    except (pypdfium2.PdfiumError, IndexError, ValueError) as error:
        raise PageNotDrawn from error
    return PagePicture(image, width, height, (part.x1 - part.x0) / image.width, part.x0, part.y0)


def _within(box: Box, width: float, height: float) -> Box:
    """As much of the rectangle as lies on the page. Raises ValueError where that is nothing."""
    x0, y0, x1, y1 = max(box.x0, 0.0), max(box.y0, 0.0), min(box.x1, width), min(box.y1, height)
    if x0 >= x1 or y0 >= y1:
        raise ValueError("There is nothing of this rectangle on the page.")
    return Box(box.page, x0, y0, x1, y1)


def _hide_text(page: Any) -> None:
    """In memory only: what is left to see are pictures and lines."""
    import pypdfium2.raw as raw

    for thing, kind, _ in page_objects(page.raw):
        if kind == TEXT:
            raw.FPDFTextObj_SetTextRenderMode(thing, _INVISIBLE)


def _cut(whole: PagePicture, only: Box) -> PagePicture:
    part, point = _within(only, whole.width, whole.height), whole.point
    edges = (int(part.x0 / point), int(part.y0 / point), int(part.x1 / point) + 1, int(part.y1 / point) + 1)
    left, top = edges[0] * point, edges[1] * point
    return PagePicture(whole.image.crop(edges), whole.width, whole.height, point, left, top)


def picture_inside(path: Path, media_type: str, name: str, most_pixels: int = MOST_PIXELS) -> PagePicture:
    """A picture inside a file, enlarged where its letters may be small. Raises PageNotDrawn.

    One that is as small as a sign is blank paper.
    """
    from PIL import Image

    image, dpi = open_frame(BytesIO(inner_picture(path, media_type, name)), 1)
    if max(image.size) < LONGER_PIXELS or min(image.size) < SHORTER_PIXELS:
        image = Image.new("L", (1, 1), 255)
    if max(image.size) < ENLARGED_PIXELS:
        image, dpi = image.resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC), dpi * 2
    return _bounded(image, dpi, most_pixels)


def _image_page(path: Path, number: int, most_pixels: int) -> PagePicture:
    image, dpi = open_frame(path, number)
    return _bounded(image, dpi, most_pixels)


def _bounded(image: Image, dpi: float, most_pixels: int) -> PagePicture:
    from PIL.Image import Resampling

    point = points_a_pixel(dpi)
    width, height = image.width * point, image.height * point
    scale = _bound(image.width, image.height, most_pixels)
    if scale < 1:
        size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
        image = image.resize(size, Resampling.BOX)
    return PagePicture(image, width, height, width / image.width)


def _bound(width: float, height: float, most_pixels: int) -> float:
    return min(LONGEST_SIDE / max(width, height), math.sqrt(most_pixels / (width * height)))
