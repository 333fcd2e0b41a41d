"""Tables of a PDF page with the merged cells that its lines tell of, where they tell it for certain."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from docmill.adapters.readers.pdf_grids import grid_cells
from docmill.adapters.readers.pdf_heads import ABOVE_POINTS, HEAD_POINTS, Head, head_of
from docmill.adapters.readers.pdf_objects import Rectangle
from docmill.adapters.readers.pdf_pieces import Piece, Rows, Words, around, holds, middle, said
from docmill.adapters.readers.pdf_rulings import Drawn
from docmill.adapters.readers.running_heads import Line
from docmill.adapters.readers.tidy import table_block
from docmill.domain.cells import Cell, table_of
from docmill.domain.documents import BlockKind, Box, RawBlock

_INSIDE = 4.0  # points that a block may stick out of the header it belongs to
_HEADER_TEXT = frozenset((BlockKind.HEADING, BlockKind.TEXT, BlockKind.LIST, BlockKind.CODE, BlockKind.TABLE))


@dataclass(frozen=True, slots=True)
class Sketch:
    """A table as the engine sees it: its rows, and the pieces of text around the first of them."""

    rows: Rows
    near: tuple[Piece, ...]


def sketch_of(block: Any, items: Iterable[Any]) -> Sketch:
    """The sketch of a block that is a table, among the pieces of text of its page."""
    rows = [
        [Piece(cell.text, _rectangle(cell.bbox)) for cell in row]
        for row in (block.header or (), *(block.rows or ()))
        if row
    ]
    if block.bbox is None:
        return Sketch(rows, ())
    low, high = block.bbox.y - ABOVE_POINTS, block.bbox.y + HEAD_POINTS
    return Sketch(rows, tuple(Piece(item.text, _rectangle(item)) for item in items if low <= item.y <= high))


def _rectangle(box: Any) -> Rectangle | None:
    if box is None:
        return None
    x, y = box.x, box.y
    return x, y, x + box.width, y + box.height


def with_merged_cells(
    blocks: Sequence[RawBlock],
    stray: Sequence[Line],
    sketches: Mapping[int, Sketch],
    lines: Drawn,
    words: Words,
) -> tuple[list[RawBlock], list[Line]]:
    """The blocks and stray lines of a page with what its lines tell of its tables.

    `sketches` are by the place of their table in the blocks. A header takes in what text belongs to it.
    """
    here = list(blocks), list(stray)
    for at, sketch in sketches.items():
        if blocks[at] in here[0]:
            here = (
                _with_grid(blocks[at], sketch, lines, *here)
                or _with_head(blocks[at], sketch, head_of(sketch.rows, sketch.near, lines, words), *here)
                or here
            )
    return here


Text = tuple[list[RawBlock], list[Line]]


def _with_grid(
    block: RawBlock, sketch: Sketch, lines: Drawn, blocks: list[RawBlock], stray: list[Line]
) -> Text | None:
    """With the merged cells of a grid, and what its frame holds above and below as text; None without any."""
    cells = grid_cells(sketch.rows, lines)
    if not cells:
        return None
    width = len(sketch.rows[0])
    inner = [cell.row for cell in cells if cell.text and cell.columns < width]
    first, last = min(inner, default=0), max(inner, default=-1)
    table = table_of((cell for cell in cells if first <= cell.row <= last), _grid_head(cells, first, width))
    if table is None or not inner:
        return None
    told = [
        *_framed(block, sketch.rows, [cell for cell in cells if cell.row < first]),
        replace(table_block(table, block.page), boxes=block.boxes),
        *_framed(block, sketch.rows, [cell for cell in cells if cell.row > last]),
    ]
    return [new for old in blocks for new in (told if old == block else (old,))], stray


def _grid_head(cells: Iterable[Cell], first: int, width: int) -> int:
    """How many rows of a grid are its header: two, where the first one has columns in groups."""
    groups = [cell for cell in cells if cell.row == first and 1 < cell.columns < width]
    return 1 + max((cell.rows for cell in groups), default=0)


def _framed(block: RawBlock, rows: Rows, cells: Sequence[Cell]) -> Iterator[RawBlock]:
    """Rows that are one cell each, as a text."""
    places = [piece.place for cell in cells for piece in rows[cell.row]]
    if text := "\n".join(cell.text for cell in cells if cell.text):
        yield RawBlock(BlockKind.TEXT, text, block.page, boxes=(_box(block.page or 0, around(places)),))


def _with_head(
    block: RawBlock, sketch: Sketch, head: Head | None, blocks: list[RawBlock], stray: list[Line]
) -> Text | None:
    """With the header of the table; what text belongs to it is taken out of the blocks and stray lines.

    None where there is no header, or it is not the very words that stood there before.
    """
    if head is None:
        return None
    kept = {at: _outside(other, head, sketch.near) for at, other in enumerate(blocks) if other != block}
    changed = [
        (blocks[at].text, other.text if other else "") for at, other in kept.items() if other != blocks[at]
    ]
    lost = [line for line in stray if _holds(head.box, line.box)]
    before = [piece.text for row in sketch.rows[: head.replaced] for piece in row]
    before += [*(text for text, _ in changed), *(line.text for line in lost)]
    taken = _words(before) - _words(text for _, text in changed)
    told = _words(cell.text for cell in head.cells)
    if not (told <= taken and told.keys() == taken.keys()):  # the engine may have said a word twice
        return None
    table = table_of([*head.cells, *_body(sketch.rows[head.replaced :], head.rows)], head.rows)
    if table is None:
        return None
    boxes = tuple(replace(box, y0=round(min(box.y0, head.box[1]), 2)) for box in block.boxes)
    headed = replace(table_block(table, block.page), boxes=boxes)
    new = (kept.get(at, headed) for at in range(len(blocks)))
    return [each for each in new if each is not None], [line for line in stray if line not in lost]


def _outside(block: RawBlock, head: Head, near: Sequence[Piece]) -> RawBlock | None:
    """What of a block is not in the header: the block, its first words, or nothing."""
    if block.kind not in _HEADER_TEXT or not block.boxes:
        return block
    box = block.boxes[0]
    x0, y0, x1, y1 = place = box.x0, box.y0, box.x1, box.y1
    if _holds(head.box, place):
        return None
    if (
        block.table
        or len(block.boxes) > 1
        or y0 >= head.box[1]
        or not _holds(head.box, (x0, head.box[1], x1, y1))
    ):
        return block
    inside = [
        piece.tidy()
        for piece in near
        if holds(place, middle(piece.place), 1) and holds(head.box, middle(piece.place))
    ]
    rest = block.text.removesuffix(said(inside)).rstrip()
    if rest == block.text:
        return block
    return replace(block, text=rest, boxes=(replace(box, y1=round(head.box[1], 2)),)) if rest else None


def _holds(box: Rectangle, other: Rectangle) -> bool:
    x0, y0, x1, y1 = box
    across = (other[0] + other[2]) / 2
    return x0 - _INSIDE <= across <= x1 + _INSIDE and y0 - _INSIDE <= other[1] and other[3] <= y1 + _INSIDE


def _words(texts: Iterable[str]) -> Counter[str]:
    return Counter(word for text in texts for word in re.findall(r"\w+", text))


def _body(rows: Rows, first: int) -> Iterator[Cell]:
    for at, row in enumerate(rows, start=first):
        yield from (Cell(at, column, text=piece.tidy().text) for column, piece in enumerate(row))


def _box(number: int, corners: Rectangle) -> Box:
    return Box(number, *(round(corner, 2) for corner in corners))
