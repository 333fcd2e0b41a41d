"""Writes the files found inside a file into the scratch folder, and no more of them than is allowed.

The name that a file has in there is only ever shown: in the folder each has a number.
"""

from __future__ import annotations

import filecmp
import lzma
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from docmill.adapters.readers.budget import Budget
from docmill.adapters.readers.decoding import storable
from docmill.adapters.readers.detect import detect
from docmill.domain import media_types as types
from docmill.domain.documents import Attachment, Unpacking, Untaken
from docmill.domain.names import plain_name
from docmill.domain.reading_errors import (
    DamagedFile,
    EmptyFile,
    FileTooLarge,
    NestedInItself,
    ReaderTooLarge,
    Refused,
    TooDeep,
    TooMany,
    Unreadable,
    UnsupportedType,
)

REST = "…"
LOOK_AGAIN_SECONDS = 0.01
SHOWN_NAME_CHARACTERS = 500
UNSENT_SHARE = 4  # this part of the scratch folder may hold files that nobody was told of yet

# What the standard library raises for bytes that are not what the archive says of them.
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError, OSError)


@dataclass(frozen=True, slots=True)
class Found:
    """A file inside a file: the name and size it has there, its bytes, or why they are not wanted."""

    name: str
    size_bytes: int
    pieces: Callable[[], Iterator[bytes]]
    refused: Refused | Unreadable | None = None


@dataclass(slots=True)
class Unpacker:
    """Takes what is found in the file at `source`. `refusals` are for what was not taken, in order."""

    source: Path
    unpacking: Unpacking
    taken: int = 0
    refusals: list[Refused | Unreadable] = field(default_factory=list)
    lying: dict[Path, int] = field(default_factory=dict)
    budget: Budget = field(init=False)

    def __post_init__(self) -> None:
        self.budget = Budget(self.unpacking, self.source.stat().st_size)

    def take_all(self, files: Iterator[tuple[Found, int, int]]) -> Iterator[tuple[Attachment, int, int]]:
        """What became of each file, with how much is read of how much.

        The rest of a file that is full, or damaged behind what was taken, is told as one more.
        """
        done, total = 0, 1
        try:
            for found, done, total in files:
                if self.taken + len(self.refusals) >= self.unpacking.members:
                    raise TooMany
                yield self.take(found), done, total
        except (TooMany, DamagedFile) as error:
            if not self.taken:
                raise
            yield self.refuse(REST, error), total, total

    def take(self, found: Found) -> Attachment:
        """The file, lying in the scratch folder, or why it is not taken. Raises ReaderTooLarge."""
        try:
            path = self._taken(found)
        except ReaderTooLarge:
            raise
        except (Refused, Unreadable) as error:
            return self.refuse(shown(found.name), error, found.size_bytes)
        self.taken += 1
        return Attachment(shown(found.name), path.name, self.lying[path])

    def refuse(self, name: str, error: Refused | Unreadable, size: int = 0) -> Attachment:
        """What stands for a file that is not taken."""
        self.refusals.append(error)
        return Attachment(name, "", size, Untaken(error.code, error.message))

    def nothing_taken(self) -> Refused | Unreadable:
        """The error of a file of which nothing could be taken."""
        first, count = self.refusals[0], len(self.refusals)
        return (
            first if count == 1 else type(first)(f"None of the {count} files in it is read. {first.message}")
        )

    def _taken(self, found: Found) -> Path:
        self._check_place(found)
        self._wait_for_room(found.size_bytes)
        path = Path(self.unpacking.folder) / f"{self.taken + len(self.refusals):06}"
        try:
            size = self._write(found, path)
            self._check_kind(path, size, found.name)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self.lying[path] = size
        return path

    def _check_place(self, found: Found) -> None:
        if found.refused is not None:
            raise found.refused
        if self.unpacking.levels < 1:
            raise TooDeep
        self._check_size(found.size_bytes)

    def _check_size(self, size: int) -> None:
        scratch = self.unpacking.scratch_bytes
        if size > min(self.unpacking.member_bytes, scratch - scratch // UNSENT_SHARE):
            raise FileTooLarge

    def _wait_for_room(self, size: int) -> None:
        """What lies in the folder is taken away while we wait, so it never holds more than allowed."""
        while sum(self.lying.values()) + size > self.unpacking.scratch_bytes:
            self.lying = {path: bytes_ for path, bytes_ in self.lying.items() if path.exists()}
            time.sleep(LOOK_AGAIN_SECONDS)

    def _write(self, found: Found, path: Path) -> int:
        size = 0
        with path.open("xb", buffering=0) as target:
            for piece in _undamaged(found):
                size += len(piece)
                self._check_size(size)
                self.budget.spend(len(piece))
                target.write(piece)
        if not size:
            raise EmptyFile
        return size

    def _check_kind(self, path: Path, size: int, name: str) -> None:
        """Raises what the door would raise of it; an archive needs one more level for what it holds."""
        kind = detect(path, plain_name(name)).media_type
        if kind in types.ARCHIVES and self.unpacking.levels < 2:
            raise TooDeep
        if size == self.source.stat().st_size and filecmp.cmp(path, self.source, shallow=False):
            raise NestedInItself


def shown(name: str) -> str:
    """A name from inside a file, as it can be stored and shown."""
    visible = "".join(character if character.isprintable() else "_" for character in storable(name))
    return visible[:SHOWN_NAME_CHARACTERS].strip() or "file"


def _undamaged(found: Found) -> Iterator[bytes]:
    """The bytes of what was found; what goes wrong with them is damage of it alone."""
    try:
        yield from found.pieces()
    except NotImplementedError as error:
        raise UnsupportedType("This file is packed in a way that is not read. Pack it anew.") from error
    except DAMAGE as error:
        raise DamagedFile("This file is damaged where it is packed. Pack it anew.") from error
