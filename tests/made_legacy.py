"""Small files of the Office formats from before 2007, written byte by byte as `made_files` does."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping, Sequence

SECTOR = 512
LEAST = 4096  # shorter streams would be kept elsewhere, so every stream is filled up to this
_SAID_A_PAGE = 4
_END, _FREE, _TABLE, _NOBODY = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFF


def compound(streams: Mapping[str, bytes]) -> bytes:
    """An OLE compound file with up to 60 kB of streams; one called `a/b` lies in the storage `a`."""
    names = sorted({part for name in streams for part in _line(name)}, key=_place)
    numbers = {name: number for number, name in enumerate(names, start=1)}
    filled = {name: _filled(streams[name]) for name in names if name in streams}
    directory_sectors = -(-(len(names) + 1) // 4)
    chains, at = [_TABLE, *_chain(1, directory_sectors)], 1 + directory_sectors
    entries = [_entry("Root Entry", 5, child=1)]
    for name, following in zip(names, [*names[1:], ""], strict=True):
        data, inside = filled.get(name, b""), [inner for inner in names if _folder(inner) == name]
        entries.append(
            _entry(
                name.rpartition("/")[2],
                2 if data else 1,
                right=numbers[following] if following and _folder(following) == _folder(name) else _NOBODY,
                child=numbers[inside[0]] if inside else _NOBODY,
                start=at if data else 0,
                size=len(data),
            )
        )
        chains += _chain(at, len(data) // SECTOR) if data else []
        at += len(data) // SECTOR
    table = struct.pack("<128I", *chains, *[_FREE] * (128 - len(chains)))
    directory = b"".join(entries).ljust(directory_sectors * SECTOR, b"\0")
    return _header() + table + directory + b"".join(filled.values())


def _line(name: str) -> list[str]:
    """A stream and the storages that it lies in."""
    return [name, *(_line(_folder(name)) if _folder(name) else [])]


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _place(name: str) -> tuple[int, str, int, str]:
    """Names in one storage stand together, shorter ones first."""
    own = name.rpartition("/")[2]
    return name.count("/"), _folder(name), len(own), own.upper()


def _filled(data: bytes) -> bytes:
    return data.ljust(max(LEAST, -(-len(data) // SECTOR) * SECTOR), b"\0")


def _chain(start: int, length: int) -> list[int]:
    return [*range(start + 1, start + length), _END]


def _header() -> bytes:
    start = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6)
    rest = struct.pack("<6x3I", 0, 1, 1) + struct.pack("<6I", 0, LEAST, _END, 0, _END, 0)
    return start + rest + struct.pack("<109I", 0, *[_FREE] * 108)


def _entry(
    name: str, kind: int, *, right: int = _NOBODY, child: int = _NOBODY, start: int = 0, size: int = 0
) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    places = struct.pack("<HBB3I", len(encoded), kind, 1, _NOBODY, right, child)
    return encoded.ljust(64, b"\0") + places + bytes(36) + struct.pack("<IQ", start, size)


def outlook(fields: Mapping[str, str | bytes], files: Iterable[Mapping[str, str | bytes]] = ()) -> bytes:
    """An Outlook message: properties by their tags, such as 0037 for the subject, and attached files."""
    streams = {"__properties_version1.0": b"", **_properties("", fields)}
    for number, file in enumerate(files):
        streams |= _properties(f"__attach_version1.0_#{number:08X}/", file)
    return compound(streams)


def _properties(place: str, values: Mapping[str, str | bytes]) -> dict[str, bytes]:
    texts = {
        f"{tag}001F": value.encode("utf-16-le") for tag, value in values.items() if isinstance(value, str)
    }
    data = {f"{tag}0102": value for tag, value in values.items() if isinstance(value, bytes)}
    return {f"{place}__substg1.0_{name}": value for name, value in (texts | data).items()}


def doc(text: str, *, encrypted: bool = False, said: Sequence[bytes] = (), times: int = 1) -> bytes:
    """A Word 97 document of paragraphs that `\\r` ends, or `\\x07` in tables.

    `said` is what is said of each paragraph, in order; `encrypted` only says that it is. The document is
    the text `times` over, which its file holds once.
    """
    body, place = (text + "\r").encode("cp1252"), 2048
    pieces = struct.pack(f"<{times + 1}I", *(len(body) * number for number in range(times + 1)))
    pieces += struct.pack("<HIH", 0, 0x40000000 | place * 2, 0) * times
    clx = b"\x02" + struct.pack("<I", len(pieces)) + pieces
    ends = [place + mark.end() for mark in re.finditer(b"[\r\x07]", body)]
    starts, pages = [place, *ends], -(-(place + len(body)) // SECTOR)
    groups = [range(at, min(at + _SAID_A_PAGE, len(said))) for at in range(0, len(said), _SAID_A_PAGE)]
    told = b"".join(
        _said([starts[at] for at in (*each, each[-1] + 1)], [said[at] for at in each]) for each in groups
    )
    index = struct.pack(f"<{len(groups) + 1}I", *(starts[each[0]] for each in groups), starts[len(said)])
    index += struct.pack(f"<{len(groups)}I", *(pages + number for number in range(len(groups))))
    streams = {13: index if said else b"", 33: clx}
    fib = bytearray(struct.pack("<5HH", 0xA5EC, 0xC1, 0, 0x409, 0, 0x0200 | (0x0100 if encrypted else 0)))
    fib += bytes(32 - len(fib)) + struct.pack("<H", 14) + bytes(28) + struct.pack("<H", 22)
    fib += struct.pack("<22I", *[len(body) * times if at == 3 else 0 for at in range(22)]) + struct.pack(
        "<H", 93
    )
    for number in range(93):
        fib += struct.pack("<2I", len(streams[13]) if number > 13 else 0, len(streams.get(number, b"")))
    main = (bytes(fib).ljust(place, b"\0") + body).ljust(pages * SECTOR, b"\0") + told
    return compound({"WordDocument": main, "1Table": b"".join(streams.values())})


IN_TABLE = b"\x16\x24\x01"  # said of a paragraph in a cell


def end_of_row(edges: Sequence[int], kinds: Sequence[int], *, header: bool = False) -> bytes:
    """What is said of the mark that ends a row: where its cells end, in twips, and how each is merged."""
    cells = struct.pack(f"<B{len(edges) + 1}h", len(edges), 0, *edges)
    cells += b"".join(struct.pack("<H18x", kind) for kind in kinds)
    table = struct.pack("<HH", 0xD608, len(cells) + 1) + cells
    return IN_TABLE + b"\x17\x24\x01" + (b"\x04\x34\x01" if header else b"") + table


def _said(starts: Sequence[int], said: Sequence[bytes]) -> bytes:
    """A page of what is said of paragraphs, by where they begin in the stream."""
    page, places, end = bytearray(SECTOR), [], SECTOR - 1
    for each in said:
        words = -(-(len(each) + 2) // 2)
        end = (end - 2 - 2 * words) // 2 * 2
        page[end : end + 4 + len(each)] = struct.pack("<BBH", 0, words, 0) + each
        places.append(end // 2)
    head = struct.pack(f"<{len(starts)}I", *starts) + b"".join(bytes([place]) + bytes(12) for place in places)
    page[: len(head)], page[-1] = head, len(said)
    return bytes(page)


def xls(
    sheets: Mapping[str, Iterable[Iterable[str]]],
    *,
    encrypted: bool = False,
    merged: Iterable[tuple[int, int, int, int]] = (),
) -> bytes:
    """A workbook of Excel 97 with text cells; `encrypted` only says that it is.

    `merged` are the merged cells of each sheet: first and last row, first and last column.
    """
    places = [struct.pack("<4H", *place) for place in merged]
    end = _record(0xE5, struct.pack("<H", len(places)) + b"".join(places)) + _record(0x0A, b"")
    bodies = [_begin(0x10) + _cells(rows) + end for rows in sheets.values()]
    start = _begin(0x05) + (_record(0x2F, bytes(6)) if encrypted else b"")
    at = len(start) + sum(len(_sheet(name, 0)) for name in sheets) + 4
    listed = b""
    for name, body in zip(sheets, bodies, strict=True):
        listed += _sheet(name, at)
        at += len(body)
    return compound({"Workbook": start + listed + _record(0x0A, b"") + b"".join(bodies)})


def _begin(kind: int) -> bytes:
    return _record(0x809, struct.pack("<4H2I", 0x600, kind, 0, 0, 0, 0))


def _sheet(name: str, at: int) -> bytes:
    return _record(0x85, struct.pack("<IHBB", at, 0, len(name), 0) + name.encode("latin-1"))


def _cells(rows: Iterable[Iterable[str]]) -> bytes:
    return b"".join(
        _record(0x204, struct.pack("<4HB", row, column, 0, len(text), 0) + text.encode("latin-1"))
        for row, cells in enumerate(rows)
        for column, text in enumerate(cells)
        if text
    )


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<2H", kind, len(data)) + data


def ppt(slides: Iterable[tuple[str, str]], drawn: bytes = b"") -> bytes:
    """A presentation of PowerPoint 97 with (title, text) slides, each with the same shapes drawn on it."""
    shapes = _container(0x40C, _container(0xF002, _container(0xF003, drawn))) if drawn else b""
    shown = b"".join(_container(0x3EE, _text(0, title) + _text(1, text) + shapes) for title, text in slides)
    user = _atom(0xFF6, struct.pack("<3I2H2BH", 20, 0xE391C05F, 0, 0, 0x3F4, 3, 0, 0))
    return compound({"Current User": user, "PowerPoint Document": _container(0x3E8, b"") + shown})


def table_on_slide(cells: Iterable[tuple[tuple[int, int, int, int], str]]) -> bytes:
    """A group of shapes that says it is a table; a cell has its left, top, right, bottom and text."""
    says = struct.pack("<2HI", 2 << 4 | 3, 0xF122, 12) + struct.pack("<HIHI", 0x39F, 1, 0x3A0, 0)
    line = _container(0xF004, _atom(0xF00F, struct.pack("<4i", 0, 0, 0, 999)))
    shapes = b"".join(
        _container(0xF004, _atom(0xF00F, struct.pack("<4i", *place)) + _container(0xF00D, _text(4, text)))
        for place, text in cells
    )
    return _container(0xF003, _container(0xF004, says) + shapes + line)


def nested(shapes: bytes, depth: int) -> bytes:
    """The shapes in groups of groups."""
    for _ in range(depth):
        shapes = _container(0xF003, shapes)
    return shapes


def _text(kind: int, text: str) -> bytes:
    return _atom(0xF9F, struct.pack("<I", kind)) + _atom(0xFA0, text.encode("utf-16-le"))


def _atom(kind: int, data: bytes) -> bytes:
    return struct.pack("<2HI", 0, kind, len(data)) + data


def _container(kind: int, data: bytes) -> bytes:
    return struct.pack("<2HI", 0xF, kind, len(data)) + data
