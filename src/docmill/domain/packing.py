"""Fills passages with the smallest parts a text may be cut into, by tokens or by characters."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from docmill.domain.documents import ChunkSettings
from docmill.domain.errors import InvalidSettings
from docmill.domain.sentences import UNBROKEN, Span, graphemes, lines, runs, words

# Where each token of a text starts and ends, in characters, sorted; without special tokens.
Locate = Callable[[str], tuple[Sequence[int], Sequence[int]]]
Cutter = Callable[[str], Iterator[Span]]

SMALLEST_SIZE = 8
CHARACTERS_PER_TOKEN = 20  # a passage of few tokens and many characters (padding, rubbish) is bounded too
_LONG_WORD = 100  # characters from which WordPiece gives up and calls a word one unknown token


@dataclass(frozen=True, slots=True)
class Atom:
    """A part that is not cut again: `[start, end)` in the section's text."""

    start: int
    end: int
    heading: bool = False


def check(settings: ChunkSettings) -> None:
    """Raise InvalidSettings where size, overlap and unit do not fit together."""
    if settings.unit not in ("tokens", "characters"):
        raise InvalidSettings('The unit of chunks is "tokens" or "characters".')
    if settings.size < SMALLEST_SIZE:
        raise InvalidSettings(f"The size of chunks is at least {SMALLEST_SIZE}.")
    if not 0 <= settings.overlap <= settings.size // 2:
        raise InvalidSettings("The overlap of chunks is between 0 and half their size.")


