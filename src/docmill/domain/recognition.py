"""What is made of recognised words: paragraphs, headings and lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from statistics import fmean
from typing import Any

from docmill.domain.documents import BlockKind, Box, Page, PageLoss, RawBlock, TextSource, Word

LEGIBLE_FROM = 0.35  # the mean of a line; below it stands a picture that was taken for letters
LEGIBLE_IN_A_PART = 0.6  # where what is looked at is a picture rather than a page, or cuts through lines

FIGURES = "figures"  # why a page is looked at whose text is good: words may stand in its pictures

_HEADING_FROM, _HEADING_LINES, _HEADING_CHARACTERS = 1.25, 3, 150
_LEVELS = ((1.9, 1), (1.5, 2))  # times the height of the text
_LAST_LEVEL = 3
_BULLET = re.compile(r"(?:[•‣▪▫■□●○◦*·»>–—-]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s+(?=\S)")
_LETTER = re.compile(r"[^\W\d_]")
_SLACK = 0.02
_FROM_FILE = frozenset({TextSource.LAYER, TextSource.NONE})
_LANGUAGE_CODE = re.compile(r"[a-z]{3}(_[a-z]+)*", re.ASCII)
_HYPHENS = ("-", "‐", "\u00ad", "¬")


class OcrMode(StrEnum):
    """Which pages of a dataset's documents are recognised."""

    AUTO = "auto"  # those without a text that can be trusted
    ALWAYS = "always"  # all of them
    NEVER = "never"  # none


@dataclass(frozen=True, slots=True)
class OcrSettings:
    """How a dataset has pages recognised. `languages` are Tesseract's codes; empty: found page by page."""

    mode: OcrMode = OcrMode.AUTO
    languages: tuple[str, ...] = ()


def ocr_settings(settings: Mapping[str, Any]) -> OcrSettings:
    """Those among the stored settings of a dataset; the usual ones where nobody has set any."""
    return OcrSettings(OcrMode(settings.get("ocr", OcrMode.AUTO)), tuple(settings.get("ocr_languages", ())))


def as_stored(ocr: OcrSettings) -> dict[str, Any]:
    """The settings as `ocr_settings` takes them; what is usual is left out."""
    mode = {} if ocr.mode is OcrMode.AUTO else {"ocr": ocr.mode.value}
    return {**mode, **({"ocr_languages": list(ocr.languages)} if ocr.languages else {})}


def are_language_codes(codes: Iterable[str]) -> bool:
    """Whether these can be names of Tesseract's language data, such as deu or chi_sim."""
    return all(_LANGUAGE_CODE.fullmatch(code) for code in codes)


def with_reason(page: Page, mode: OcrMode) -> Page:
    """The page, to be recognised in any case where its dataset has all pages recognised."""
    if mode is OcrMode.ALWAYS and page.ocr_reason in (None, FIGURES) and page.source in _FROM_FILE:
        return replace(page, ocr_reason="always")
    return page


def waits(page: Page) -> bool:
    """Whether the text of the page is still to be recognised: it may come from an earlier version."""
    return page.ocr_reason is not None and page.missing is None and page.source in _FROM_FILE


@dataclass(frozen=True, slots=True)
class Line:
    """A line of words; `height` in points, from the deepest descender to the highest ascender."""

    words: tuple[Word, ...]
    height: float

    @property
    def text(self) -> str:
        """Its words with single spaces."""
        return " ".join(word.text for word in self.words)

    @property
    def confidence(self) -> float:
        """The mean of its words', each counted by its length."""
        return mean_confidence(self.words)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """Which page is to be recognised, counted from 1.

    `languages` are those of the dataset; where it names none, `hint` is one that was found on an earlier
    page (ISO 639-1). `attempt` counts from 0, `seconds` is the time there is. `only` is a rectangle of the
    page, where not all of it is wanted; `picture` the name of one inside the file.
    """

    page: int
    languages: tuple[str, ...] = ()
    hint: str | None = None
    attempt: int = 0
    seconds: float = 60.0
    only: Box | None = None
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class Recognised:
    """A page whose picture was read; `unknown_script` is one that no language data is there for."""

    page: Page
    blocks: tuple[RawBlock, ...] = ()
    unknown_script: str | None = None


def better(second: Recognised, first: Recognised) -> Recognised:
    """The second reading unless it is the less sure one; languages differ a little in how sure they are."""
    sure = (first.page.confidence or 0.0) - _SLACK
    return second if (second.page.confidence or 0.0) >= sure else first


def missing_language(script: str) -> PageLoss:
    """Why a page in this script is not read."""
    return PageLoss(
        "no_language_data",
        f"The page is written in {script} script, and there is no language data for it here. "
        "docs/reference/formats.md says how to add some.",
    )


