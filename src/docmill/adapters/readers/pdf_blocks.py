"""A page as liteparse lays it out, to blocks: nothing lost, running heads apart, unseen text by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from docmill.adapters.readers.captions import is_caption, is_footnote
from docmill.adapters.readers.pdf_look import Unseen
from docmill.adapters.readers.pdf_objects import Rectangle
from docmill.adapters.readers.pdf_pieces import Words
from docmill.adapters.readers.pdf_rulings import Drawn
from docmill.adapters.readers.pdf_tables import Sketch, sketch_of, with_merged_cells
from docmill.adapters.readers.running_heads import Line, LinePage, RunningHeads
from docmill.adapters.readers.tidy import clean, laid_out, table_block, tidy_table
from docmill.domain.cells import cells_of
from docmill.domain.documents import BlockKind, Box, RawBlock

EDGE_BLOCKS = 3  # blocks at the top and at the bottom of a page that may be running heads

_ESCAPE_OR_EMPHASIS = re.compile(r"\\([\\*_])|\*{1,3}")


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A page of the engine: its number, its size in points, its blocks, and the lines in none of them.

    It holds nothing of the engine's own, whose page takes many times the room.
    """

    number: int
    width: float
    height: float
    blocks: tuple[RawBlock, ...]
    stray: tuple[Line, ...]
    sketches: Mapping[int, Sketch] = field(default_factory=dict)  # by the place of their table in the blocks

    def ruled(self, lines: Drawn, words: Words) -> LaidOut:
        """The page with what its lines tell of its tables."""
        blocks, stray = with_merged_cells(self.blocks, self.stray, self.sketches, lines, words)
        return replace(self, blocks=tuple(blocks), stray=tuple(stray), sketches={})

    def edges(self) -> LinePage:
        """What may be a running head: the stray lines, and the blocks at both ends."""
        ends = {*self.blocks[:EDGE_BLOCKS], *self.blocks[-EDGE_BLOCKS:]}
        lines = [line for block in ends if (line := as_line(block))]
        return LinePage(self.height, [*self.stray, *lines])


def lay_out(page: Any) -> LaidOut:
    """The engine's page as blocks and stray lines."""
    pairs = tuple(_layout(page))
    holders = [block.bbox for block in page.blocks or () if block.bbox is not None]
    stray = tuple(_lines(_stray(page.text_items, holders)))
    sketches = {
        at: sketch_of(block, page.text_items)
        for at, (block, raw) in enumerate(pairs)
        if raw.kind is BlockKind.TABLE
    }
    blocks = tuple(raw for _, raw in pairs)
    return LaidOut(page.page_num, page.width, page.height, blocks, stray, sketches)


def page_blocks(laid: LaidOut, heads: RunningHeads, unseen: Sequence[Unseen]) -> Iterator[RawBlock]:
    """The blocks of a page in reading order: headers, body, footers.

    A page that would show nothing without its running heads has none.
    """
    number, height = laid.number, laid.height
    body: list[RawBlock] = []
    running: list[RawBlock] = []
    for block in laid.blocks:
        line = as_line(block)
        (running if line and heads.has(line, height) else body).append(block)
    stray = [(heads.has(line, height), _line_block(line, number)) for line in laid.stray]
    running += [block for is_head, block in stray if is_head]
    told = "".join("".join(block.text.split()) for block in body)  # the engine's boxes may be too small
    lost = [block for is_head, block in stray if not is_head and "".join(block.text.split()) not in told]
    body = _put_in(body, lost)
    if not any(block.text for block in body):
        body, running = [*body, *sorted(running, key=_top)], []
    shown = list(_apart(_named(body, height), unseen, number))
    header = [replace(b, kind=BlockKind.PAGE_HEADER, level=None) for b in running if _top(b) < height / 2]
    footer = [replace(b, kind=BlockKind.PAGE_FOOTER, level=None) for b in running if _top(b) >= height / 2]
    yield from (*sorted(header, key=_top), *shown, *sorted(footer, key=_top))


def as_line(block: RawBlock) -> Line | None:
    """A block that is one line of text, as such."""
    if block.kind not in (BlockKind.HEADING, BlockKind.TEXT) or not block.boxes:
        return None
    box = block.boxes[0]
    return Line(block.text, (box.x0, box.y0, box.x1, box.y1)) if "\n" not in block.text else None


