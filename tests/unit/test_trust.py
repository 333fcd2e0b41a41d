"""Doubtful words that stand side by side are one place to look at."""

from __future__ import annotations

from docmill.domain.documents import Word
from docmill.domain.trust import Region, doubtful_regions


def word(text: str, confidence: float, x: float, line: int = 0) -> Word:
    """A word 30 points wide on a line 12 points high."""
    return Word(text, confidence, x, 20.0 * line, x + 30, 20.0 * line + 12)


def test_a_page_that_is_sure_has_none() -> None:
    assert doubtful_regions([word("ferry", 0.96, 0), word("leaves", 0.9, 35)]) == ()


def test_neighbours_on_a_line_are_one_place() -> None:
    (region,) = doubtful_regions(
        [word("The", 0.95, 0), word("fcrry", 0.4, 35), word("lcaves", 0.6, 70), word("soon", 0.95, 105)]
    )

    assert region == Region("fcrry lcaves", 0.5, 35, 0, 100, 12)


def test_a_sure_word_a_wide_gap_or_a_new_line_divides() -> None:
    regions = doubtful_regions(
        [
            word("a", 0.1, 0),
            word("sure", 0.99, 35),
            word("b", 0.2, 70),
            word("c", 0.3, 300),
            word("d", 0.4, 0, line=1),
        ]
    )

    assert [region.text for region in regions] == ["a", "b", "c", "d"]
