"""Source code: blocks of code, cut where a definition ends, each a slice of the file."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from docmill.adapters.readers.decoding import decode
from docmill.adapters.readers.parts import grouped, in_parts, slices
from docmill.adapters.readers.plain_text import paragraphs
from docmill.domain.documents import BlockKind, Part, RawBlock, ReadInfo
from docmill.domain.errors import NoText
from docmill.domain.source_languages import SOURCE_LANGUAGES

BLOCK_CHARACTERS = 1_000  # small neighbours share a block
LARGE_CHARACTERS = 4_000  # larger definitions are cut at their blank lines

# After a blank line, a line that begins at the margin begins something new.
_BEGIN = re.compile(r"(?:\r\n?|\n)[ \t]*(?:\r\n?|\n)(?=[^\s})\]])")
_NAMES = {language.media_type: language.name for language in SOURCE_LANGUAGES}


class SourceCodeReader:
    """Reads the text of programs; the language is told in the metadata."""

    name = "source-code-1"

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the blocks. Raises NoText and DamagedFile (unknown encoding)."""
        decoded = decode(path.read_bytes())
        if not decoded.text.strip():
            raise NoText("The file holds no text. Send one with content.")
        about = {"programming_language": _NAMES[media_type]}
        code = RawBlock(BlockKind.CODE, "")
        cuts = ((start, end, code) for start, end in code_spans(decoded.text))
        yield ReadInfo(media_type, self.name, metadata=about, notices=decoded.notices)
        yield from in_parts(list(slices(decoded.text, cuts)))


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
