"""The reading child: `python -m docmill.adapters.readers.child`. Reads documents at its parent's request."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from docmill.adapters.readers import wire
from docmill.adapters.readers.bounds import bounded
from docmill.adapters.readers.child_main import main
from docmill.adapters.readers.pdf_pages import Selection, page_count
from docmill.adapters.readers.registry import reader_for
from docmill.domain.documents import ReaderChoice, ReadInfo, Unpacking
from docmill.domain.errors import DocmillError
from docmill.domain.reading_errors import ReaderTooLarge


def _read(request: wire.Message) -> Iterator[wire.Message]:
    media_type = str(request["media_type"])
    selection = Selection.of_row(request["selection"])
    choice = ReaderChoice(str(request["choice"]))
    unpacking = Unpacking(folder=os.getcwd(), **request["unpacking"])
    reader = reader_for(media_type, int(request["attempt"]), selection, choice, unpacking)
    for item in reader.read(Path(str(request["path"])), media_type):
        if isinstance(item, ReadInfo):
            yield wire.info_message(item)
            continue
        for part in bounded(item):
            yield wire.part_message(part)


def _try(request: wire.Message) -> Iterator[wire.Message]:
    """Read pieces of a document for nothing but to see whether this process lives through each of them."""
    path, media_type = Path(str(request["path"])), str(request["media_type"])
    yield {"pages": page_count(path)}
    for pages in request["pieces"]:
        try:
            for _ in reader_for(media_type, 0, Selection(only=tuple(pages))).read(path, media_type):
                pass
        except ReaderTooLarge:
            raise
        except DocmillError:
            yield {"tried": False}
        else:
            yield {"tried": True}


def _answer(request: wire.Message) -> Iterator[wire.Message]:
    return _try(request) if "pieces" in request else _read(request)


if __name__ == "__main__":
    sys.exit(main(_answer))
