"""Pictures of pages, drawn by the test: what a scanner would give, upright or not."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

DPI = 200
_SIZE = (1000, 700)  # pixels: five by three and a half inches
_LETTERS = 32  # pixels: 11.5 points


def scan(lines: Sequence[str], *, size: tuple[int, int] = _SIZE, letters: int = _LETTERS) -> Image.Image:
    """A page of black letters on white; a line that begins with `# ` is twice as large."""
    page = Image.new("L", size, 255)
    pen, top = ImageDraw.Draw(page), 60
    for line in lines:
        height = 2 * letters if line.startswith("# ") else letters
        pen.text((60, top), line.removeprefix("# "), fill=0, font=ImageFont.load_default(height))
        top += height * 3 // 2
    return page


def turned(page: Image.Image, degrees: float) -> Image.Image:
    """The page turned against the clock, with white around it."""
    return page.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def png(page: Image.Image, **more: object) -> bytes:
    """As a PNG file that tells its resolution."""
    return _saved([page], "PNG", **more)


def jpeg(page: Image.Image, **more: object) -> bytes:
    """As a JPEG file."""
    return _saved([page], "JPEG", **more)


def webp(page: Image.Image) -> bytes:
    """As a WebP file; the format has no place for a resolution."""
    return _saved([page], "WEBP")


def tiff(pages: Sequence[Image.Image]) -> bytes:
    """As one TIFF file of several pages."""
    return _saved(pages, "TIFF", compression="tiff_deflate")


def scanned_pdf(pages: Sequence[Image.Image]) -> bytes:
    """As a PDF file that holds nothing but pictures."""
    return _saved(pages, "PDF", resolution=DPI)


def _saved(pages: Sequence[Image.Image], form: str, **more: object) -> bytes:
    file = io.BytesIO()
    first, *others = (page.copy() for page in pages)  # Pillow keeps what it was told on the picture
    several = {"save_all": True, "append_images": others} if len(pages) > 1 else {}
    first.save(file, form, **{"dpi": (DPI, DPI), **several, **more})
    return file.getvalue()
