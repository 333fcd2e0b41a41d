"""Looks through the ZIP archives inside a ZIP archive before anything is unpacked.

A trap is often wrapped in harmless archives, and so is a file that lies too deep: both are told at the top,
where people look.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from docmill.adapters.readers.budget import Budget
from docmill.adapters.readers.unpacking import DAMAGE
from docmill.domain.documents import Unpacking

LOOKED_INTO_BYTES = 32 * 1024**2  # a larger one is looked into when its turn comes
_MAGIC = b"PK\x03\x04"
_ENCRYPTED = 0x1


@dataclass(slots=True)
class _Look:
    """What is known of the archives seen so far; the same one is looked into once."""

    budget: Budget
    seen: set[tuple[int, int]] = field(default_factory=set)
    too_deep: bool = False

    def through(self, file: Path | BinaryIO, levels: int) -> None:
        """Count what an archive holds; its members may lie `levels` deep. Raises ReaderTooLarge."""
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist()[: self.budget.unpacking.members]:
                if member.file_size <= self.budget.unpacking.member_bytes:
                    self.budget.spend(member.file_size)
                self._into(archive, member, levels)

    def _into(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, levels: int) -> None:
        known = (member.CRC, member.file_size)
        if member.flag_bits & _ENCRYPTED or member.file_size > LOOKED_INTO_BYTES or known in self.seen:
            return
        try:
            inner = _archive_in(archive, member)
            if inner is None:
                return
            self.seen.add(known)
            self.too_deep = self.too_deep or levels < 2
            if levels > 1:
                self.through(inner, levels - 1)
        except (*DAMAGE, RuntimeError):
            return  # it is told of this member when it is read


def _archive_in(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO | None:
    with archive.open(member) as file:
        head = file.read(len(_MAGIC))
        return io.BytesIO(head + file.read()) if head == _MAGIC and not _is_package(member) else None


def _is_package(member: zipfile.ZipInfo) -> bool:
    """Office documents and books are archives too, and nothing is unpacked of them."""
    return not member.filename.lower().endswith(".zip")


def look_through(path: Path, unpacking: Unpacking) -> bool:
    """Whether archives in this one lie too deep to be read. Raises ReaderTooLarge when it holds a trap."""
    look = _Look(Budget(unpacking, path.stat().st_size))
    try:
        look.through(path, unpacking.levels)
    except DAMAGE:
        return False
    return look.too_deep
