"""Archives: their members become documents of their own, and the archive's text is the list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from docmill.adapters.readers.nested_zips import look_through
from docmill.adapters.readers.packed_member import packed_member
from docmill.adapters.readers.tar_members import tar_members
from docmill.adapters.readers.unpacking import UNSENT_SHARE, Found, Unpacker
from docmill.adapters.readers.zip_members import zip_members
from docmill.domain import media_types as types
from docmill.domain.documents import Attachment, BlockKind, Part, RawBlock, ReadInfo, Table, Unpacking
from docmill.domain.reading_errors import NoText

PART_MEMBERS = 50
HEADER = ("file", "bytes", "what became of it")

Members = Callable[[Path, Unpacking], Iterator[tuple[Found, int, int]]]

_MEMBERS: dict[str, Members] = {
    types.ZIP: zip_members,
    types.TAR: tar_members,
    **dict.fromkeys(types.PACKED, packed_member),
}


class ArchiveReader:
    """Reads archives within the limits of `unpacking`."""

    name = "archive-1"

    def __init__(self, unpacking: Unpacking) -> None:
        self._unpacking = unpacking

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the members with their list. Raises DamagedFile, ReaderTooLarge, and NoText for
        an archive without files; the error of its members where none of them could be taken."""
        unpacker = Unpacker(path, self._unpacking)
        yield ReadInfo(media_type, self.name, notices=self._notices(path, media_type))
        members = _MEMBERS[media_type](path, self._unpacking)
        yield from _parts(unpacker.take_all(members), self._unpacking)
        if not unpacker.taken:
            raise unpacker.nothing_taken() if unpacker.refusals else NoText("The archive holds no files.")

    def _notices(self, path: Path, media_type: str) -> tuple[str, ...]:
        """What lies too deep is told here as well as where it lies, where few would look."""
        if media_type != types.ZIP or not look_through(path, self._unpacking):
            return ()
        return (f"Archives that lie in {self._unpacking.levels} others or more are not read.",)


def _parts(taken: Iterator[tuple[Attachment, int, int]], unpacking: Unpacking) -> Iterator[Part]:
    """A part is sent before the next member has to wait for room."""
    pending: list[Attachment] = []
    is_first, at, of = True, 0, 0
    for attachment, done, total in taken:
        pending.append(attachment)
        at, of = done, total
        size = sum(item.size_bytes for item in pending if item.path)
        if len(pending) >= PART_MEMBERS or size > unpacking.scratch_bytes // UNSENT_SHARE:
            yield _part(pending, done, total, is_first)
            pending, is_first = [], False
    if pending:
        yield _part(pending, at, of, is_first)


def _part(attachments: list[Attachment], done: int, total: int, is_first: bool) -> Part:
    return Part((listing(attachments, is_first),), done, total, attachments=tuple(attachments))


def listing(attachments: list[Attachment], is_first: bool = True) -> RawBlock:
    """What was found, as a table; only the first one of a document has the header in its text."""
    rows = tuple((item.name, f"{item.size_bytes:,}", _fate(item)) for item in attachments)
    shown = (HEADER, *rows) if is_first else rows
    lines = "\n".join(" | ".join(row) for row in shown)
    return RawBlock(BlockKind.TABLE, lines, table=Table((HEADER, *rows)), lead="" if is_first else "\n")


def _fate(attachment: Attachment) -> str:
    if attachment.untaken is None:
        return "a document of its own"
    return f"not taken: {attachment.untaken.code.replace('_', ' ')}"