def _top(block: RawBlock) -> float:
    return block.boxes[0].y0 if block.boxes else 0.0


def _stray(items: Iterable[Any], holders: Sequence[Any]) -> Iterator[Any]:
    """The pieces of text that stand in no block; they mostly come in the order of the blocks."""
    at = 0
    for item in items:
        x, y = item.x + item.width / 2, item.y + item.height / 2
        order = (*range(at, len(holders)), *range(at))
        found = next((index for index in order if _inside(x, y, holders[index])), None)
        if found is not None:
            at = found
        elif item.text.strip():
            yield item


def _inside(x: float, y: float, box: Any) -> bool:
    return bool(box.x - 1 <= x <= box.x + box.width + 1 and box.y - 1 <= y <= box.y + box.height + 1)


def _lines(items: Iterable[Any]) -> Iterator[Line]:
    """Pieces side by side, as lines."""
    line: list[Any] = []
    for item in items:
        if line and not _beside(line[-1], item):
            yield _line_of(line)
            line = []
        line.append(item)
    if line:
        yield _line_of(line)


def _beside(left: Any, right: Any) -> bool:
    gap = right.x - (left.x + left.width)
    level = (
        abs((left.y + left.height / 2) - (right.y + right.height / 2)) < max(left.height, right.height) / 2
    )
    return bool(level and -1 <= gap <= 2 * max(left.height, right.height))


def _line_of(items: Sequence[Any]) -> Line:
    text = clean(" ".join(" ".join(item.text.split()) for item in items))
    x0, y0 = min(item.x for item in items), min(item.y for item in items)
    x1, y1 = max(item.x + item.width for item in items), max(item.y + item.height for item in items)
    return Line(text, (x0, y0, x1, y1), stripped=True)


def _line_block(line: Line, number: int) -> RawBlock:
    return RawBlock(BlockKind.TEXT, line.text, number, boxes=(_box(number, line.box),))


def _put_in(body: list[RawBlock], lost: Iterable[RawBlock]) -> list[RawBlock]:
    """The body with what the engine left out: each before the first block that begins below it."""
    for block in lost:
        at = next(
            (at for at, other in enumerate(body) if other.boxes and _top(other) > _top(block)), len(body)
        )
        body.insert(at, block)
    return body


def _named(body: Sequence[RawBlock], height: float) -> Iterator[RawBlock]:
    """The body with its captions and footnotes called so."""
    for at, block in enumerate(body):
        neighbours = body[max(at - 1, 0) : at + 2]
        if is_caption(block, neighbours):
            yield replace(block, kind=BlockKind.CAPTION, level=None)
        elif is_footnote(block, body[at + 1 :], height):
            yield replace(block, kind=BlockKind.FOOTNOTE)
        else:
            yield block


def _apart(body: Iterable[RawBlock], unseen: Sequence[Unseen], number: int) -> Iterator[RawBlock]:
    """The body with text that is not seen in blocks of its own."""
    left = list(unseen)
    for block in body:
        within = [piece for piece in left if _within(piece, block)]
        if not within:
            yield block
            continue
        left = [piece for piece in left if piece not in within]
        yield from _parted(block, within)
    yield from (_unseen_block(pieces, number) for pieces in _sequences(left) if _is_told(pieces))


def _within(piece: Unseen, block: RawBlock) -> bool:
    x, y = (piece.box[0] + piece.box[2]) / 2, (piece.box[1] + piece.box[3]) / 2
    return any(box.x0 - 1 <= x <= box.x1 + 1 and box.y0 - 1 <= y <= box.y1 + 1 for box in block.boxes)


def _parted(block: RawBlock, within: Sequence[Unseen]) -> Iterator[RawBlock]:
    """A block without its unseen text, and that text. Where it cannot be told apart, all counts as unseen."""
    sequences = list(_sequences(within))
    if block.table is not None:
        cells = [replace(cell, text=_without(cell.text, sequences)) for cell in cells_of(block.table)]
        kept = table_block(laid_out(cells, block.table.header_rows), block.page)
        rest = replace(block, text=kept.text, table=kept.table)
    else:
        rest = replace(block, text=_without(block.text, sequences))
    if rest.text == block.text and any(_is_told(pieces) for pieces in sequences):
        yield replace(block, hidden=True)
        return
    if rest.text or block.kind is BlockKind.IMAGE:
        yield rest
    yield from (_unseen_block(pieces, block.page or 0) for pieces in sequences if _is_told(pieces))


def _without(text: str, sequences: Iterable[Sequence[Unseen]]) -> str:
    """The text without those pieces, however white space and signs fall in them."""
    for pieces in sequences:
        letters = [sign for piece in pieces for sign in piece.text if sign.isalnum()]
        if 0 < len(letters) <= len(text):
            text = re.sub(r"[\W_]*".join(map(re.escape, letters)) + r"[^\w\s]*", " ", text, count=1)
    return clean(re.sub(r"[^\S\n]{2,}", " ", text))


def _is_told(pieces: Iterable[Unseen]) -> bool:
    """Whether there is anything to read in them."""
    return any(sign.isalnum() for piece in pieces for sign in piece.text)


def _sequences(pieces: Sequence[Unseen]) -> Iterator[list[Unseen]]:
    """Pieces that follow one another, together."""
    for _, group in groupby(enumerate(pieces), key=lambda pair: pair[1].place - pair[0]):
        yield [piece for _, piece in group]


def _unseen_block(pieces: Sequence[Unseen], number: int) -> RawBlock:
    x0, y0 = min(piece.box[0] for piece in pieces), min(piece.box[1] for piece in pieces)
    x1, y1 = max(piece.box[2] for piece in pieces), max(piece.box[3] for piece in pieces)
    text = " ".join(piece.text for piece in pieces)
    return RawBlock(BlockKind.TEXT, text, number, boxes=(_box(number, (x0, y0, x1, y1)),), hidden=True)


def _layout(page: Any) -> Iterator[tuple[Any, RawBlock]]:
    """The engine's blocks, each with what becomes of it."""
    in_list = False
    for block in page.blocks or ():
        raw = _raw(block, page.page_num, "\n" if in_list else "\n\n")
        in_list = block.kind == "list_item"
        if raw is not None:
            yield block, raw


def _raw(block: Any, number: int, list_lead: str) -> RawBlock | None:
    boxes = _boxes(block, number)
    if block.kind == "table":
        rows = [block.header or (), *(block.rows or ())]
        raw = table_block(tidy_table([cell.text for cell in row] for row in rows), number)
        return RawBlock(raw.kind, raw.text, number, boxes=boxes, table=raw.table) if raw.text else None
    if block.kind == "figure":
        return RawBlock(BlockKind.IMAGE, "", number, boxes=boxes, lead="")
    if block.kind == "list_item":
        return _list_item(block, number, boxes, list_lead)
    if block.kind in ("code", "grid_fallback"):
        text = "\n".join(clean(line) if not line.strip() else line.rstrip() for line in block.lines or ())
        return RawBlock(BlockKind.CODE, text, number, boxes=boxes) if text.strip() else None
    return _line(block, number, boxes)


def _line(block: Any, number: int, boxes: tuple[Box, ...]) -> RawBlock | None:
    if block.kind == "heading":
        text = clean(block.text or "")
        return RawBlock(BlockKind.HEADING, text, number, block.level or 1, boxes) if text else None
    text = plain(block.text or "")
    return RawBlock(BlockKind.TEXT, text, number, boxes=boxes) if text else None


def _list_item(block: Any, number: int, boxes: tuple[Box, ...], lead: str) -> RawBlock | None:
    text = plain(block.text or "")
    indent = "  " * max(0, (block.level or 1) - 1)
    marked = f"{indent}{clean(block.marker or '-')} {text}"
    return RawBlock(BlockKind.LIST, marked, number, boxes=boxes, lead=lead) if text else None


def plain(text: str) -> str:
    """Paragraph text without emphasis: the engine escapes the stars that stand on the page."""
    return clean(_ESCAPE_OR_EMPHASIS.sub(lambda match: match[1] or "", text))


def _boxes(block: Any, number: int) -> tuple[Box, ...]:
    box = block.bbox
    return () if box is None else (_box(number, (box.x, box.y, box.x + box.width, box.y + box.height)),)


def _box(number: int, corners: Rectangle) -> Box:
    return Box(number, *(round(corner, 2) for corner in corners))
