"""The members of a TAR archive, packed or not, by the standard library: read once, from end to end."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from docmill.adapters.readers.budget import Budget, Spending, pieces
from docmill.adapters.readers.packed import unpacked
from docmill.adapters.readers.unpacking import DAMAGE, Found
from docmill.domain.documents import Unpacking
from docmill.domain.reading_errors import DamagedFile, UnsafeMember


def tar_members(path: Path, unpacking: Unpacking) -> Iterator[tuple[Found, int, int]]:
    """Each member, how many bytes of the archive are read, and how many there are.

    Raises DamagedFile, and ReaderTooLarge for a trap. What a member holds is read before the next one, or
    never.
    """
    budget = Budget(unpacking, path.stat().st_size)
    try:
        with path.open("rb") as file, unpacked(file) as source:
            counted = cast(BinaryIO, Spending(source, budget))  # nothing but `read` is asked of it
            archive = tarfile.open(fileobj=counted, mode="r|")  # noqa: SIM115 - it is not ours
            for member in archive:
                archive.members.clear()  # type: ignore[attr-defined]  # it would keep all of them
                if not member.isdir():
                    yield _found(archive, member), file.tell(), budget.packed_bytes
    except DAMAGE as error:
        raise DamagedFile("The archive is damaged or cut short. Pack it anew and send it again.") from error


def _found(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Found:
    refused = None if member.isfile() else UnsafeMember()
    return Found(member.name, member.size, partial(_pieces, archive, member), refused)


def _pieces(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    source = archive.extractfile(member)
    if source is not None:
        with source:
            yield from pieces(source)
