"""Bounds every reader's parts, in one place: no block and no message grows with its document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from docmill.adapters.readers.parts import PART_BLOCKS, PART_CHARACTERS
from docmill.adapters.readers.plain_text import safe_cut
from docmill.domain.cells import cut_rows
from docmill.domain.documents import Part, RawBlock, Table

BLOCK_CHARACTERS = 20_000


def bounded(part: Part) -> Iterator[Part]:
    """The part in portions of bounded size; its progress is told with the last of them."""
    blocks = [piece for block in part.blocks for piece in _pieces(block)]
    start = size = 0
    for end, block in enumerate(blocks, start=1):
        size += len(block.text)
        if end == len(blocks):
            break
        if end - start >= PART_BLOCKS or size >= PART_CHARACTERS:
            yield Part(tuple(blocks[start:end]), max(part.done - 1, 0), part.total)
            start, size = end, 0
    yield replace(part, blocks=tuple(blocks[start:]))


def _pieces(block: RawBlock) -> Iterator[RawBlock]:
    """A very long paragraph, string or table in pieces that join to the same text."""
    if len(block.text) <= BLOCK_CHARACTERS:
        yield block
    elif block.table is not None:
        yield from _rows_of(block, block.table)
    else:
        yield from _text_of(block)


def _text_of(block: RawBlock) -> Iterator[RawBlock]:
    start, lead = 0, block.lead
    while start < len(block.text):
        end = safe_cut(block.text, start + BLOCK_CHARACTERS)
        yield replace(block, text=block.text[start:end], lead=lead)
        start, lead = end, ""


def _rows_of(block: RawBlock, table: Table) -> Iterator[RawBlock]:
    """A long table in pieces of whole rows; the cells of each but the first begin with the header again."""
    lines = block.text.split("\n")
    rule = len(lines) - len(table.rows)  # Markdown has a line under the header that is no row
    if rule not in (0, 1):
        yield block
        return
    start, lead = 0, block.lead
    for end in _ends(lines):
        first, stop = (line - rule if line > table.header_rows else line for line in (start, end))
        yield replace(block, text="\n".join(lines[start:end]), table=cut_rows(table, first, stop), lead=lead)
        start, lead = end, "\n"


def _ends(lines: Sequence[str]) -> Iterator[int]:
    """Behind which lines a piece ends."""
    size = 0
    for at, line in enumerate(lines):
        if size and size + len(line) > BLOCK_CHARACTERS:
            yield at
            size = 0
        size += len(line) + 1
    yield len(lines)
