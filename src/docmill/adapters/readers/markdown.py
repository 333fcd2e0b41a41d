"""Markdown files: the structure is parsed, the text stays the source, to the character."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from docmill.adapters.readers.data_pictures import names_in
from docmill.adapters.readers.parts import slices
from docmill.adapters.readers.text_reader import TextReader, Told
from docmill.domain.documents import BlockKind, RawBlock, Table

LIST_CHARACTERS = 1_500  # a longer list becomes one block for each of its items

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(?:.*\r?\n)*?---[ \t]*(?:\r?\n|\Z)")
_LINE_END = re.compile(r"\r\n?|\n")
_KINDS = {
    "heading_open": BlockKind.HEADING,
    "fence": BlockKind.CODE,
    "code_block": BlockKind.CODE,
    "table_open": BlockKind.TABLE,
    "bullet_list_open": BlockKind.LIST,
    "ordered_list_open": BlockKind.LIST,
}

Cut = tuple[int, int, RawBlock]


class MarkdownReader(TextReader):
    """Reads Markdown: headings keep their mark, tables also give their cells."""

    name = "markdown-1"

    def tell(self, text: str, _media_type: str, /) -> Told:
        """Slices of the file, whose first heading of the highest level is its title.

        The pictures that stand in it follow at the end, where their words do not move those of the file.
        """
        blocks = list(slices(text, cuts(text)))
        blocks += (RawBlock(BlockKind.IMAGE, "", lead="", picture=name) for name in names_in(text))
        tops = (block for block in blocks if block.kind is BlockKind.HEADING and block.level == 1)
        return Told(blocks, next((block.text.strip("# \t") for block in tops), None))


def cuts(source: str) -> Iterator[Cut]:
    """(start, end, block without text) of every top block, in characters of `source`."""
    front = _FRONT_MATTER.match(source)
    offset = front.end() if front else 0
    if front:
        yield 0, offset, RawBlock(BlockKind.CODE, "")
    body = source[offset:]
    starts = [offset, *(offset + match.end() for match in _LINE_END.finditer(body))]
    starts.append(len(source))
    tokens = _parser().parse(body)
    for index, token in enumerate(tokens):
        if token.level == 0 and token.map and token.nesting >= 0:
            yield from _cuts_of(tokens, index, starts)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    """Block structure only: what stands inside a line is not needed and would cost most of the time."""
    return MarkdownIt("commonmark").enable("table").disable("inline")


def _cuts_of(tokens: list[Token], index: int, starts: list[int]) -> Iterator[Cut]:
    token = tokens[index]
    start, end = _span(token, starts)
    kind = _KINDS.get(token.type, BlockKind.TEXT)
    if kind is BlockKind.LIST and end - start > LIST_CHARACTERS:
        yield from ((*_span(item, starts), RawBlock(kind, "")) for item in _items(tokens, index))
        return
    level = int(token.tag[1]) if kind is BlockKind.HEADING else None
    table = table_of(tokens, index) if kind is BlockKind.TABLE else None
    yield start, end, RawBlock(kind, "", level=level, table=table)


def _span(token: Token, starts: list[int]) -> tuple[int, int]:
    first, last = token.map or (0, 0)
    return starts[first], starts[min(last, len(starts) - 1)]


def _items(tokens: list[Token], index: int) -> Iterator[Token]:
    for token in tokens[index + 1 :]:
        if token.level == 0:
            return
        if token.type == "list_item_open" and token.level == 1:
            yield token


def table_of(tokens: list[Token], index: int) -> Table:
    """The cells of the table that opens at `index`, as they stand in the source."""
    rows: list[list[str]] = []
    for at in range(index + 1, len(tokens)):
        token = tokens[at]
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            rows[-1].append(tokens[at + 1].content.strip())
    return rectangular(rows)


def rectangular(rows: list[list[str]], header_rows: int = 1) -> Table:
    """A table whose rows are filled up with empty cells to the same length."""
    width = max((len(row) for row in rows), default=0)
    return Table(tuple(tuple(row) + ("",) * (width - len(row)) for row in rows), header_rows)
