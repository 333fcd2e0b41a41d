"""What every recogniser promises. Pages are read as in production: in a child that may be killed."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from tests import scans

from docmill.adapters.ocr.recognizer import RecognisingChild
from docmill.domain.media_types import JPEG, PDF, PNG, TIFF, WEBP
from docmill.domain.reading_errors import PageNotDrawn, ReaderTimeout, ReaderTooLarge, Unreadable
from docmill.domain.recognition import Recognised, Wish
from docmill.ports import Recognizer

LINES = [
    "The last ferry to Osier Island leaves",
    "Millgate at nine in the evening, and the",
    "first one at six.",
]
TEXT = " ".join(LINES)
PAGE = scans.scan(LINES)


@pytest.fixture(scope="module")
def recognizer() -> Iterator[Recognizer]:
    with closing(RecognisingChild()) as child:
        yield child


class Desk:
    """Hands pictures to the recogniser."""

    def __init__(self, recognizer: Recognizer, folder: Path) -> None:
        self._recognizer, self._path = recognizer, folder / "page"

    def read(self, content: bytes, media_type: str = PNG, wish: Wish = Wish(1)) -> Recognised:  # noqa: B008
        self._path.write_bytes(content)
        return self._recognizer.recognise(self._path, media_type, wish)


@pytest.fixture
def desk(recognizer: Recognizer, tmp_path: Path) -> Desk:
    return Desk(recognizer, tmp_path)


def text_of(found: Recognised) -> str:
    return " ".join(word.text for word in found.page.words)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_page_that_lies_on_its_side_has_the_same_text(desk: Desk, degrees: int) -> None:
    assert text_of(desk.read(scans.png(scans.turned(PAGE, degrees)))) == TEXT


@pytest.mark.parametrize("degrees", [-10, -3, 5, 10])
def test_a_skew_page_is_set_straight(desk: Desk, degrees: float) -> None:
    assert text_of(desk.read(scans.png(scans.turned(PAGE, degrees)))) == TEXT


def test_boxes_stand_where_the_words_are_displayed(desk: Desk) -> None:
    upright = desk.read(scans.png(PAGE)).page
    assert (upright.width, upright.height) == pytest.approx((360, 252), abs=0.1)
    first = upright.words[0]
    assert (first.x0, first.y0) == pytest.approx((22, 25), abs=4)

    turned = desk.read(scans.png(scans.turned(PAGE, 90))).page  # its top lies at the left
    word = turned.words[0]
    assert (word.x0, word.y1) == pytest.approx((first.y0, 360 - first.x0), abs=1)
    assert word.y1 - word.y0 > word.x1 - word.x0


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (scans.jpeg(PAGE), JPEG),
        (scans.webp(PAGE), WEBP),
        (scans.scanned_pdf([PAGE]), PDF),
        (scans.png(Image.merge("LA", (PAGE.point(lambda _: 0), PAGE.point(lambda grey: 255 - grey)))), PNG),
        (scans.png(PAGE.convert("1")), PNG),
        (scans.png(PAGE.point(lambda grey: 255 - grey)), PNG),
    ],
    ids=["jpeg", "webp", "pdf", "transparent", "black and white", "white on black"],
)
def test_a_page_is_read_from_any_kind_of_picture(desk: Desk, content: bytes, media_type: str) -> None:
    assert text_of(desk.read(content, media_type)) == TEXT


def test_each_page_of_a_tiff_file_is_read_by_itself(desk: Desk) -> None:
    content = scans.tiff([scans.scan(["First page of two"]), scans.scan(["Second page of two"])])
    assert text_of(desk.read(content, TIFF, Wish(2))) == "Second page of two"
    with pytest.raises(PageNotDrawn):
        desk.read(content, TIFF, Wish(3))


def test_a_photograph_is_turned_as_its_camera_says(desk: Desk) -> None:
    camera = Image.Exif()
    camera[0x0112] = 8  # its right side is up
    found = desk.read(scans.jpeg(scans.turned(PAGE, 270), exif=camera), JPEG)
    assert (text_of(found), found.page.width > found.page.height) == (TEXT, True)


def test_a_page_is_read_in_the_language_that_is_asked_for(desk: Desk) -> None:
    page = scans.png(scans.scan(["Das letzte Schiff verkehrt abends", "gegen neun, das erste um sechs."]))
    for wish in (Wish(1, languages=("deu",)), Wish(1, hint="de")):
        german = desk.read(page, PNG, wish)
        assert text_of(german) == "Das letzte Schiff verkehrt abends gegen neun, das erste um sechs."
        assert german.page.language == "de"
    assert desk.read(page).page.language == "en"


def test_every_word_has_a_confidence(desk: Desk) -> None:
    page = desk.read(scans.png(PAGE)).page
    assert all(0 < word.confidence <= 1 for word in page.words)
    assert page.confidence is not None
    assert page.confidence > 0.9


def test_blank_paper_has_no_words(desk: Desk) -> None:
    assert desk.read(scans.png(scans.scan([]))).page.words == ()


def test_what_is_no_picture_is_an_error_and_the_next_page_is_not(desk: Desk) -> None:
    for content in (b"\x89PNG\r\n\x1a\nnothing", scans.png(PAGE)[:300], b""):
        with pytest.raises(Unreadable):
            desk.read(content)
    with pytest.raises(ReaderTooLarge):
        desk.read(_vast_png(100_000, 100_000))
    assert text_of(desk.read(scans.png(PAGE))) == TEXT


def test_a_page_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_bytes(scans.png(scans.scan(LINES * 10, size=(2400, 3000), letters=24)))
    with closing(RecognisingChild(timeout_seconds=0.05)) as child, pytest.raises(ReaderTimeout):
        child.recognise(path, PNG, Wish(1))


def _vast_png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, with a single row of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    file = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    file.seek(0, io.SEEK_END)
    file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)))
    file.write(chunk(b"IDAT", zlib.compress(bytes(width + 1))) + chunk(b"IEND", b""))
    return file.getvalue()
