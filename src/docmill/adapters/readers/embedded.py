"""Files that somebody embedded into a PDF: they follow its pages."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from docmill.adapters.readers.budget import PIECE
from docmill.adapters.readers.unpacking import Found, Unpacker
from docmill.domain.documents import Part, ReadInfo, Unpacking
from docmill.domain.reading_errors import DamagedFile
from docmill.ports import Reader

_MARK = b"/EmbeddedFile"


class WithEmbeddedFiles:
    """Reads PDF by another reader, and hands out the files in it."""

    def __init__(self, reader: Reader, unpacking: Unpacking) -> None:
        self._reader = reader
        self._unpacking = unpacking
        self.name = reader.name

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """As the other reader; then a part for each file."""
        last: Part | None = None
        for item in self._reader.read(path, media_type):
            last = item if isinstance(item, Part) else None
            yield item
        if last is not None and _may_hold_files(path):
            taken = Unpacker(path, self._unpacking).take_all(_embedded(path))
            for attachment, _, _ in taken:
                yield Part((), last.done, last.total, attachments=(attachment,))


def _may_hold_files(path: Path) -> bool:
    """Whether it is worth opening the file once more: the mark stands in no packed part of a PDF."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(_MARK) >= 0


def _embedded(path: Path) -> Iterator[tuple[Found, int, int]]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError:
        return  # its pages were read by an engine that knows how to mend it
    try:
        count = document.count_attachments()
        for number in range(count):
            yield _found(document, number), number + 1, count
    finally:
        document.close()


def _found(document: Any, number: int) -> Found:
    """Its size is known when it is unpacked."""
    import pypdfium2

    try:
        name = document.get_attachment(number).get_name()
    except pypdfium2.PdfiumError:
        name = ""
    return Found(name or f"file {number + 1}", 0, partial(_pieces, document, number))


def _pieces(document: Any, number: int) -> Iterator[bytes]:
    import pypdfium2

    try:
        data = document.get_attachment(number).get_data()
    except pypdfium2.PdfiumError as error:
        raise DamagedFile from error
    view = memoryview(data)
    for start in range(0, len(view), PIECE):
        yield bytes(view[start : start + PIECE])
