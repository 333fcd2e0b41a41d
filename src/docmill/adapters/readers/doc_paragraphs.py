"""The paragraphs of a Word 97-2003 document, each with what is said of it ([MS-DOC] 2.4)."""

from __future__ import annotations

import io
import re
import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

STREAM_BYTES = 64 * 1024 * 1024  # of a longer document nothing is told
PARAGRAPHS = 500_000

TABLE_CELLS_SAID = 0xD608  # sprmTDefTable, whose length takes two bytes

_SIZES = (1, 1, 2, 4, 2, 2, 0, 3)  # of what is said, by the upper bits of its code; 0: its first byte says it
_PAGE = 512

Said = Mapping[int, bytes]  # what is said of a paragraph, by its code


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A text with the mark that ends it, of a paragraph, a cell or a page."""

    text: str
    said: Said


def paragraphs_of(document: bytes) -> Iterator[Paragraph]:
    """The paragraphs of the main text. Raises OSError, struct.error, IndexError or ValueError."""
    import olefile

    with olefile.OleFileIO(io.BytesIO(document)) as file:
        main = file.openstream("WordDocument").read(STREAM_BYTES)
        flags, characters = _number(main, 0x0A, 2), _number(main, 0x4C)
        table = file.openstream("1Table" if flags & 0x200 else "0Table").read(STREAM_BYTES)
    starts, said = _pages_of_said(main, table[_number(main, 0x102) :][: _number(main, 0x106)])
    for place, text in _texts(main, table[_number(main, 0x1A2) :][: _number(main, 0x1A6)], characters):
        yield Paragraph(text, said[bisect_right(starts, place) - 1] if starts and place >= starts[0] else {})


def _number(data: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _texts(main: bytes, pieces: bytes, characters: int) -> Iterator[tuple[int, str]]:
    """The texts up to their marks, and where in the stream each mark lies."""
    start = 0
    while pieces[start : start + 1] == b"\x01":  # what is said of pieces as a whole
        start += 3 + _number(pieces, start + 1, 2)
    pieces = pieces[start + 5 :]
    count = (len(pieces) - 4) // 12
    begun, left = "", len(main)
    for number in range(count):
        start, end = struct.unpack_from("<2I", pieces, 4 * number)
        (code,) = struct.unpack_from("<I", pieces, 4 * (count + 1) + 8 * number + 2)
        size = 1 if code & 0x40000000 else 2
        first = (code & 0x3FFFFFFF) // 2 if size == 1 else code
        length = max(min(end, characters) - start, 0) * size
        if (left := left - length) < 0:
            raise IndexError("more text than the stream holds")
        text = main[first : first + length].decode("cp1252" if size == 1 else "utf-16-le", "replace")
        at = 0
        for mark in re.finditer("[\r\x07\x0c]", text):
            yield first + mark.start() * size, begun + text[at : mark.end()]
            begun, at = "", mark.end()
        begun += text[at:]


def _pages_of_said(main: bytes, places: bytes) -> tuple[list[int], list[Said]]:
    """Where in the stream paragraphs begin, in order, and what is said of each."""
    count = (len(places) - 4) // 8
    if count * _PAGE > len(main):
        raise IndexError("more pages than the stream holds")
    found: dict[int, Said] = {}
    for number in range(count):
        page = main[(_number(places, 4 * (count + 1) + 4 * number) & 0x3FFFFF) * _PAGE :][:_PAGE]
        for each in range(page[-1] if len(page) == _PAGE else 0):
            said = 2 * page[4 * (page[-1] + 1) + 13 * each]
            found[_number(page, 4 * each)] = _said(page, said) if said else {}
        if len(found) > PARAGRAPHS:
            raise IndexError("too many paragraphs")
    starts = sorted(found)
    return starts, [found[start] for start in starts]


def _said(page: bytes, at: int) -> Said:
    words = page[at]
    start, length = (at + 1, 2 * words - 1) if words else (at + 2, 2 * page[at + 1])
    data = page[start + 2 : start + length]  # behind the number of a style
    found: dict[int, bytes] = {}
    at = 0
    while at + 3 <= len(data):
        code = _number(data, at, 2)
        at += 2
        if code == TABLE_CELLS_SAID:
            size, at = _number(data, at, 2) - 1, at + 2
        else:
            size = _SIZES[code >> 13]
            if not size:
                size, at = data[at], at + 1
        if size < 0:
            break
        found[code] = data[at : at + size]
        at += size
    return found
