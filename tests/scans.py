"""Pictures of pages, drawn by the test: what a scanner would give, upright or not."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from tests.made_files import pdf_of_pages

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


def shown(picture: int, *, at: tuple[int, int], size: tuple[int, int]) -> str:
    """Content that draws a picture of `pdf_with` with its lower left corner at this place, in points."""
    return f"q {size[0]} 0 0 {size[1]} {at[0]} {at[1]} cm /P{picture} Do Q\n"


def pdf_with(pictures: Sequence[Image.Image], pages: Sequence[str]) -> bytes:
    """A PDF whose pages draw what these content streams say, with the pictures as /P0, /P1 and so on."""
    names = " ".join(f"/P{number} {4 + number} 0 R" for number in range(len(pictures)))
    contents = [page.encode("latin-1") for page in pages]
    return pdf_of_pages(contents, f"/XObject << {names} >>", [_object(picture) for picture in pictures])


def _object(picture: Image.Image) -> bytes:
    data = zlib.compress(picture.tobytes())
    head = (
        f"<< /Type /XObject /Subtype /Image /Width {picture.width} /Height {picture.height} "
        f"/ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode /Length {len(data)} >>"
    )
    return b"%b\nstream\n%b\nendstream" % (head.encode(), data)


def _saved(pages: Sequence[Image.Image], form: str, **more: object) -> bytes:
    file = io.BytesIO()
    first, *others = (page.copy() for page in pages)  # Pillow keeps what it was told on the picture
    several = {"save_all": True, "append_images": others} if len(pages) > 1 else {}
    first.save(file, form, **{"dpi": (DPI, DPI), **several, **more})
    return file.getvalue()
