"""Source code: blocks of code, cut where a definition ends, each a slice of the file."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from docmill.adapters.readers.parts import grouped, slices
from docmill.adapters.readers.plain_text import paragraphs
from docmill.adapters.readers.text_reader import TextReader, Told
from docmill.domain.documents import BlockKind, RawBlock
from docmill.domain.source_languages import SOURCE_LANGUAGES

BLOCK_CHARACTERS = 1_000  # small neighbours share a block
LARGE_CHARACTERS = 4_000  # larger definitions are cut at their blank lines

# After a blank line, a line that begins at the margin begins something new.
_BEGIN = re.compile(r"(?:\r\n?|\n)[ \t]*(?:\r\n?|\n)(?=[^\s})\]])")
_NAMES = {language.media_type: language.name for language in SOURCE_LANGUAGES}


class SourceCodeReader(TextReader):
    """Reads the text of programs; the language is told in the metadata."""

    name = "source-code-1"

    def tell(self, text: str, media_type: str, /) -> Told:
        """Portions of the code."""
        code = RawBlock(BlockKind.CODE, "")
        blocks = list(slices(text, ((start, end, code) for start, end in code_spans(text))))
        return Told(blocks, metadata={"programming_language": _NAMES[media_type]})


def code_spans(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of portions of code, in order, that together hold all of it."""
    starts = [0, *(match.end() for match in _BEGIN.finditer(text)), len(text)]
    pieces = [piece for start, end in itertools.pairwise(starts) for piece in _pieces(text, start, end)]
    yield from grouped(pieces, BLOCK_CHARACTERS)


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    if end - start <= LARGE_CHARACTERS:
        yield start, end
        return
    for first, last in paragraphs(text[start:end]):
        yield start + first, start + last
