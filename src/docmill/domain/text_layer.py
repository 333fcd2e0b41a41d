"""Whether the text that a page brings along can be trusted, or has to be recognised in its picture."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from docmill.domain.documents import Box, Page

FEW_CHARACTERS = 50  # a page with fewer that shows a large picture is a scan with a stamp on it
LARGE_PICTURE = 0.5  # of the page
LEAST_AGREEMENT = 0.5  # of the words of a text layer with those that are seen
CLEAR_AGREEMENT = 0.7  # where only strips of the page were seen
STRIPS, STRIP = (0.2, 0.5, 0.8), 1 / 14  # their middles and their height, of the page's height
TELLING_WORDS = 12  # fewer of them tell nothing

_UNMAPPED_SHARE = 0.1
_TELLING_LETTERS = 100
_VOWELS = frozenset("aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýœ")
_LEAST_VOWELS, _MOST_VOWELS = 0.18, 0.70
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿŒœ]")
_WORD = re.compile(r"\w+")


def ocr_reason(text: str, *, pictured: float = 0.0, veiled: bool = False) -> str | None:
    """Why a page with this text has to be recognised; None where it need not be.

    `pictured` is the share of the page that its largest picture takes, 0-1; `veiled` says that the text is
    there to be found and not to be seen.
    """
    characters = len("".join(text.split()))
    if not characters or (characters < FEW_CHARACTERS and pictured >= LARGE_PICTURE):
        return "no_text"
    if is_garbage(text):
        return "garbage"
    return "differs_from_picture" if veiled and pictured >= LARGE_PICTURE else None


def is_garbage(text: str) -> bool:
    """Whether this is no text of any language: glyphs without a meaning, or letters as in none."""
    shown = [character for character in text if not character.isspace()]
    unmapped = sum(_is_unmapped(character) for character in shown)
    return unmapped > _UNMAPPED_SHARE * len(shown) or _has_odd_letters(text)


def _is_unmapped(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in {"Co", "Cn", "Cc", "Cs"}


def _has_odd_letters(text: str) -> bool:
    """Letters that were put in place of others: words of them hardly have vowels, or little else."""
    letters = _LATIN.findall(text)
    if len(letters) < _TELLING_LETTERS or 2 * len(letters) < len("".join(text.split())):
        return False
    vowels = sum(letter.lower() in _VOWELS for letter in letters) / len(letters)
    return not _LEAST_VOWELS <= vowels <= _MOST_VOWELS


def agreement(layer: str, seen: str) -> float:
    """How many of the words that are seen on a page its text layer holds too: a share, 0-1."""
    told, found = Counter(_words(layer)), Counter(_words(seen))
    return (told & found).total() / found.total() if found else 1.0


def strips(page: Page) -> tuple[Box, ...]:
    """The parts of a page that are looked at first, each as wide as the page and a few lines high."""
    middles, half = (share * page.height for share in STRIPS), page.height * STRIP / 2
    return tuple(Box(page.number, 0, middle - half, page.width, middle + half) for middle in middles)


def is_confirmed(layer: str, seen: Iterable[str]) -> bool:
    """Whether what is seen in the strips is clearly what the text layer says."""
    told = " ".join(seen)
    return len(list(_words(told))) >= TELLING_WORDS and agreement(layer, told) >= CLEAR_AGREEMENT


def _words(text: str) -> Iterator[str]:
    return (word.lower() for word in _WORD.findall(text) if len(word) > 1)
