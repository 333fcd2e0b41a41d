"""Files read as the product reads them, in its child process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from docmill.adapters.readers.detect import detect
from docmill.bootstrap import make_reading
from docmill.domain.documents import Part, RawBlock
from docmill.domain.errors import DocmillError
from docmill.ports import ReadRequest
from docmill.settings import load_settings


def read_all(files: Sequence[Path]) -> Iterator[list[RawBlock]]:
    """The blocks of each file, in order; none for one that is refused."""
    with closing(make_reading(load_settings())) as reading:
        for path in files:
            try:
                media_type = detect(path, path.name).media_type
                parts = [
                    item
                    for item in reading.read(ReadRequest(path, media_type, path.name))
                    if isinstance(item, Part)
                ]
            except DocmillError:
                parts = []
            yield [block for part in parts for block in part.blocks]
