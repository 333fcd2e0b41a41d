"""How one page is recognised: which way up it lies, in which language, and what it says."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from docmill.adapters.ocr import tesseract
from docmill.adapters.ocr.languages import USUAL, LanguageData, code_of, language_of, wanted_for
from docmill.adapters.ocr.picture import MOST_PIXELS, PagePicture, page_picture, picture_inside
from docmill.adapters.ocr.tesseract import Orientation, Reading
from docmill.adapters.ocr.upright import has_ink, lies_on_its_side, straightened
from docmill.domain.documents import Page, TextSource
from docmill.domain.reading_errors import ReaderTimeout
from docmill.domain.recognition import LEGIBLE_IN_A_PART, Recognised, Wish, blocks_of, legible

SURE = 0.8  # a page read so well lies the right way up
TELLING_LETTERS = 20
HOPELESS = 0.55  # one read so badly, though it lies so, is in a script or language there is no data for


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
        return tesseract.read(upright, codes, self._data, self._picture, left)

    def orientation(self) -> Orientation | None:
        """How the text lies, and its script; None where too little is there to tell."""
        return tesseract.orientation(straightened(self._picture.image).image, self._data)


def recognise(path: Path, media_type: str, wish: Wish, data: LanguageData) -> Recognised:
    """One page, a part of it, or a picture inside the file. Only a whole page is turned as it should lie.

    A later attempt, after one that failed, looks at a smaller picture. Raises PageNotDrawn, ReaderTimeout,
    ReaderTooLarge.
    """
    most_pixels = MOST_PIXELS >> 2 * wish.attempt
    if wish.picture is not None:
        picture = picture_inside(path, media_type, wish.picture, most_pixels)
    else:
        picture = page_picture(path, media_type, wish.page, most_pixels, wish.only)
    page = Page(wish.page, picture.width, picture.height, source=TextSource.OCR)
    if not has_ink(picture.image):
        return Recognised(page)
    eye = _Eye(picture, data, wish.seconds)
    codes = data.known(wish.languages or (code_of(wish.hint) or USUAL,))
    if wish.only is not None or wish.picture is not None:
        reading = eye.look(codes)
        return _told(page, replace(reading, paragraphs=legible(reading.paragraphs, LEGIBLE_IN_A_PART)))
    reading = eye.look(codes, quarters=int(lies_on_its_side(picture.image)))
    if not _is_sure(reading):
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
    """The best of the four ways to turn the picture; those behind one that is sure are not tried.

    How the page lay at first gives none of them an advantage, so all four give the same text.
    """
    likely = (lies.quarters,) if lies is not None else ()
    best = first
    for quarters in (*likely, *(turn for turn in range(4) if turn not in likely)):
        if (quarters, codes) != (first.quarters, first.codes):
            best = max(best, eye.look(codes, quarters), key=_merit)
        if best.quarters == quarters and _is_sure(best):
            break
    return best


def _is_sure(reading: Reading) -> bool:
    """Whether this is the right way up: a few letters may be others upside down, as 815 is sig."""
    return reading.confidence >= SURE and reading.letters >= TELLING_LETTERS and not reading.sideways


def _merit(reading: Reading) -> tuple[bool, float]:
    return not reading.sideways, reading.score


def _told(page: Page, reading: Reading) -> Recognised:
    words = reading.words
    if not words:
        return Recognised(page)
    language = language_of(reading.codes[0])
    page = replace(page, confidence=round(reading.confidence, 3), language=language, words=words)
    return Recognised(page, blocks_of(reading.paragraphs, page.number))
