"""How one page is recognised: which way up it lies, in which language, and what it says."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from docmill.adapters.ocr import tesseract
from docmill.adapters.ocr.languages import USUAL, LanguageData, code_of, language_of, wanted_for
from docmill.adapters.ocr.picture import MOST_PIXELS, PagePicture, page_picture
from docmill.adapters.ocr.tesseract import Orientation, Reading
from docmill.adapters.ocr.upright import has_ink, straightened
from docmill.domain.documents import Page, TextSource
from docmill.domain.errors import ReaderTimeout
from docmill.domain.recognition import Recognised, Wish, blocks_of

SURE = 0.8  # a page read so well lies the right way up
HOPELESS = 0.55  # one read so badly, though it lies so, is in a script or language there is no data for
_FAVOUR = 1.3  # so much better is what was read after turning the picture, where that was right


class _Eye:
    """Looks at one picture again and again, until its time is over."""

    def __init__(self, picture: PagePicture, data: LanguageData, seconds: float) -> None:
        self._picture = picture
        self._data = data
        self._until = time.monotonic() + seconds

    def look(self, codes: tuple[str, ...], quarters: int = 0) -> Reading:
        """What is read after turning the picture. Raises ReaderTimeout."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise ReaderTimeout
        upright = straightened(self._picture.image, quarters)
        return tesseract.read(upright, codes, self._data, self._picture.point, left)

    def orientation(self) -> Orientation | None:
        """How the text lies, and its script; None where too little is there to tell."""
        return tesseract.orientation(straightened(self._picture.image).image, self._data)


def recognise(path: Path, media_type: str, wish: Wish, data: LanguageData) -> Recognised:
    """One page. A later attempt, after one that failed, looks at a smaller picture.

    Raises PageNotDrawn, ReaderTimeout, ReaderTooLarge.
    """
    picture = page_picture(path, media_type, wish.page, most_pixels=MOST_PIXELS >> 2 * wish.attempt)
    page = Page(wish.page, picture.width, picture.height, source=TextSource.OCR)
    if not has_ink(picture.image):
        return Recognised(page)
    eye = _Eye(picture, data, wish.seconds)
    codes = data.known(wish.languages or (code_of(wish.hint) or USUAL,))
    reading = eye.look(codes)
    if reading.confidence < SURE or reading.sideways:
        lies = eye.orientation()
        readable = codes if wish.languages else _codes_for(lies, codes, data)
        reading = _right_way_up(eye, reading, lies, readable or codes)
        if not readable and lies is not None and reading.confidence < HOPELESS:
            return Recognised(page, unknown_script=lies.script)
    return _told(page, reading)


def _codes_for(lies: Orientation | None, codes: tuple[str, ...], data: LanguageData) -> tuple[str, ...]:
    """The languages to read a script in; none when there is no data for any."""
    if lies is None or set(wanted_for(lies.script)) & set(codes):
        return codes
    return data.of_script(lies.script)[:1]


def _right_way_up(eye: _Eye, first: Reading, lies: Orientation | None, codes: tuple[str, ...]) -> Reading:
    """The best of the ways to turn the picture; all are tried when the likely one is no good."""
    likely = (lies.quarters,) if lies is not None else ()
    best = first
    for quarters in (*likely, *(turn for turn in range(4) if turn not in likely)):
        if (quarters, codes) != (first.quarters, first.codes):
            turned = eye.look(codes, quarters)
            best = turned if _merit(turned) > _merit(best, _FAVOUR) else best
        if best.quarters == quarters and best.confidence >= SURE and not best.sideways:
            break
    return best


def _merit(reading: Reading, favour: float = 1.0) -> tuple[bool, float]:
    return not reading.sideways, reading.score * favour


def _told(page: Page, reading: Reading) -> Recognised:
    words = reading.words
    if not words:
        return Recognised(page)
    language = language_of(reading.codes[0])
    page = replace(page, confidence=round(reading.confidence, 3), language=language, words=words)
    return Recognised(page, blocks_of(reading.paragraphs, page.number))
