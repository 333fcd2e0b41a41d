"""Text that people do not see, on its way through an engine: between marks, then in a block of its own.

The marks are characters of the private use area, which engines pass on as they are. Those that a file holds
itself are taken out beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from docmill.adapters.readers.cell_marks import CLOSE, OPEN
from docmill.adapters.readers.tidy import table_block
from docmill.domain.cells import cells_of, table_of
from docmill.domain.documents import BlockKind, RawBlock

BEGIN, END = "\uf6a0", "\uf6a1"

_MARKED = re.compile(f"{BEGIN}([^{END}]*){END}")
_MARK = re.compile(f"[{BEGIN}{END}{OPEN}{CLOSE}]")
_ONLY_A_MARKER = re.compile(r"\s*([-*•]|\d+[.)])?\s*")


def unmarked(source: str) -> str:
    """A source without these marks in it, and without those of cells."""
    return _MARK.sub("", source)


def told_apart(blocks: Iterable[RawBlock]) -> Iterator[RawBlock]:
    """The blocks without marks; what stood between them follows in hidden blocks."""
    for block in blocks:
        yield from _apart(block) if BEGIN in block.text else (block,)


def _apart(block: RawBlock) -> Iterator[RawBlock]:
    unseen = " ".join(" ".join(found.split()) for found in _MARKED.findall(block.text))
    rest = _without(block)
    if not _ONLY_A_MARKER.fullmatch(rest.text):
        yield rest
    if unseen.strip():
        yield RawBlock(BlockKind.TEXT, unseen.strip(), page=block.page, boxes=block.boxes, hidden=True)


def _without(block: RawBlock) -> RawBlock:
    if block.table is None:
        return replace(block, text=_seen(block.text), links=())
    cells = [replace(cell, text=_seen(cell.text)) for cell in cells_of(block.table)]
    table = table_block(table_of(cells, block.table.header_rows) or block.table, block.page)
    return replace(block, text=table.text, table=table.table)


def _seen(text: str) -> str:
    return re.sub(r"[^\S\n]{2,}", " ", unmarked(_MARKED.sub(" ", text))).strip()