class Ruler:
    """Measures spans of one text, in the unit of the settings and in tokens."""

    def __init__(self, text: str, locate: Locate, settings: ChunkSettings) -> None:
        self.text = text
        self.limit = settings.size
        self.overlap = settings.overlap
        self._locate = locate
        self._in_tokens = settings.unit == "tokens"
        starts, ends = locate(text)
        if self._in_tokens:
            starts, ends = _open_long_words(text, starts, ends, settings.size)
        self._starts, self._ends = starts, ends

    def tokens(self, start: int, end: int) -> int:
        """How many tokens touch the span."""
        return max(0, bisect_left(self._starts, end) - bisect_right(self._ends, start))

    def size(self, start: int, end: int) -> int:
        """The length of the span in the unit of the settings."""
        if not self._in_tokens:
            return end - start
        return max(self.tokens(start, end), -(-(end - start) // CHARACTERS_PER_TOKEN))

    def size_of(self, text: str) -> tuple[int, int]:
        """Size and tokens of a text that stands somewhere else."""
        tokens = len(self._locate(text)[0])
        size = max(tokens, -(-len(text) // CHARACTERS_PER_TOKEN)) if self._in_tokens else len(text)
        return size, tokens

    def words(self, span: Span) -> Iterator[Span]:
        """The words of a span."""
        return self._cut(span, words)

    def split(self, span: Span) -> Iterator[Span]:
        """The span itself where it fits the limit; else its lines, words, parts of words or characters."""
        return self._split(span, (lines, words, runs, graphemes))

    def _split(self, span: Span, cutters: Sequence[Cutter]) -> Iterator[Span]:
        if not cutters or self.size(*span) <= self.limit:
            yield span
            return
        for piece in self._cut(span, cutters[0]):
            yield from self._split(piece, cutters[1:])

    def _cut(self, span: Span, cutter: Cutter) -> Iterator[Span]:
        base = span[0]
        for start, end in cutter(self.text[base : span[1]]):
            yield base + start, base + end


def _open_long_words(
    text: str, starts: Sequence[int], ends: Sequence[int], size: int
) -> tuple[Sequence[int], Sequence[int]]:
    """Count every character of a word that has to be cut as a token.

    A tokenizer sees other tokens in a part of a word than in the whole; it never sees more than one for each
    letter and mark of a character, so a passage that ends inside a word keeps the limit all the same.
    """
    new_starts: list[int] = []
    new_ends: list[int] = []
    kept = 0
    for word in UNBROKEN.finditer(text):
        low, high = bisect_right(ends, word.start(), lo=kept), bisect_left(starts, word.end(), lo=kept)
        if word.end() - word.start() > _LONG_WORD or high - low > size:
            places = [at for at in range(*word.span()) for _ in normalize("NFD", text[at])]
            new_starts += [*starts[kept:low], *places]
            new_ends += [*ends[kept:low], *(at + 1 for at in places)]
            kept = high
    if not new_starts:
        return starts, ends
    return [*new_starts, *starts[kept:]], [*new_ends, *ends[kept:]]


def atoms(ruler: Ruler, spans: Iterable[tuple[Span, bool]]) -> list[Atom]:
    """The parts to pack, from spans and whether each is a heading.

    What is longer than the limit is cut. So is the first sentence under a heading where the two together
    are longer: a heading never stands alone when text follows.
    """
    parts: list[Atom] = []
    for (start, end), heading in spans:
        opening = start if heading else _heading_start(parts, start)
        if ruler.size(opening, end) <= ruler.limit:
            parts.append(Atom(start, end, heading))
        elif opening == start:
            parts += [Atom(*piece) for piece in ruler.split((start, end))]
        else:
            parts += [Atom(*piece) for word in ruler.words((start, end)) for piece in ruler.split(word)]
    return parts


def _heading_start(parts: Sequence[Atom], start: int) -> int:
    """Where the headings begin that the text at `start` follows directly; else `start`."""
    for part in reversed(parts):
        if not part.heading:
            break
        start = part.start
    return start


def pack(ruler: Ruler, parts: Sequence[Atom]) -> list[Span]:
    """Passages of whole parts, each within the limit, in order; neighbours share the overlap."""
    passages: list[Span] = []
    start = parts[0].start
    for at in range(1, len(parts)):
        if _must_break(ruler, parts, start, at):
            passages.append((start, parts[at - 1].end))
            start = _next_start(ruler, parts, start, at)
    passages.append((start, parts[-1].end))
    return _with_tail_merged(ruler, passages)


def _must_break(ruler: Ruler, parts: Sequence[Atom], start: int, at: int) -> bool:
    """Whether the part at `at` opens a new passage."""
    part = parts[at]
    if part.heading and not parts[at - 1].heading:
        half_full = 2 * ruler.size(start, parts[at - 1].end) >= ruler.limit
        return half_full or ruler.size(start, parts[_text_after(parts, at)].end) > ruler.limit
    return ruler.size(start, part.end) > ruler.limit


def _text_after(parts: Sequence[Atom], at: int) -> int:
    """The index of the first part from `at` on that is not a heading, or the last one."""
    while parts[at].heading and at + 1 < len(parts):
        at += 1
    return at


def _next_start(ruler: Ruler, parts: Sequence[Atom], start: int, at: int) -> int:
    """Where the passage that brings the part at `at` starts: as far back as overlap and limit allow."""
    part, last = parts[at], parts[at - 1]
    if not ruler.overlap or part.heading or last.heading:
        return part.start
    for candidate in _overlap_starts(ruler, parts, at):
        if candidate > start and ruler.size(candidate, part.end) <= ruler.limit:
            return candidate
    return part.start


def _overlap_starts(ruler: Ruler, parts: Sequence[Atom], at: int) -> list[int]:
    """Starts of the sentences (else words) before `at` that fit the overlap, the furthest first."""
    end = parts[at - 1].end
    found: list[int] = []
    back = at - 1
    while back >= 0 and not parts[back].heading and ruler.size(parts[back].start, end) <= ruler.overlap:
        found.insert(0, parts[back].start)
        back -= 1
    if found:
        return found
    base = parts[at - 1].start
    starts = [base + word for word, _ in words(ruler.text[base:end])]
    return [word for word in starts if ruler.size(word, end) <= ruler.overlap]


def _with_tail_merged(ruler: Ruler, passages: list[Span]) -> list[Span]:
    """A last passage under a quarter of the limit joins the one before it where both fit."""
    if len(passages) > 1 and 4 * ruler.size(*passages[-1]) < ruler.limit:
        whole = (passages[-2][0], passages[-1][1])
        if ruler.size(*whole) <= ruler.limit:
            return [*passages[:-2], whole]
    return passages
