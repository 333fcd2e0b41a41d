"""A page as a grey picture of bounded size, whatever its file says: PDFium for PDF, Pillow for images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from docmill.adapters.readers.images import open_frame, points_a_pixel
from docmill.domain.errors import PageNotDrawn
from docmill.domain.media_types import PDF

if TYPE_CHECKING:
    from PIL.Image import Image

DPI, LEAST_DPI = 300, 30
MOST_PIXELS = 24_000_000
LONGEST_SIDE = 16_000
_POINTS_AN_INCH = 72


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page as displayed, `width` × `height` points. A pixel of its image is `point` points wide."""

    image: Image
    width: float
    height: float

    @property
    def point(self) -> float:
        """Points a pixel."""
        return self.width / self.image.width


def page_picture(path: Path, media_type: str, number: int, most_pixels: int = MOST_PIXELS) -> PagePicture:
    """Page `number`, which counts from 1. Raises PageNotDrawn."""
    if media_type == PDF:
        return _pdf_page(path, number, most_pixels)
    return _image_page(path, number, most_pixels)


def _pdf_page(path: Path, number: int, most_pixels: int) -> PagePicture:
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(path) as document:
            page = document[number - 1]
            width, height = (max(side, 1e-3) for side in page.get_size())
            scale = min(DPI / _POINTS_AN_INCH, _bound(width, height, most_pixels))
            if scale < LEAST_DPI / _POINTS_AN_INCH:
                raise PageNotDrawn("The page is too large for its letters to be told apart.")
            image = page.render(scale=scale, grayscale=True).to_pil().convert("L")
    except (pypdfium2.PdfiumError, IndexError, ValueError) as error:
        raise PageNotDrawn from error
    return PagePicture(image, width, height)


def _image_page(path: Path, number: int, most_pixels: int) -> PagePicture:
    from PIL import Image

    image, dpi = open_frame(path, number)
    point = points_a_pixel(dpi)
    width, height = image.width * point, image.height * point
    scale = _bound(image.width, image.height, most_pixels)
    if scale < 1:
        size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
        image = image.resize(size, Image.Resampling.BOX)
    return PagePicture(image, width, height)


def _bound(width: float, height: float, most_pixels: int) -> float:
    return min(LONGEST_SIDE / max(width, height), math.sqrt(most_pixels / (width * height)))
