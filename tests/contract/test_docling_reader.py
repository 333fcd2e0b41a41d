"""docling as a reader: the same promises as every other one, where `docmill[docling]` is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract import test_merged_cells as merged
from tests.contract import test_readers as promises
from tests.contract.test_merged_cells import table_in
from tests.contract.test_readers import SMALL_FILES, Desk, Read

from docmill.adapters.readers import docling_engine
from docmill.adapters.readers.detect import detect
from docmill.adapters.readers.sandbox import ReadingChild
from docmill.domain.documents import Part, ReaderChoice, ReadInfo
from docmill.domain.reading_errors import DamagedFile, ReaderMissing
from docmill.ports import ReadRequest

FILES = ["a.docx", "a.pptx", "a.xlsx", "a.html", "a.md", "a.csv", "a.adoc"]

SLIDES = Path(__file__).parents[2] / "samples" / "ferry" / "season-review.pptx"

installed = pytest.mark.skipif(not docling_engine.is_installed(), reason="docmill[docling] is not installed")
missing = pytest.mark.skipif(docling_engine.is_installed(), reason="docmill[docling] is installed")


@pytest.fixture(scope="module")
def child() -> Iterator[ReadingChild]:
    """One reading child for all tests of this file."""
    reading = ReadingChild(timeout_seconds=120)
    yield reading
    reading.close()


class DoclingDesk(Desk):
    """Has files read by docling. Its slides need layouts, so they are the sample's."""

    def read(self, name: str, content: bytes | str) -> Read:
        return super().read(name, SLIDES.read_bytes() if name == "a.pptx" else content)

    def read_file(self, path: Path, name: str | None = None) -> Read:
        media_type = detect(path, name or path.name).media_type
        info, *parts = self._child.read(ReadRequest(path, media_type, choice=ReaderChoice.DOCLING))
        assert isinstance(info, ReadInfo)
        return Read(info, [part for part in parts if isinstance(part, Part)])


@pytest.fixture
def desk(child: ReadingChild, tmp_path: Path) -> DoclingDesk:
    return DoclingDesk(child, tmp_path)


@installed
@pytest.mark.parametrize("name", FILES)
def test_docling_keeps_the_promises_of_a_reader(desk: DoclingDesk, name: str) -> None:
    promises.test_info_comes_first_and_parts_count_up_to_the_total(desk, name)
    promises.test_the_same_file_is_read_the_same_way_every_time(desk, name)
    promises.test_blocks_are_well_formed(desk, name)
    assert desk.read(name, SMALL_FILES[name]).info.reader.startswith("docling")


@installed
@pytest.mark.parametrize(("name", "header_rows"), [("a.html", 2), ("a.docx", 1), ("a.xlsx", 1)])
def test_docling_tells_merged_cells(desk: DoclingDesk, name: str, header_rows: int) -> None:
    table = table_in(desk, name, merged.FILES[name][0])
    assert (table.rows, table.spans) == (merged.ROWS, merged.SPANS)
    assert table.header_rows == header_rows


@installed
def test_what_docling_cannot_open_is_damaged(desk: DoclingDesk) -> None:
    content = SMALL_FILES["a.docx"].replace(b"word/document.xml", b"word/dokument.xml")
    with pytest.raises(DamagedFile):
        desk.read("a.docx", content)


@missing
def test_where_docling_is_missing_the_error_says_what_to_install(desk: DoclingDesk) -> None:
    with pytest.raises(ReaderMissing, match=r"docmill\[docling\]"):
        desk.read("a.docx", SMALL_FILES["a.docx"])


def test_what_docling_does_not_read_is_read_as_always(desk: DoclingDesk) -> None:
    assert desk.read("a.txt", "Words.").text == "Words."
