"""What a picture of a page shall look like, and how large it may become."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from docmill.domain.documents import Box
from docmill.domain.media_types import PDF

POINTS_AN_INCH = 72
LEAST_DPI, MOST_DPI = 36, 300
MOST_PIXELS = 25_000_000
LONGEST_SIDE = 16_000  # pixels; WebP takes few more
_VECTORS = "image/svg+xml"


class PictureForm(StrEnum):
    """The formats a picture comes in."""

    PNG = "png"
    WEBP = "webp"
    JPEG = "jpeg"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of page `page`, which is `width` × `height` points as displayed; `boxes` are highlighted."""

    page: int
    width: float
    height: float
    dpi: int = 144
    form: PictureForm = PictureForm.PNG
    boxes: tuple[Box, ...] = ()


def can_be_drawn(media_type: str) -> bool:
    """Whether a file of this type has pages that can be drawn."""
    return media_type == PDF or (media_type.startswith("image/") and media_type != _VECTORS)


def pixels(width: float, height: float, dpi: int) -> tuple[int, int]:
    """Width and height in pixels of a page of so many points: smaller than asked for where that is too large.

    What is no size at all becomes a pixel.
    """
    width, height = _length(width), _length(height)
    scale = dpi / POINTS_AN_INCH
    scale = min(scale, LONGEST_SIDE / max(width, height), math.sqrt(MOST_PIXELS / (width * height)))
    return max(1, int(width * scale)), max(1, int(height * scale))


def _length(points: float) -> float:
    return min(max(points, 1e-3), 1e9) if math.isfinite(points) else 1e-3
