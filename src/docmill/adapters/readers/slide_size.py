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
            told = _SIZE.search(part.read(LOOKED_AT_BYTES))
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, ValueError, RuntimeError):
        return None
    sides = [side.search(told[0]) for side in _SIDES] if told else []
    points = [int(side[1]) / EMU_A_POINT for side in sides if side]
    if len(points) != 2 or not all(0 < point <= MOST_POINTS for point in points):
        return None
    return round(points[0], 2), round(points[1], 2)
