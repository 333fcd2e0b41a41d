"""Blocks to parts: portions small enough to be sent, stored and counted one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from docmill.domain.documents import BlockKind, Part, RawBlock

PART_BLOCKS = 200
PART_CHARACTERS = 100_000


def in_parts(blocks: Sequence[RawBlock]) -> Iterator[Part]:
    """Cut a document without pages into parts; `done` and `total` count blocks."""
    start = size = 0
    for end, block in enumerate(blocks, start=1):
        size += len(block.text)
        if end - start >= PART_BLOCKS or size >= PART_CHARACTERS or end == len(blocks):
            yield Part(tuple(blocks[start:end]), end, len(blocks))
            start, size = end, 0


def slices(source: str, cuts: Iterable[tuple[int, int, RawBlock]]) -> Iterator[RawBlock]:
    """Blocks that together are `source`, to the character, up to white space at its end.

    `cuts` are (start, end, block without text) in order. What lies between two of them goes into the
    `lead` when it is white space, else into a text block of its own, so that nothing is ever lost.
    """
    at = 0
    for start, end, block in cuts:
        start, end = trim(source, max(start, at), end)
        if start >= end:
            continue
        gap_start, gap_end = trim(source, at, start)
        if gap_start < gap_end:
            yield RawBlock(BlockKind.TEXT, source[gap_start:gap_end], lead=source[at:gap_start])
            at = gap_end
        yield RawBlock(
            block.kind, source[start:end], level=block.level, table=block.table, lead=source[at:start]
        )
        at = end
    start, end = trim(source, at, len(source))
    if start < end:
        yield RawBlock(BlockKind.TEXT, source[start:end], lead=source[at:start])


def trim(source: str, start: int, end: int) -> tuple[int, int]:
    """The same range without blank lines at its start and white space at its end."""
    while end > start and source[end - 1].isspace():
        end -= 1
    first = start
    while first < end and source[first].isspace():
        first += 1
        if source[first - 1] in "\r\n":
            start = first
    return start, end


def grouped(spans: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Join neighbouring (start, end) ranges until a group spans about `size` characters."""
    if not spans:
        return
    begin = spans[0][0]
    for (_, end), (following, following_end) in pairwise(spans):
        if following_end - begin > size:
            yield begin, end
            begin = following
    yield begin, spans[-1][1]
