"""Which lines of a document's pages are running heads: said again from page to page at the same place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from docmill.adapters.readers.pdf_objects import Rectangle

BAND = 0.16  # of the page's height at its top and at its bottom: where running heads stand
PLACE_POINTS = 8  # lines this near to one another are at the same place
SAID_AGAIN = 3  # pages
_NUMBER = re.compile(r"\d+|\b[ivxlcdm]+\b", re.I)
_PAGE_NUMBER = re.compile(
    r"\W*(?:(?:page|seite|página|pagina|p\.|pg\.?|стр\.?|第)\W*)?(?:[A-Z]{0,3}\W{0,3}\d{1,5}|[ivxl]{1,6})"
    r"(?:\W*(?:of|von|de|di|sur|/|\|)\W*\d{1,5})?\W*(?:页)?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page; `stripped` when the engine took it for a running head."""

    text: str
    box: Rectangle
    stripped: bool = False


@dataclass(frozen=True, slots=True)
class LinePage:
    """The lines of a page that may be running heads, and its height."""

    height: float
    lines: Sequence[Line]


class RunningHeads:
    """Knows the lines of a run of pages and says of each whether it is a running head."""

    def __init__(self, pages: Iterable[LinePage]) -> None:
        self._pages = 0
        self._same: Counter[tuple[str, int]] = Counter()
        self._alike: Counter[tuple[str, int]] = Counter()
        self._stripped: Counter[int] = Counter()
        for page in pages:
            self._pages += 1
            lines = [line for line in page.lines if _in_band(line.box, page.height)]
            self._same.update({(line.text, _place(line)) for line in lines})
            self._alike.update({(_alike(line.text), _place(line)) for line in lines if line.stripped})
            self._stripped.update({_place(line) for line in lines if line.stripped})

    def has(self, line: Line, height: float) -> bool:
        """Whether the line stands in a band and is repeated, or is a page's number.

        What the engine took for a running head needs less proof than a line of its text.
        """
        if not _in_band(line.box, height):
            return False
        if not line.stripped:
            return self._most(_near(self._same, line.text, _place(line)))
        again = _near(self._alike, _alike(line.text), _place(line)) > 1
        return (
            again or bool(_PAGE_NUMBER.fullmatch(line.text)) or self._most(_near_place(self._stripped, line))
        )

    def _most(self, times: int) -> bool:
        """On most pages; a head that stands on every second page counts."""
        return times >= SAID_AGAIN and 5 * times >= 2 * self._pages


def _in_band(box: Rectangle, height: float) -> bool:
    return box[3] <= BAND * height or box[1] >= (1 - BAND) * height


def _alike(text: str) -> str:
    """The text without what counts up from page to page."""
    return _NUMBER.sub("#", text).casefold()


def _place(line: Line) -> int:
    return round((line.box[1] + line.box[3]) / 2 / PLACE_POINTS)


def _near(counted: Counter[tuple[str, int]], text: str, place: int) -> int:
    return sum(counted[text, at] for at in (place - 1, place, place + 1))


def _near_place(counted: Counter[int], line: Line) -> int:
    place = _place(line)
    return sum(counted[at] for at in (place - 1, place, place + 1))
