"""Files packed by gzip, bzip2 or xz: what they are, and what is in them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from pathlib import Path
from typing import Any, BinaryIO, cast

BLOCK_BYTES = 512  # of a tar archive
XZ_MEMORY_BYTES = 128 * 1024**2  # twice what the best compression needs
_PACKED_PIECE = 64 * 1024
_GZIP, _BZIP2, _XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"


def is_packed(head: bytes) -> bool:
    """Whether a file that begins so was packed by one of these programs."""
    return head.startswith((_GZIP, _BZIP2, _XZ))


def unpacked(file: BinaryIO) -> BinaryIO:
    """What is in this file; the file itself when it is not packed."""
    head = file.read(len(_XZ))
    file.seek(0)
    if head.startswith(_GZIP):
        return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb"))
    if head.startswith(_BZIP2):
        return cast(BinaryIO, bz2.BZ2File(file))
    return cast(BinaryIO, io.BufferedReader(_Xz(file))) if head.startswith(_XZ) else file


class _Xz(io.RawIOBase):
    """What was packed by xz, unpacked with a limit of memory: the file itself says how much it wants."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unpacker = _xz_unpacker()

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes; 0 at the end. Raises LZMAError, EOFError."""
        while True:
            if self._unpacker.eof and not self._next_stream():
                return 0
            packed = self._file.read(_PACKED_PIECE) if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not packed:
                raise EOFError("the end is missing")
            data = self._unpacker.decompress(packed, max_length=len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)

    def _next_stream(self) -> bool:
        """Several packed files, one behind the other, are one; there may be zeros between them."""
        rest = (self._unpacker.unused_data or self._file.read(_PACKED_PIECE)).lstrip(b"\0")
        if not rest:
            return False
        self._unpacker = _xz_unpacker()
        self._file.seek(-len(rest), io.SEEK_CUR)
        return True


def _xz_unpacker() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)


def is_tar(path: Path) -> bool:
    """Whether a tar archive is in this file, packed or not. Raises what unpacking raises."""
    with path.open("rb") as file, unpacked(file) as source:
        return is_tar_header(source.read(BLOCK_BYTES))


def is_tar_header(block: bytes) -> bool:
    """Whether a tar archive begins like this: its first block holds a sum of itself."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
