"""How large the slides of a presentation are: it says so once, for all of them."""

from __future__ import annotations

import io
import re
import zipfile
import zlib

EMU_A_POINT = 12_700
LOOKED_AT_BYTES = 1_000_000
MOST_POINTS = 100_000

_SIZE = re.compile(rb"<p:sldSz\b[^>]*>")
_SIDES = (re.compile(rb'\bcx="(\d{1,12})"'), re.compile(rb'\bcy="(\d{1,12})"'))


def slide_size(presentation: bytes) -> tuple[float, float] | None:
    """Width and height in points; None where the presentation does not say."""
    try:
        with (
            zipfile.ZipFile(io.BytesIO(presentation)) as archive,
            archive.open("ppt/presentation.xml") as part,
        ):
            sides = sides_in(part.read(LOOKED_AT_BYTES))
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, ValueError, RuntimeError):
        return None
    points = [side / EMU_A_POINT for side in sides or ()]
    if not points or not all(0 < point <= MOST_POINTS for point in points):
        return None
    return round(points[0], 2), round(points[1], 2)


def sides_in(presentation: bytes) -> tuple[int, int] | None:
    """Width and height in English metric units, as the main part says them."""
    told = _SIZE.search(presentation)
    across, down = (side.search(told[0]) for side in _SIDES) if told else (None, None)
    return (int(across[1]), int(down[1])) if across and down else None
