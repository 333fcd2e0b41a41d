"""Bounds every reader's parts, in one place: no block and no message grows with its document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from docmill.adapters.readers.parts import PART_BLOCKS, PART_CHARACTERS
from docmill.adapters.readers.plain_text import safe_cut
from docmill.domain.documents import Part, RawBlock

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
    """A very long paragraph or string in pieces that join without a gap; tables are cut by their rows."""
    if block.table is not None or len(block.text) <= BLOCK_CHARACTERS:
        yield block
        return
    start, lead = 0, block.lead
    while start < len(block.text):
        end = safe_cut(block.text, start + BLOCK_CHARACTERS)
        yield replace(block, text=block.text[start:end], lead=lead)
        start, lead = end, ""
