"""Images: each frame is a page, whose text is still to be recognised. Pillow decodes, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docmill.domain.documents import Page, Part, ReadInfo, TextSource
from docmill.domain.reading_errors import DamagedFile, PageNotDrawn, ReaderTooLarge, Unreadable

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP")
DECODED_BYTES = 400_000_000  # of one frame
FRAMES = 10_000
_USUAL_DPI = 150.0
_LEAST_DPI, _MOST_DPI = 20.0, 2_400.0
_ORIENTATION = 0x0112
_ON_ITS_SIDE = frozenset({5, 6, 7, 8})
_PAGED = frozenset({"TIFF"})  # the frames of the other formats are an animation
_PART_PAGES = 200
# What Pillow raises for a file that is not what it says; MemoryError and the like pass.
_DAMAGE = (OSError, EOFError, ValueError, SyntaxError, TypeError, KeyError, IndexError, OverflowError)


class ImageReader:
    """Tells the pages of an image, and reads nothing: that is the stage's after this one."""

    name = "pillow"

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the pages. Raises DamagedFile, ReaderTooLarge (more pixels than are decoded)."""
        pages = _pages(path)
        yield ReadInfo(media_type, self.name, len(pages))
        for start in range(0, len(pages), _PART_PAGES):
            batch = pages[start : start + _PART_PAGES]
            yield Part((), batch[-1].number, len(pages), pages=tuple(batch))


def _pages(path: Path) -> list[Page]:
    try:
        with _opened(path) as file:
            return [_page(file, number) for number in range(1, _frames(file) + 1)]
    except Unreadable:
        raise
    except _DAMAGE as error:
        raise DamagedFile("The image is damaged. Save it anew and send it again.") from error


def _page(file: Any, number: int) -> Page:
    file.seek(number - 1)
    _check_size(file)
    width, height = file.size
    if file.getexif().get(_ORIENTATION) in _ON_ITS_SIDE:
        width, height = height, width
    point = points_a_pixel(_dpi(file))
    return Page(number, width * point, height * point, source=TextSource.NONE, ocr_reason="image")


def open_frame(path: Path | BytesIO, number: int) -> tuple[Image, float]:
    """Frame `number`, which counts from 1, as displayed and in grey, and its dpi.

    Raises PageNotDrawn, ReaderTooLarge.
    """
    from PIL import ImageOps

    try:
        with _opened(path) as file:
            if number > _frames(file):
                raise PageNotDrawn
            file.seek(number - 1)
            _check_size(file)
            dpi = _dpi(file)
            return _grey(ImageOps.exif_transpose(file)), dpi
    except Unreadable:
        raise
    except _DAMAGE as error:
        raise PageNotDrawn from error


def points_a_pixel(dpi: float) -> float:
    """The width of a pixel in points."""
    return 72.0 / dpi


def _opened(path: Path | BytesIO) -> Any:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # what is decoded is bounded here, by its bytes
    return Image.open(path, formats=FORMATS)


def _frames(file: Any) -> int:
    return min(int(getattr(file, "n_frames", 1)), FRAMES) if file.format in _PAGED else 1


def _check_size(file: Any) -> None:
    width, height = file.size
    if width * height * max(1, len(file.getbands())) > DECODED_BYTES:
        raise ReaderTooLarge(f"The image has {width:,} × {height:,} pixels. Send it smaller, or in parts.")


def _dpi(file: Any) -> float:
    """What the file says; where it says nothing or nonsense, what documents usually are scanned with."""
    told = file.info.get("dpi") or (0, 0)
    dpi = float(told[0])
    return dpi if _LEAST_DPI <= dpi <= _MOST_DPI else _USUAL_DPI


def _grey(image: Any) -> Image:
    from PIL.Image import new

    if image.has_transparency_data:
        paper = new("L", image.size, 255)
        coloured = image.convert("RGBA")
        paper.paste(coloured.convert("L"), mask=coloured.getchannel("A"))
        return paper
    if image.mode.startswith("I") or image.mode == "F":
        image = (
            image.point(lambda value: value / 257).convert("L") if image.mode.startswith("I;16") else image
        )
    grey: Image = image.convert("L")
    return grey
