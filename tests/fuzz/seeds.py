"""Small files of every format, written by the tests of readers, to be damaged."""

from __future__ import annotations

from collections.abc import Iterator

from tests.contract import test_merged_cells, test_pictures_in_files, test_readers


def made_files() -> Iterator[tuple[str, bytes]]:
    """Names and bytes: one file of each format at least, with tables and pictures where it has them."""
    yield from test_readers.SMALL_FILES.items()
    yield from ((name, content) for name, (content, *_) in test_merged_cells.FILES.items())
    for name, with_picture in test_pictures_in_files.KINDS.items():
        yield name, with_picture("A gauge", test_pictures_in_files.GAUGE)
