"""Draws a page: PDFium for PDF, Pillow for images. Runs only in a drawing child."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docmill.domain.documents import Box
from docmill.domain.media_types import PDF
from docmill.domain.pictures import Picture, PictureForm, pixels
from docmill.domain.reading_errors import PageNotDrawn

if TYPE_CHECKING:
    from PIL.Image import Image as Drawn

READ_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")
SOURCE_PIXELS = 250_000_000
_WAYS: Mapping[PictureForm, dict[str, Any]] = {
    PictureForm.PNG: {"compress_level": 3},  # half the time of the usual 6, a few per cent larger
    PictureForm.WEBP: {"quality": 80, "method": 2},
    PictureForm.JPEG: {"quality": 85},
}
_INK, _EDGE, _STRENGTH = (255, 213, 0), (214, 138, 0), 0.35


def draw(path: Path, media_type: str, picture: Picture) -> bytes:
    """The picture as a file of its format. Raises PageNotDrawn."""
    image = _pdf_page(path, picture) if media_type == PDF else _image_page(path, picture)
    for box in picture.boxes:
        _highlight(image, box, picture)
    file = io.BytesIO()
    image.save(file, picture.form.value, **_WAYS[picture.form])
    return file.getvalue()


def _pdf_page(path: Path, picture: Picture) -> Drawn:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
        page = document[picture.page - 1]
        width, height = page.get_size()
        scale = pixels(width, height, picture.dpi)[0] / max(width, 1e-3)
        image: Drawn = page.render(scale=scale, rev_byteorder=True).to_pil()
    except (pypdfium2.PdfiumError, IndexError, ValueError) as error:
        raise PageNotDrawn from error
    return image.convert("RGB")


def _image_page(path: Path, picture: Picture) -> Drawn:
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = SOURCE_PIXELS // 2  # twice that is refused, the one between only warned of
    try:
        with Image.open(path, formats=READ_FORMATS) as file:
            file.seek(picture.page - 1)
            size = pixels(picture.width, picture.height, picture.dpi)
            file.draft("RGB", size)
            upright = ImageOps.exif_transpose(file)
            return _on_white(upright).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    except (OSError, EOFError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PageNotDrawn from error


def _on_white(image: Drawn) -> Drawn:
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image.convert("RGBA"), mask=image.convert("RGBA").getchannel("A"))
    return paper


def _highlight(image: Drawn, box: Box, picture: Picture) -> None:
    """Mark a box as with a pen: what is under it stays readable."""
    from PIL import Image, ImageDraw

    across, down = image.width / picture.width, image.height / picture.height
    left, top = max(0, int(box.x0 * across)), max(0, int(box.y0 * down))
    right, bottom = min(image.width, round(box.x1 * across)), min(image.height, round(box.y1 * down))
    if left >= right or top >= bottom:
        return
    place = (left, top, right, bottom)
    under = image.crop(place)
    image.paste(Image.blend(under, Image.new("RGB", under.size, _INK), _STRENGTH), place)
    ImageDraw.Draw(image).rectangle(place, outline=_EDGE)
