"""Plain text: one block for each paragraph, each a slice of the file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from docmill.adapters.readers.parts import grouped, slices
from docmill.adapters.readers.text_reader import TextReader, Told
from docmill.domain.documents import BlockKind, RawBlock

BLOCK_CHARACTERS = 4_000  # a longer paragraph is cut at line ends
LINE_CHARACTERS = 20_000  # a longer line is cut at spaces

_PARAGRAPH = re.compile(r"(?:[^\r\n]*\S[^\r\n]*(?:\r\n?|\n|\Z))+")
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_JOINERS = "\u200d\ufe0e\ufe0f"


class PlainTextReader(TextReader):
    """Reads plain text as it is: the document's text is the decoded file."""

    name = "plain-text-1"

    def tell(self, text: str, _media_type: str, /) -> Told:
        """The paragraphs."""
        block = RawBlock(BlockKind.TEXT, "")
        return Told(list(slices(text, ((start, end, block) for start, end in paragraphs(text)))))


def paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each paragraph; long ones are cut at line ends, then at spaces."""
    for match in _PARAGRAPH.finditer(text):
        if match.end() - match.start() <= BLOCK_CHARACTERS:
            yield match.span()
        else:
            lines = [piece for line in _LINE.finditer(match[0]) for piece in _pieces(line[0], line.start())]
            base = match.start()
            yield from ((base + start, base + end) for start, end in grouped(lines, BLOCK_CHARACTERS))


def _pieces(line: str, base: int) -> Iterator[tuple[int, int]]:
    start = 0
    while len(line) - start > LINE_CHARACTERS:
        end = safe_cut(line, start + LINE_CHARACTERS)
        yield base + start, base + end
        start = end
    if start < len(line):
        yield base + start, base + len(line)


def safe_cut(line: str, near: int) -> int:
    """A place at or before `near` after white space; without any, one that splits no character cluster."""
    space = max(line.rfind(" ", near - 2_000, near), line.rfind("\t", near - 2_000, near))
    if space > 0:
        return space + 1
    end = near
    while end < len(line) and _belongs_to_previous(line, end):
        end += 1
    return end


def _belongs_to_previous(line: str, at: int) -> bool:
    character = line[at]
    return (
        unicodedata.combining(character) > 0
        or character in _JOINERS
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or line[at - 1] == "\u200d"
    )
