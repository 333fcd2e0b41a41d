"""The one place that calls Tesseract (through tesserocr): pictures to words, lines and paragraphs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from docmill.adapters.ocr.languages import ORIENTATION, WRITTEN_DOWNWARDS, LanguageData
from docmill.adapters.ocr.picture import PagePicture
from docmill.adapters.ocr.upright import Straightened
from docmill.domain.documents import Word
from docmill.domain.reading_errors import ReaderTimeout
from docmill.domain.recognition import Line, Paragraph, legible, mean_confidence

if TYPE_CHECKING:
    from PIL.Image import Image

_ENGINES = 3  # loaded at a time
_QUARTERS = {0: 0, 90: 1, 180: 2, 270: 3}


@dataclass(frozen=True, slots=True)
class Orientation:
    """By how many quarters a picture has to be turned against the clock, and the script it shows."""

    quarters: int
    script: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in one picture: paragraphs in reading order, with their places in the original one."""

    paragraphs: tuple[Paragraph, ...]
    sideways: bool
    codes: tuple[str, ...]
    quarters: int

    @property
    def words(self) -> tuple[Word, ...]:
        """All words, in reading order."""
        return tuple(word for part in self.paragraphs for line in part.lines for word in line.words)

    @property
    def letters(self) -> int:
        """How many characters were read."""
        return sum(len(word.text) for word in self.words)

    @property
    def confidence(self) -> float:
        """The mean of its words', 0-1; 0 without words."""
        return mean_confidence(self.words)

    @property
    def score(self) -> float:
        """The larger, the better: how many letters were read, and how surely."""
        return sum(word.confidence**2 * len(word.text) for word in self.words)


def read(
    picture: Straightened, codes: tuple[str, ...], data: LanguageData, paper: PagePicture, seconds: float
) -> Reading:
    """The words of a picture that was made from `paper`, with their places there. Raises ReaderTimeout."""
    api = _api(data.name_from_root(codes), False)
    _show(api, picture.image, round(72 / paper.point))
    if not api.Recognize(int(seconds * 1000)):
        raise ReaderTimeout
    try:
        units = list(_words(api, picture, paper, codes))
    finally:
        api.Clear()
    upright = sum(len(unit.word.text) for unit in units if unit.upright)
    letters = sum(len(unit.word.text) for unit in units)
    return Reading(legible(_paragraphs(units)), upright * 2 < letters, codes, picture.quarters)


def orientation(picture: Image, data: LanguageData) -> Orientation | None:
    """How the text of a picture lies; None where there is too little of it to tell."""
    if not data.has(ORIENTATION):
        return None
    api = _api(data.name_from_root((ORIENTATION,)), True)
    _show(api, picture, 300)
    try:
        found = api.DetectOrientationScript()
    finally:
        api.Clear()
    if found is None:
        return None
    return Orientation(_QUARTERS[found["orient_deg"]], found["script_name"])


@lru_cache(maxsize=_ENGINES)
def _api(name: str, orientation_only: bool) -> Any:
    import tesserocr

    mode = tesserocr.PSM.OSD_ONLY if orientation_only else tesserocr.PSM.AUTO
    engine = tesserocr.OEM.DEFAULT if orientation_only else tesserocr.OEM.LSTM_ONLY
    return tesserocr.PyTessBaseAPI(path="/", lang=name, psm=mode, oem=engine)


def _show(api: Any, image: Image, dpi: int) -> None:
    api.SetImageBytes(image.tobytes(), image.width, image.height, 1, image.width)
    api.SetSourceResolution(min(max(dpi, 70), 2_400))


@dataclass(frozen=True, slots=True)
class _Unit:
    """A word and whether it begins a line or a paragraph."""

    word: Word
    begins_line: bool
    begins_paragraph: bool
    height: float
    upright: bool


def _words(api: Any, picture: Straightened, paper: PagePicture, codes: tuple[str, ...]) -> Iterator[_Unit]:
    import tesserocr

    level = tesserocr.RIL
    iterator = api.GetIterator()
    if iterator is None:
        return
    begins_line = begins_paragraph = True
    for unit in tesserocr.iterate_level(iterator, level.WORD):
        begins_line |= unit.IsAtBeginningOf(level.TEXTLINE)
        begins_paragraph |= unit.IsAtBeginningOf(level.PARA)
        box = unit.BoundingBox(level.WORD)
        text = _text(unit).strip()
        if not text or box is None:
            continue
        place = paper.place(*picture.place(*box))
        word = Word(text, round(unit.Confidence(level.WORD) / 100, 3), *place)
        rows = unit.RowAttributes()
        height = (rows["row_height"] if rows else box[3] - box[1]) * paper.point
        upright = _is_upright(unit, codes)
        yield _Unit(word, begins_line, begins_paragraph, height, upright)
        begins_line = begins_paragraph = False


def _is_upright(unit: Any, codes: tuple[str, ...]) -> bool:
    """Lines that run downwards are taken for upright ones; only in some scripts they are."""
    import tesserocr

    orientation, direction, _, _ = unit.Orientation()
    downwards = direction == tesserocr.WritingDirection.TOP_TO_BOTTOM
    return orientation == tesserocr.Orientation.PAGE_UP and (not downwards or codes[0] in WRITTEN_DOWNWARDS)


def _text(unit: Any) -> str:
    """A place where nothing was recognised has no text, which Tesseract calls an error."""
    import tesserocr

    try:
        return str(unit.GetUTF8Text(tesserocr.RIL.WORD))
    except RuntimeError:
        return ""


def _paragraphs(units: list[_Unit]) -> list[Paragraph]:
    paragraphs: list[list[Line]] = []
    lines: list[Line] = []
    for number, unit in enumerate(units):
        if unit.begins_paragraph or not paragraphs:
            lines = []
            paragraphs.append(lines)
        if unit.begins_line or not lines:
            lines.append(Line(tuple(_line_from(units, number)), unit.height))
    return [Paragraph(tuple(lines)) for lines in paragraphs]


def _line_from(units: list[_Unit], start: int) -> Iterator[Word]:
    yield units[start].word
    for unit in units[start + 1 :]:
        if unit.begins_line or unit.begins_paragraph:
            return
        yield unit.word
