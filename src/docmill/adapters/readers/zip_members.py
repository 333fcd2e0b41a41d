"""The members of a ZIP archive, by the standard library."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from docmill.adapters.readers.budget import Budget, pieces
from docmill.adapters.readers.unpacking import DAMAGE, Found
from docmill.domain.documents import Unpacking
from docmill.domain.reading_errors import (
    DamagedFile,
    PasswordRequired,
    ReaderTooLarge,
    Refused,
    Unreadable,
    UnsafeMember,
)

_ENCRYPTED, _NAME_IS_UTF8 = 0x1, 0x800


def zip_members(path: Path, unpacking: Unpacking) -> Iterator[tuple[Found, int, int]]:
    """Each member, its number, and how many there are. Raises DamagedFile, and ReaderTooLarge for a trap."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check(members, Budget(unpacking, path.stat().st_size))
            for number, member in enumerate(members, 1):
                yield _found(archive, member), number, len(members)
    except DAMAGE as error:
        raise DamagedFile("The archive is damaged or cut short. Pack it anew and send it again.") from error


def _check(members: Sequence[zipfile.ZipInfo], budget: Budget) -> None:
    """Believe an archive that calls itself a trap, before anything is unpacked.

    A member that is too large is left out by itself, unless it was packed as tightly as only a trap is.
    """
    small = [member for member in members if member.file_size <= budget.unpacking.member_bytes]
    budget.check(sum(member.file_size for member in small), budget.packed_bytes)
    for member in members:
        budget.check_ratio(member.file_size, member.compress_size)
    if sum(member.compress_size for member in members) > budget.packed_bytes:
        raise ReaderTooLarge("The members of this archive lie in one another, as in a trap. Pack it anew.")


def _found(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Found:
    return Found(_name(member), member.file_size, partial(_pieces, archive, member), _refused(member))


def _pieces(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as source:
        yield from pieces(source)


def _refused(member: zipfile.ZipInfo) -> Refused | Unreadable | None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return UnsafeMember()
    return PasswordRequired() if member.flag_bits & _ENCRYPTED else None


def _name(member: zipfile.ZipInfo) -> str:
    """Many programs write names in UTF-8 without saying so."""
    if member.flag_bits & _NAME_IS_UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename
