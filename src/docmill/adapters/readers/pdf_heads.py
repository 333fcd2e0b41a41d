"""Headers of several rows in tables of PDFs: a cell reaches from the line above its text to the line below.

Such a header stands between two lines as wide as the table. The shorter lines between them say which columns
a text above them belongs to; what stands below the last of them belongs to one column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from docmill.adapters.readers.pdf_head_zone import Column, Zone, zone_of
from docmill.adapters.readers.pdf_objects import Rectangle
from docmill.adapters.readers.pdf_pieces import Piece, Rows, Words, around, holds, middle, said
from docmill.adapters.readers.pdf_rulings import NEAR, Drawn, Ruling
from docmill.domain.cells import Cell

HEAD_POINTS = 100.0  # the highest header
ABOVE_POINTS = 100.0  # how far above the engine's table its header may stand
BELOW_POINTS = 30.0  # how far below its header the engine's table may begin
HEAD_PIECES = 2_000

_ASIDE = 10.0  # points that a header may stick out of its table
_CENTRED = 8.0  # points between the middles of a text and of what it is centred over
_LONG = 0.9  # of the longest line: what a line has of it that lies over the whole table
_SPACE = 0.8  # heights of letters between two words of one phrase, at most
_WIDE_GAP = 1.5  # heights of letters between two texts on one line


@dataclass(frozen=True, slots=True)
class Head:
    """The header of a table: its cells, rows and place, and how many of the engine's rows it replaces."""

    cells: tuple[Cell, ...]
    rows: int
    box: Rectangle
    replaced: int


def head_of(rows: Rows, near: Sequence[Piece], lines: Drawn, words: Words) -> Head | None:
    """The header of a table, where lines tell it for certain and it has merged cells.

    `rows` are the engine's, `near` the pieces of text around its first rows; `words` tells those of a piece.
    """
    boxes = [piece.box for row in rows for piece in row if piece.box]
    if not boxes or len(near) > HEAD_PIECES:
        return None
    table = around(boxes)
    for above, below in pairwise(_wide_lines(table, lines)):
        replaced = _rows_above(rows, above.at, below.at)
        if replaced is None or not _is_head(table, above.at, below.at):
            continue
        zone = zone_of(rows[replaced:], above.at, below.at, lines)
        cells = zone and _cells(zone, _pieces_in(near, table, above.at, below.at), words)
        if zone and cells and any(cell.columns > 1 for cell in cells):
            box = (table[0], above.at, table[2], below.at)
            return Head(tuple(cells), len(zone.floors) + 1, box, replaced)
    return None


def _wide_lines(table: Rectangle, lines: Drawn) -> list[Ruling]:
    """The lines over all the columns of a table; those are left out that end well before the longest one."""
    slack = (table[2] - table[0]) / 20
    all_lines = lines.across.between(table[1] - ABOVE_POINTS, table[3])
    wide = [line for line in all_lines if line.covers(table[0] + slack, table[2] - slack)]
    longest = max((line.end - line.start for line in wide), default=0.0)
    return [line for line in wide if line.end - line.start > longest * _LONG]


def _is_head(table: Rectangle, top: float, bottom: float) -> bool:
    return top <= table[1] + NEAR and bottom >= table[1] - BELOW_POINTS and bottom - top <= HEAD_POINTS


def _rows_above(rows: Rows, top: float, bottom: float) -> int | None:
    """How many of the engine's rows lie between these heights; None where a row lies across one of them."""
    count = 0
    for row in rows:
        boxes = [piece.box for piece in row if piece.box and piece.text]
        if not boxes:
            count += 1
            continue
        _, row_top, _, row_bottom = around(boxes)
        if row_top >= bottom - NEAR:
            return count
        if row_top < top - NEAR or row_bottom > bottom + NEAR:
            return None
        count += 1
    return None


def _pieces_in(near: Iterable[Piece], table: Rectangle, top: float, bottom: float) -> list[Piece]:
    zone = (table[0] - _ASIDE, top, table[2] + _ASIDE, bottom)
    inside = (piece for piece in near if holds(zone, middle(piece.place)))
    return [piece for found in inside if (piece := found.tidy()).text]


def _cells(zone: Zone, pieces: list[Piece], words: Words) -> list[Cell] | None:
    """The cells of a header; None where a text has no place for certain."""
    left = list(pieces)
    cells: list[Cell] = []
    for level, floor in enumerate(zone.floors, start=1):
        for line in floor:
            told = _groups(zone, level, line, left)
            if told is None:
                return None
            cells += told
    leaves = _leaves(zone, _parted(zone, left, words))
    return None if leaves is None else [*cells, *leaves]


def _groups(zone: Zone, level: int, line: Ruling, left: list[Piece]) -> list[Cell] | None:
    """The cells that stand on a line; their pieces are taken out of those `left`."""
    covered = [
        at
        for at, (x0, x1) in enumerate(zone.columns)
        if line.start - NEAR <= (x0 + x1) / 2 <= line.end + NEAR
    ]
    above = max(zone.level_above(column, level - 1) for column in covered)
    top = zone.height_of(above)
    pieces = [
        piece
        for piece in left
        if top < middle(piece.place)[1] < line.at and line.start <= middle(piece.place)[0] <= line.end
    ]
    left[:] = [piece for piece in left if piece not in pieces]
    cells: list[Cell] = []
    for part in _walled(zone, covered, top, line.at):
        bounds = _bounds(zone, part, line, top)
        texts = _texts([piece for piece in pieces if bounds[0] <= middle(piece.place)[0] <= bounds[1]])
        shares = _shares(zone, part, texts, bounds)
        if shares is None:
            return None
        for text, columns in shares:
            cells.append(Cell(above, columns[0], level - above, len(columns), True, said(text)))
    return cells


