"""What an OLE compound file holds: the Office formats from before 2007, Outlook messages, encrypted packages.

Only its directory and the heads of a few streams are read, with bounds on each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from docmill.domain import media_types as types
from docmill.domain.reading_errors import PasswordRequired

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_HEADER_TABLE = 109  # sectors of the allocation table that the header itself names
_SECTORS = 4_096  # of one chain: a directory of megabytes, or the head of a stream
_ENTRIES = 20_000
_END = 0xFFFFFFFA  # this number and those above it are no sector
_NOBODY = 0xFFFFFFFF
_PASSWORD_RECORD = 0x2F
_KINDS = (
    ("__properties_version1.0", types.MSG),
    ("WordDocument", types.DOC),
    ("PowerPoint Document", types.PPT),
    ("Workbook", types.XLS),
    ("Book", types.XLS),
)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream or storage at the top of a compound file."""

    name: str
    start: int
    size: int


class CompoundFile:
    """The top of an OLE compound file. Raises ValueError when its header or directory makes no sense."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        header = self._bytes(0, 512)
        shift = int.from_bytes(header[30:32], "little")
        if not header.startswith(MAGIC) or not 9 <= shift <= 12:
            raise ValueError("no compound file")
        self._sector_bytes = 1 << shift
        self._small_below = int.from_bytes(header[56:60], "little")
        self._table = [int.from_bytes(header[at : at + 4], "little") for at in range(76, 512, 4)]
        self._directory = b"".join(self._chain(int.from_bytes(header[48:52], "little"), _SECTORS))
        self.streams = {stream.name: stream for stream in self._top()}

    def head(self, name: str) -> bytes:
        """The first sector of a stream; nothing when there is none, or it is kept among the small ones."""
        stream = self.streams.get(name)
        if stream is None or stream.size < self._small_below:
            return b""
        return b"".join(self._chain(stream.start, 1))

    def _bytes(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        return self._file.read(size)

    def _sector(self, number: int) -> bytes:
        return self._bytes((number + 1) * self._sector_bytes, self._sector_bytes)

    def _chain(self, start: int, most: int) -> Iterator[bytes]:
        """The sectors of a chain, at most so many: a chain that leads back to itself ends too."""
        number = start
        for _ in range(most):
            if number >= _END:
                return
            yield self._sector(number)
            number = self._next(number)

    def _next(self, number: int) -> int:
        which, at = divmod(number, self._sector_bytes // 4)
        if which >= _HEADER_TABLE or self._table[which] >= _END:
            return _NOBODY
        place = (self._table[which] + 1) * self._sector_bytes + at * 4
        return int.from_bytes(self._bytes(place, 4).ljust(4, b"\xff"), "little")

    def _top(self) -> Iterator[Stream]:
        """What the root holds: its tree of siblings, without what stands inside other storages."""
        waiting, seen = [int.from_bytes(self._entry(0)[76:80], "little")], set[int]()
        while waiting and len(seen) < _ENTRIES:
            number = waiting.pop()
            entry = self._entry(number)
            if number in seen or len(entry) < 128:
                continue
            seen.add(number)
            waiting += [int.from_bytes(entry[at : at + 4], "little") for at in (68, 72)]
            length = max(0, min(int.from_bytes(entry[64:66], "little"), 64) - 2)
            start, size = (int.from_bytes(entry[at : at + 4], "little") for at in (116, 120))
            yield Stream(entry[:length].decode("utf-16-le", "replace"), start, size)

    def _entry(self, number: int) -> bytes:
        return self._directory[number * 128 : number * 128 + 128]


def compound_kind(path: Path) -> str | None:
    """The media type of what the compound file at `path` holds; None when it is not read.

    Raises PasswordRequired for an encrypted one, and ValueError when it makes no sense.
    """
    with path.open("rb") as file:
        compound = CompoundFile(file)
        if _is_encrypted(compound):
            raise PasswordRequired
        return next((kind for name, kind in _KINDS if name in compound.streams), None)


def _is_encrypted(compound: CompoundFile) -> bool:
    if not compound.streams.keys().isdisjoint(("EncryptedPackage", "EncryptedSummary")):
        return True
    word, sheet = compound.head("WordDocument"), compound.head("Workbook")
    return (len(word) > 11 and bool(word[11] & 1)) or _has_password_record(sheet)


def _has_password_record(workbook: bytes) -> bool:
    """Whether a FILEPASS record stands among the first ones of a workbook."""
    at = 0
    while at + 4 <= len(workbook):
        kind, size = (int.from_bytes(workbook[at + k : at + k + 2], "little") for k in (0, 2))
        if kind == _PASSWORD_RECORD:
            return True
        at += 4 + size
    return False
