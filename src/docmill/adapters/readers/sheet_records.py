"""Merged cells of workbooks of Excel 97-2003, which keep them in records of their own."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from docmill.domain.documents import Span

BOOK_BYTES = 64 * 1024 * 1024  # of a longer workbook no merged cells are told
RECORDS = 4_000_000

_SHEET, _BEGIN, _MERGED = 0x85, 0x809, 0xE5
# What holds a value: a formula, several short numbers, shared text, text with formats, a number, a text, a
# truth or an error, a short number.
_CELLS = frozenset((0x06, 0xBD, 0xFD, 0xD6, 0x203, 0x204, 0x205, 0x27E))
_SHORT_NUMBERS = 0xBD

Place = tuple[int, int]


@dataclass(slots=True)
class SheetRecords:
    """A sheet by its name: the corners of its filled part, as (row, column), and its merged cells."""

    name: str
    corners: tuple[Place, ...] = ()
    spans: list[Span] = field(default_factory=list)

    def fill(self, row: int, first: int, last: int) -> None:
        """Take note of cells with a value."""
        places = (*self.corners, (row, first), (row, last))
        rows, columns = zip(*places, strict=True)
        self.corners = (min(rows), min(columns)), (max(rows), max(columns))


def sheets_of(workbook: bytes) -> Iterator[SheetRecords]:
    """The sheets of a workbook as far as it can be followed. Raises OSError where it is no compound file."""
    import olefile

    with olefile.OleFileIO(io.BytesIO(workbook)) as file:
        if not file.exists("Workbook") or file.get_size("Workbook") > BOOK_BYTES:
            return
        stream = file.openstream("Workbook").read()
    starts: dict[int, SheetRecords] = {}
    sheet: SheetRecords | None = None
    for at, kind, data in _records(stream):
        if kind == _SHEET and len(data) > 8:
            starts[int.from_bytes(data[:4], "little")] = SheetRecords(_name(data))
        elif kind == _BEGIN:
            sheet = starts.get(at)
        elif sheet and kind == _MERGED:
            sheet.spans += _spans(data)
        elif sheet and kind in _CELLS and len(data) >= 6:
            row, first = struct.unpack_from("<2H", data)
            last = int.from_bytes(data[-2:], "little") if kind == _SHORT_NUMBERS else first
            sheet.fill(row, first, last)
    yield from starts.values()


def _records(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(place, kind, data) of each record."""
    at = 0
    for _ in range(RECORDS):
        if at + 4 > len(stream):
            return
        kind, size = struct.unpack_from("<2H", stream, at)
        yield at, kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _name(sheet: bytes) -> str:
    """The name, with the length before it and a flag that says how it is written."""
    length, is_wide = sheet[6], sheet[7] & 1
    written = sheet[8 : 8 + length * (2 if is_wide else 1)]
    return written.decode("utf-16-le" if is_wide else "latin-1", "replace")


def _spans(merged: bytes) -> Iterator[Span]:
    count = int.from_bytes(merged[:2], "little")
    for at in range(2, min(2 + 8 * count, len(merged) - 7), 8):
        top, bottom, left, right = struct.unpack_from("<4H", merged, at)
        yield Span(top, left, max(bottom - top, 0) + 1, max(right - left, 0) + 1)
