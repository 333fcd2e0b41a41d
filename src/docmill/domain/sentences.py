"""Where a text may be cut: between sentences, lines, words, parts of words, characters as a reader sees them.

All functions return spans `(start, end)` in characters, sorted, without white space at either end.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

Span = tuple[int, int]

# An end mark with what closes after it, then white space; CJK marks need none; or an empty line.
_END = re.compile(
    r"""(?P<latin>[.!?…]+["'”’»)\]]*(?=\s))|[。！？｡．][」』”’）】》]*(?![\u0300-\u036f\u200d\ufe00-\ufe0f])|\n[^\S\n]*\n"""
)
_LAST_WORD = re.compile(r"[(\[\"'“‘]*([^\s(\[\"'“‘]*)$")
_NEXT = re.compile(r"\s*[\"'“‘«(\[]*(\S?)")
_ABBREVIATIONS = """mr mrs ms dr prof rev st sr jr lt sgt gov sen rep pres messrs mme mlle
    vs etc eg e.g i.e cf al approx ca resp incl excl esp viz ibid op cit inc ltd co corp dept univ assn bros
    u.s u.k u.n a.m p.m a.d b.c ph.d z.b d.h u.a bzw usw evtl ggf vgl hr fr abs bd str sra dra p.ej uds av"""
_BEFORE_NUMBERS = """no nos nr fig figs eq eqs tab sec ch chap vol vols pp p art para est tel ext s
    jan feb mar apr jun jul aug sep sept oct nov dec"""
_ALWAYS = frozenset(_ABBREVIATIONS.split())
_WITH_NUMBER = frozenset(_BEFORE_NUMBERS.split())
_LATIN_BACK = 40  # characters looked at before an end mark; no abbreviation is longer

_LINE = re.compile(r"\S[^\n]*")
_WORD = re.compile(r"\S+")
# A run that a tokenizer keeps as one word; everything else stands alone.
_MARKS = r"[\u0300-\u036f\u200d\u20d0-\u20ff\ufe00-\ufe0f]"
_UNBROKEN = (
    r"[^\s!-/:-@\[-`{-~\u2010-\u2027\u2030-\u205e\u3001-\u3011\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff0f]"
)
_RUN = re.compile(rf"(?:{_UNBROKEN}+|\S){_MARKS}*")
UNBROKEN = re.compile(rf"{_UNBROKEN}{{2,}}")


def sentences(text: str) -> Iterator[Span]:
    """The sentences of a text. Line breaks do not end one; empty lines do.

    Rules, no model: an end mark ends a sentence unless it follows an abbreviation, an initial or the
    number of a list item, or the text goes on in lower case.
    """
    start = 0
    for mark in _END.finditer(text):
        if mark["latin"] is None or _ends_sentence(text, start, mark):
            yield from _trimmed(text, start, mark.end())
            start = mark.end()
    yield from _trimmed(text, start, len(text))


def lines(text: str) -> Iterator[Span]:
    """The lines that are not blank."""
    return _matches(_LINE, text)


def words(text: str) -> Iterator[Span]:
    """What stands between white space."""
    return _matches(_WORD, text)


def runs(text: str) -> Iterator[Span]:
    """Parts of words: letters and digits that stand together, and each other sign alone, marks kept on."""
    return _matches(_RUN, text)


def graphemes(text: str) -> Iterator[Span]:
    """Characters as a reader sees them: a letter with its marks, an emoji with what is joined to it."""
    start = 0
    for at in range(1, len(text)):
        if _is_boundary(text, at):
            yield from _trimmed(text, start, at)
            start = at
    yield from _trimmed(text, start, len(text))


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    for match in pattern.finditer(text):
        yield from _trimmed(text, match.start(), match.end())


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    """The span without white space at its ends; nothing where nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end


def _ends_sentence(text: str, start: int, mark: re.Match[str]) -> bool:
    """Whether the text after this mark begins a new sentence."""
    following = _next_character(text, mark.end())
    if following.islower():
        return False
    if mark[0] != ".":
        return True
    before = text[max(start, mark.start() - _LATIN_BACK) : mark.start()]
    last = _LAST_WORD.search(before)
    word = last[1] if last else ""
    is_initial = len(word) == 1 and word.isupper()
    is_item_number = word.isdigit() and not text[start : mark.start() - len(word)].strip()
    known = word.lower() in _ALWAYS or (word.lower() in _WITH_NUMBER and following.isdigit())
    return not (is_initial or is_item_number or known)


def _next_character(text: str, at: int) -> str:
    """The first character from `at` on that is neither white space nor an opening sign, or nothing."""
    found = _NEXT.match(text, at)
    return found[1] if found else ""


def _is_boundary(text: str, at: int) -> bool:
    """Whether a character as seen may begin at `at`: what matters in practice of Unicode Annex 29."""
    before, after = text[at - 1], text[at]
    if after < "\u0300":
        return not (before == "\r" and after == "\n")
    if (
        unicodedata.category(after)[0] == "M"
        or after in "\u200c\u200d"
        or "\U000e0020" <= after <= "\U000e007f"
    ):
        return False
    if "\U0001f3fb" <= after <= "\U0001f3ff" or before == "\u200d":
        return False
    if _is_flag(before) and _is_flag(after):
        return _flags_before(text, at) % 2 == 0
    return not (_is_jamo(after) and _is_jamo(before))


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, at: int) -> int:
    count = 0
    while count < at and _is_flag(text[at - 1 - count]):
        count += 1
    return count


def _is_jamo(character: str) -> bool:
    return "\u1100" <= character <= "\u11ff"
