"""Tables of PowerPoint 97-2003, which the engine gives as paragraphs ([MS-PPT], [MS-ODRAW]).

A table is a group of shapes that says it is one; each cell is a shape with its corners and its text.
"""

from __future__ import annotations

import io
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from docmill.adapters.readers.row_edges import TABLE_CELLS, distinct
from docmill.adapters.readers.tidy import one_line
from docmill.domain.cells import Cell, table_of
from docmill.domain.documents import Table

STREAM_BYTES = 256 * 1024 * 1024  # of a longer presentation nothing is told
_RECORDS = 2_000_000
_DEPTH = 64  # of groups in groups

_SLIDE, _DRAWING, _SHAPES, _GROUP, _SHAPE = 0x3EE, 0x40C, 0xF002, 0xF003, 0xF004
_LEAD_TO_GROUPS = (_SLIDE, _DRAWING, _SHAPES, _GROUP)
_PLACE_IN_GROUP, _TEXT_BOX, _WIDE_TEXT, _NARROW_TEXT = 0xF00F, 0xF00D, 0xFA0, 0xFA8
_OF_A_TABLE, _IS_TABLE = 0xF122, 0x39F
_SAME = 1_000  # edges are one that lie nearer than the size of the table by this


class _Record(NamedTuple):
    kind: int
    instance: int
    data: memoryview


@dataclass(frozen=True, slots=True)
class _Box:
    """A cell as it is drawn, in units of its group."""

    left: int
    top: int
    right: int
    bottom: int
    text: str


def deck_tables(presentation: bytes) -> list[Table]:
    """The tables of the slides in their order; none where the presentation cannot be followed."""
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(presentation)) as file:
            stream = memoryview(file.openstream("PowerPoint Document").read(STREAM_BYTES))
        return [table for shapes in _groups(stream) if (table := _table(list(_boxes(shapes))))]
    except (OSError, struct.error, ValueError):
        return []


def _records(data: memoryview) -> Iterator[_Record]:
    at = 0
    while at + 8 <= len(data):
        version, kind, size = struct.unpack_from("<HHI", data, at)
        yield _Record(kind, version >> 4, data[at + 8 : at + 8 + size])
        at += 8 + size


def _groups(stream: memoryview) -> Iterator[list[_Record]]:
    """The shapes of each group that says it is a table."""
    waiting = [_records(stream)]
    left = _RECORDS
    while waiting and left:
        left -= 1
        record = next(waiting[-1], None)
        if record is None:
            waiting.pop()
        elif record.kind in _LEAD_TO_GROUPS:
            shapes = _first(record.data) if record.kind == _GROUP else None
            if shapes and _is_table(shapes.data):
                yield list(islice(_records(record.data), 1, TABLE_CELLS))
            elif len(waiting) < _DEPTH:
                waiting.append(_records(record.data))


def _first(data: memoryview) -> _Record | None:
    return next(_records(data), None)


def _is_table(shape: memoryview) -> bool:
    return any(
        name & 0x3FFF == _IS_TABLE and value & 1
        for record in _records(shape)
        if record.kind == _OF_A_TABLE
        for name, value in islice(struct.iter_unpack("<HI", _whole(record.data, 6)), record.instance)
    )


def _whole(data: memoryview, size: int) -> memoryview:
    return data[: len(data) - len(data) % size]


def _boxes(shapes: Iterable[_Record]) -> Iterator[_Box]:
    """The shapes with an extent: others are the lines around cells."""
    for shape in shapes:
        parts = {record.kind: record.data for record in _records(shape.data)}
        if shape.kind != _SHAPE or len(parts.get(_PLACE_IN_GROUP, b"")) != 16:
            continue
        left, top, right, bottom = struct.unpack("<4i", parts[_PLACE_IN_GROUP])
        if left < right and top < bottom:
            yield _Box(left, top, right, bottom, _text(parts.get(_TEXT_BOX, memoryview(b""))))


def _text(box: memoryview) -> str:
    for record in _records(box):
        if record.kind in (_WIDE_TEXT, _NARROW_TEXT):
            coding = "utf-16-le" if record.kind == _WIDE_TEXT else "latin-1"
            return one_line(bytes(record.data).decode(coding, "replace"))
    return ""


def _table(boxes: Sequence[_Box]) -> Table | None:
    columns = _edges(edge for box in boxes for edge in (box.left, box.right))
    rows = _edges(edge for box in boxes for edge in (box.top, box.bottom))
    cells = [
        Cell(
            row := bisect_right(rows, box.top) - 1,
            column := bisect_right(columns, box.left) - 1,
            bisect_right(rows, box.bottom) - 1 - row,
            bisect_right(columns, box.right) - 1 - column,
            text=box.text,
        )
        for box in boxes
    ]
    return table_of(cells, 1) if len(cells) > 1 else None


def _edges(edges: Iterable[int]) -> list[int]:
    """Where rows or columns begin and end, in their order."""
    known = sorted(edges)
    return distinct(known, (known[-1] - known[0]) // _SAME if known else 0)
