"""Tables of Word 97-2003, which the engine gives as running text: cells where their words are found in it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from docmill.adapters.readers.doc_paragraphs import TABLE_CELLS_SAID, Paragraph, Said, paragraphs_of
from docmill.adapters.readers.row_edges import EdgedRow, cells_by_edges
from docmill.adapters.readers.tidy import one_line
from docmill.domain.cells import table_of
from docmill.domain.documents import Table

_IN_TABLE, _ENDS_ROW, _DEPTH, _HEADER = 0x2416, 0x2417, 0x6649, 0x3404
_CELL = "\x07"
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
        replace(cell, text=one_line(_UNSEEN.sub(" ", rows[cell.row].cells[number])))
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