def mean_confidence(words: Sequence[Word]) -> float:
    """The mean of the words' confidence, each counted by its length; 0 without words."""
    letters = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / letters if letters else 0.0


def _corners(words: Sequence[Word]) -> tuple[float, float, float, float]:
    return (
        min(word.x0 for word in words),
        min(word.y0 for word in words),
        max(word.x1 for word in words),
        max(word.y1 for word in words),
    )


def legible(paragraphs: Iterable[Paragraph], least: float = LEGIBLE_FROM) -> tuple[Paragraph, ...]:
    """The paragraphs without the lines that are no text, or whose mean confidence is below `least`."""
    kept = (tuple(line for line in paragraph.lines if _is_text(line, least)) for paragraph in paragraphs)
    return tuple(Paragraph(lines) for lines in kept if lines)


def _is_text(line: Line, least: float) -> bool:
    return line.confidence >= least and any(word.text.strip("|-_~.,:;'` ") for word in line.words)


def blocks_of(paragraphs: Sequence[Paragraph], page: int) -> tuple[RawBlock, ...]:
    """Blocks in reading order: headings by their size, lists by their marks, the rest as text."""
    body = _body_height(paragraphs)
    return tuple(block for paragraph in _continued(paragraphs) for block in _blocks(paragraph, page, body))


def _continued(paragraphs: Iterable[Paragraph]) -> Iterator[Paragraph]:
    """The paragraphs; one that begins in the middle of the sentence before it belongs to that."""
    last: Paragraph | None = None
    for paragraph in paragraphs:
        if last is None or not _goes_on(last.lines[-1], paragraph.lines[0]):
            if last is not None:
                yield last
            last = paragraph
        else:
            last = Paragraph((*last.lines, *paragraph.lines))
    if last is not None:
        yield last


def _goes_on(end: Line, start: Line) -> bool:
    alike = max(end.height, start.height) <= _HEADING_FROM * min(end.height, start.height)
    in_a_sentence = start.text[:1].islower() and not end.text.endswith((".", "!", "?", ":", ";"))
    return alike and in_a_sentence and not _BULLET.match(start.text)


def _body_height(paragraphs: Sequence[Paragraph]) -> float:
    """The height of the line in whose middle the page's letters are halved."""
    lines = sorted((line.height, len(line.text)) for paragraph in paragraphs for line in paragraph.lines)
    half, seen = sum(length for _, length in lines) / 2, 0
    for height, length in lines:
        seen += length
        if seen >= half:
            return height
    return 0.0


def _blocks(paragraph: Paragraph, page: int, body: float) -> Iterator[RawBlock]:
    height = fmean(line.height for line in paragraph.lines)
    text = joined([line.text for line in paragraph.lines])
    if _is_heading(paragraph, text, height, body):
        level = next((level for times, level in _LEVELS if height >= times * body), _LAST_LEVEL)
        yield RawBlock(BlockKind.HEADING, text, page, level, boxes=(_box(paragraph.lines, page),))
        return
    items = list(_items(paragraph.lines))
    for number, lines in enumerate(items):
        text = joined([line.text for line in lines])
        is_item = _BULLET.match(text) is not None and (len(items) > 1 or not text[0].isalnum())
        lead = "\n" if is_item and number else "\n\n"
        kind = BlockKind.LIST if is_item else BlockKind.TEXT
        yield RawBlock(kind, text, page, boxes=(_box(lines, page),), lead=lead)


def _is_heading(paragraph: Paragraph, text: str, height: float, body: float) -> bool:
    return (
        height >= _HEADING_FROM * body
        and len(paragraph.lines) <= _HEADING_LINES
        and 2 <= len(text) <= _HEADING_CHARACTERS
        and len(_LETTER.findall(text)) * 2 > len(text)
    )


def _items(lines: Sequence[Line]) -> Iterator[tuple[Line, ...]]:
    """The lines of a paragraph, cut where items of a list begin; whole when fewer than two do."""
    starts = [number for number, line in enumerate(lines) if _BULLET.match(line.text)]
    if len(starts) < 2:
        starts = []
    for start, end in pairwise([0, *(number for number in starts if number), len(lines)]):
        yield tuple(lines[start:end])


def joined(lines: Iterable[str]) -> str:
    """Lines as running text: a word that was divided at the end of a line becomes whole again."""
    text = ""
    for line in lines:
        if text.endswith(_HYPHENS) and len(text) > 1 and text[-2].isalpha() and line[:1].islower():
            text = text[:-1] + line
        else:
            text = f"{text} {line}" if text else line
    return text


def _box(lines: Sequence[Line], page: int) -> Box:
    corners = _corners([word for line in lines for word in line.words])
    return Box(page, *(round(corner, 2) for corner in corners))
