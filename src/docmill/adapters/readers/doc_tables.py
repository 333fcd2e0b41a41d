"""Tables of Word 97-2003, which the engine gives as running text: cells where their words are found in it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from docmill.adapters.readers.doc_paragraphs import TABLE_CELLS_SAID, Paragraph, Said, paragraphs_of
from docmill.adapters.readers.row_edges import EdgedRow, cells_by_edges
from docmill.adapters.readers.tidy import clean, table_block
from docmill.domain.cells import table_of
from docmill.domain.documents import BlockKind, RawBlock, Table

_IN_TABLE, _ENDS_ROW, _DEPTH, _HEADER = 0x2416, 0x2417, 0x6649, 0x3404
_CELL = "\x07"
_LOOKED_AHEAD = 500  # blocks in which a table is looked for behind the one before
# What a field is made by, and marks that are no text; what a field shows stays.
_UNSEEN = re.compile("\x13[^\x13\x14\x15]*\x14?|[\x01-\x08\x0b-\x1f]")


def doc_tables(document: bytes) -> list[Table]:
    """The tables of a document in their order; none where it cannot be followed."""
    try:
        return [table for rows in _tables(paragraphs_of(document)) if (table := _table(rows))]
    except (OSError, struct.error, IndexError, ValueError):
        return []


@dataclass(slots=True)
class _Row:
    cells: list[str] = field(default_factory=list)
    said: Said = field(default_factory=dict)


def _tables(paragraphs: Iterable[Paragraph]) -> Iterator[list[_Row]]:
    """The rows of each table. A table in a cell is part of the text of that cell."""
    rows: list[_Row] = []
    row, text = _Row(), ""
    for paragraph in paragraphs:
        if not any(paragraph.said.get(_IN_TABLE, b"")):
            if rows:
                yield rows
            rows, row, text = [], _Row(), ""
            continue
        is_inner = int.from_bytes(paragraph.said.get(_DEPTH, b"\x01"), "little") > 1
        if any(paragraph.said.get(_ENDS_ROW, b"")) and not is_inner:
            rows.append(replace(row, said=paragraph.said))
            row, text = _Row(), ""
        elif paragraph.text.endswith(_CELL) and not is_inner:
            row.cells.append(text + paragraph.text)
            text = ""
        else:
            text += paragraph.text + " "
    if rows:
        yield rows


def _table(rows: Sequence[_Row]) -> Table | None:
    edged = [_edged(row) for row in rows]
    cells = [
        replace(cell, text=" ".join(clean(_UNSEEN.sub(" ", rows[cell.row].cells[number])).split()))
        for number, cell in cells_by_edges(edged)
    ]
    heads = sum(row.header for row in edged) or 1
    return table_of([replace(cell, header=False) for cell in cells], heads) if len(cells) > 1 else None


def _edged(row: _Row) -> EdgedRow:
    """The edges of the cells as they are said; those of cells alike in width where that is not to be had."""
    data, count = row.said.get(TABLE_CELLS_SAID, b"\x00"), len(row.cells)
    header = any(row.said.get(_HEADER, b""))
    if data[0] != count or len(data) < 3 + 2 * count:
        return EdgedRow([1_000 * (number + 1) for number in range(count)], header=header)
    edges = struct.unpack_from(f"<{count}h", data, 3)
    kinds = [int.from_bytes(data[3 + 2 * count + 20 * number :][:2], "little") for number in range(count)]
    across = frozenset(number for number, kind in enumerate(kinds) if kind & 0b11 == 1)
    down = frozenset(number for number, kind in enumerate(kinds) if kind >> 5 & 0b11 == 1)
    return EdgedRow(edges, across, down, header)


def with_tables(blocks: Sequence[RawBlock], tables: Iterable[Table]) -> Iterator[RawBlock]:
    """The blocks with each table in the place of the text that holds its very words, and no other."""
    said = [_letters(block.text) for block in blocks]
    at = 0
    for table in tables:
        letters = _letters(" ".join(text for row in table.rows for text in row))
        ahead = range(at, min(at + _LOOKED_AHEAD, len(blocks)))
        start, run = next(
            ((start, run) for start in ahead if (run := _run(said, start, letters))), (at, None)
        )
        if run is None:
            continue
        end, left = run
        yield from blocks[at:start]
        yield replace(table_block(table, blocks[start].page), lead=blocks[start].lead)
        if rest := _behind(blocks[end - 1].text, left):
            yield RawBlock(BlockKind.TEXT, rest, blocks[end - 1].page)
        at = end
    yield from blocks[at:]


def _run(said: Sequence[str], start: int, letters: str) -> tuple[int, int] | None:
    """Where the blocks from `start` on that say just this end, and how much of it the last one says."""
    if not said[start] or not letters:
        return None
    for at in range(start, len(said)):
        if said[at].startswith(letters):
            return at + 1, len(letters)
        if not letters.startswith(said[at]):
            return None
        letters = letters[len(said[at]) :]
    return None


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _behind(text: str, letters: int) -> str:
    """What stands behind the cell that ends with so many letters and digits of a text."""
    places = [at for at, sign in enumerate(text) if sign.isalnum()]
    return text[places[letters - 1] + 1 :].partition("\t")[2].strip()