def _walled(zone: Zone, columns: list[int], top: float, bottom: float) -> Iterator[list[int]]:
    """The columns in the parts that lines down divide them into."""
    part: list[int] = []
    for column in columns:
        if part and zone.wall(column - 1, top, bottom) is not None:
            yield part
            part = []
        part.append(column)
    yield part


def _bounds(zone: Zone, part: list[int], line: Ruling, top: float) -> Column:
    """Where the cell of these columns on a line begins and ends."""
    first, last = part[0], part[-1]
    before = zone.wall(first - 1, top, line.at) if first else None
    behind = zone.wall(last, top, line.at) if last + 1 < len(zone.columns) else None
    start = line.start if before is None else max(before, line.start)
    return start, line.end if behind is None else min(behind, line.end)


def _texts(pieces: list[Piece]) -> list[list[Piece]]:
    """Pieces below one another or close together, as one text; texts side by side, from the left."""
    texts: list[list[Piece]] = []
    right = float("-inf")
    for piece in sorted(pieces, key=lambda piece: piece.place[0]):
        x0, y0, x1, y1 = piece.place
        if texts and x0 - right <= _WIDE_GAP * (y1 - y0):
            texts[-1].append(piece)
        else:
            texts.append([piece])
        right = max(right, x1)
    return texts


def _shares(
    zone: Zone, part: list[int], texts: list[list[Piece]], bounds: Column
) -> list[tuple[list[Piece], list[int]]] | None:
    """Which columns each text spans. None where that is not certain."""
    if not texts:
        return []
    if len(texts) == 1:
        x0, _, x1, _ = around([piece.box for piece in texts[0] if piece.box])
        centred = abs((x0 + x1) - sum(bounds)) / 2 <= max(_CENTRED, (bounds[1] - bounds[0]) / 10)
        from_left = abs(x0 - bounds[0]) <= _CENTRED
        inside = bounds[0] - NEAR <= x0 and x1 <= bounds[1] + NEAR
        return [(texts[0], part)] if len(part) == 1 or (inside and (centred or from_left)) else None
    found = [shares for shares in _cuts(part, len(texts)) if _all_centred(zone, shares, texts)]
    return list(zip(texts, found[0], strict=True)) if len(found) == 1 else None


def _cuts(columns: list[int], parts: int) -> Iterator[list[list[int]]]:
    """The ways to cut a row of columns into so many parts; none where there would be too many."""
    if parts == 1:
        yield [columns]
    elif parts <= min(len(columns), 3):
        for at in range(1, len(columns)):
            for rest in _cuts(columns[at:], parts - 1):
                yield [columns[:at], *rest]


def _all_centred(zone: Zone, shares: list[list[int]], texts: list[list[Piece]]) -> bool:
    for columns, text in zip(shares, texts, strict=True):
        x0, _, x1, _ = around([piece.box for piece in text if piece.box])
        over = (zone.columns[columns[0]][0] + zone.columns[columns[-1]][1]) / 2
        if abs((x0 + x1) / 2 - over) > _CENTRED:
            return False
    return True


def _leaves(zone: Zone, pieces: Iterable[Piece]) -> list[Cell] | None:
    """The cells below all the lines, a column each."""
    held: dict[int, list[Piece]] = {}
    edges = [zone.edge(column) for column in range(len(zone.columns) - 1)]
    for piece in pieces:
        x, y = middle(piece.place)
        column = sum(x > edge for edge in edges)
        if y < zone.height_of(zone.level_above(column, len(zone.floors))):
            return None
        held.setdefault(column, []).append(piece)
    cells = []
    for column, own in sorted(held.items()):
        level = zone.level_above(column, len(zone.floors))
        cells.append(Cell(level, column, len(zone.floors) + 1 - level, 1, True, said(own)))
    return cells


def _parted(zone: Zone, pieces: Iterable[Piece], words: Words) -> Iterator[Piece]:
    """The pieces, cut where they lie across several columns: at wide gaps, or else between all words."""
    for piece in pieces:
        phrases = _phrases(words(piece)) if _lies_across(zone, piece) else [[piece]]
        for phrase in phrases:
            whole = Piece(said(phrase), around(word.place for word in phrase))
            yield from phrase if _lies_across(zone, whole) else (whole,)


def _lies_across(zone: Zone, piece: Piece) -> bool:
    x0, _, x1, _ = piece.place
    return sum(x0 <= (left + right) / 2 <= x1 for left, right in zone.columns) > 1


def _phrases(words: Iterable[Piece]) -> list[list[Piece]]:
    """Words with no more than a space between them, together."""
    phrases: list[list[Piece]] = []
    for word in sorted(words, key=lambda word: word.place[0]):
        x0, top, _, bottom = word.place
        if phrases and x0 - phrases[-1][-1].place[2] <= _SPACE * (bottom - top):
            phrases[-1].append(word)
        else:
            phrases.append([word])
    return phrases
