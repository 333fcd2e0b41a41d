"""Which places of a recognised page somebody should look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from docmill.domain.documents import Word

DOUBTFUL_BELOW = 0.7  # a word that is surer than this is not looked at
_SAME_LINE = 0.5  # of the lower word's height that two words share
_GAP = 1.5  # between two words of one region, in heights of the line


@dataclass(frozen=True, slots=True)
class Region:
    """Doubtful words that stand side by side: their text, the mean confidence, the box around them."""

    text: str
    confidence: float
    x0: float
    y0: float
    x1: float
    y1: float


def doubtful_regions(words: Iterable[Word]) -> tuple[Region, ...]:
    """The places of a page with doubtful words, in the order of the words."""
    groups: list[list[Word]] = []
    for word in words:
        if word.confidence >= DOUBTFUL_BELOW:
            groups.append([])
        elif groups and groups[-1] and _goes_on(groups[-1][-1], word):
            groups[-1].append(word)
        else:
            groups.append([word])
    return tuple(_region(group) for group in groups if group)


def _goes_on(before: Word, word: Word) -> bool:
    """Whether a word stands beside the one before it."""
    height = min(before.y1 - before.y0, word.y1 - word.y0)
    shared = min(before.y1, word.y1) - max(before.y0, word.y0)
    gap = max(before.x0, word.x0) - min(before.x1, word.x1)
    return shared >= _SAME_LINE * height and gap <= _GAP * height


def _region(words: Sequence[Word]) -> Region:
    return Region(
        " ".join(word.text for word in words),
        fmean(word.confidence for word in words),
        min(word.x0 for word in words),
        min(word.y0 for word in words),
        max(word.x1 for word in words),
        max(word.y1 for word in words),
    )
