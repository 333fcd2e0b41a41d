"""The reading child: what goes wrong in it stays in it, and the next document is read."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests import made_files as made
from tests.polling import eventually

from docmill.adapters.languages import detect_language
from docmill.adapters.readers.child_process import ChildProcess
from docmill.adapters.readers.sandbox import ReadingChild
from docmill.domain import media_types as types
from docmill.domain.documents import Part, ReadInfo
from docmill.domain.errors import StorageUnavailable
from docmill.domain.interruptions import WorkerStopping
from docmill.domain.limits import BATCH_PAGES
from docmill.domain.reading_errors import ReaderCrashed, ReaderTimeout, ReaderTooLarge
from docmill.domain.text import document_text
from docmill.ports import ReadRequest

MEGABYTE = 1024 * 1024


@pytest.fixture
def reading() -> Iterator[ReadingChild]:
    child = ReadingChild(timeout_seconds=30)
    yield child
    child.close()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file that is quickly read."""
    return _stored(tmp_path, "small.txt", b"Still reading.")


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file that takes a while and comes in many parts."""
    return _stored(tmp_path, "large.txt", b"A paragraph of some length.\n\n" * 200_000)


def test_the_child_is_kept_for_the_next_document(reading: ReadingChild, small: Path) -> None:
    assert reading_of(reading, small) == "Still reading."
    first = the_child()
    assert reading_of(reading, small) == "Still reading."
    assert the_child() == first


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Where children read."""
    return tmp_path / "disk"


@pytest.fixture
def reading_there(disk: Path) -> Iterator[ReadingChild]:
    child = ReadingChild(timeout_seconds=30, scratch_dir=disk)
    yield child
    child.close()


def test_a_storage_that_goes_away_while_a_file_is_read_is_no_fault_of_the_file(
    reading_there: ReadingChild, disk: Path, large: Path, small: Path
) -> None:
    """The folder that children read in lies on the disk of the storage, which may be mounted anew."""
    parts = reading_there.read(ReadRequest(large, types.TEXT))
    next(parts)
    away = disk.rename(disk.with_name("away"))
    the_child().kill()
    with pytest.raises(StorageUnavailable):
        list(parts)

    shutil.copytree(away, disk)  # the same paths, and other folders behind them
    assert reading_of(reading_there, small) == "Still reading."


def test_a_child_whose_folder_was_replaced_is_replaced_too(
    reading_there: ReadingChild, disk: Path, small: Path
) -> None:
    assert reading_of(reading_there, small) == "Still reading."
    first = the_child()
    shutil.copytree(disk.rename(disk.with_name("away")), disk)

    assert reading_of(reading_there, small) == "Still reading."  # its sandbox lets it into the old one only
    assert the_child() != first


def test_a_storage_that_is_away_while_a_child_starts_is_no_fault_of_a_file(disk: Path) -> None:
    """It would never be let into its folder, also when that has come back."""
    child = ChildProcess(512 * 1024**2, scratch_dir=disk)
    away = disk.rename(disk.with_name("away"))
    eventually(lambda: "Seccomp:\t2" in Path(f"/proc/{the_child().pid}/status").read_text())  # it is confined
    away.rename(disk)

    with pytest.raises(StorageUnavailable):
        child.wait(lambda: None)
    child.kill()


def test_a_storage_without_a_place_to_read_in_is_waited_for(tmp_path: Path, small: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable):
        reading_of(ReadingChild(scratch_dir=tmp_path / "file" / "reading"), small)


def test_nothing_starts_before_it_is_needed_and_nothing_stays(small: Path) -> None:
    reading = ReadingChild()
    assert children() == []
    reading_of(reading, small)
    reading.close()
    assert children() == []


def test_a_document_that_takes_for_ever_is_given_up(tmp_path: Path, small: Path) -> None:
    reading = ReadingChild(timeout_seconds=1.5)
    endless = tmp_path / "endless.txt"
    os.mkfifo(endless)  # opens when somebody writes, and nobody will
    with pytest.raises(ReaderTimeout):
        reading_of(reading, endless)
    assert_goes_on(reading, small)


def test_whoever_waits_for_a_long_document_can_be_called_away(tmp_path: Path, small: Path) -> None:
    """A worker that must stop does not wait for the first page of a large file."""
    called: list[bool] = []

    def call_away() -> None:
        if called:
            raise WorkerStopping

    reading = ReadingChild(timeout_seconds=60, interrupt=call_away)
    endless = tmp_path / "endless.txt"
    os.mkfifo(endless)
    called.append(True)
    with pytest.raises(WorkerStopping):
        reading_of(reading, endless)
    called.clear()
    assert_goes_on(reading, small)


def test_the_consumers_own_time_does_not_count(small: Path, large: Path) -> None:
    """A worker may take long over a part; only waiting for the child is limited."""
    reading = ReadingChild(timeout_seconds=3)
    items = reading.read(ReadRequest(large, types.TEXT))
    next(items)
    busy_until = time.monotonic() + 3.2
    eventually(lambda: time.monotonic() > busy_until)
    assert sum(1 for _ in items) > 100
    assert_goes_on(reading, small)


def test_a_document_that_needs_too_much_memory_is_given_up(tmp_path: Path, small: Path) -> None:
    reading = ReadingChild(memory_bytes=128 * MEGABYTE)
    unpacked = [b"<w:document>", *[b" " * MEGABYTE] * 300, b"</w:document>"]
    with pytest.raises(ReaderTooLarge):
        reading_of(reading, _stored(tmp_path, "a.docx", made.docx_of_xml(unpacked)), types.DOCX)
    assert_goes_on(reading, small)


def test_a_document_with_too_much_text_is_given_up(small: Path, large: Path) -> None:
    reading = ReadingChild(text_characters=1_000_000)
    with pytest.raises(ReaderTooLarge):
        reading_of(reading, large)
    assert_goes_on(reading, small)


def test_a_child_that_dies_while_reading_is_a_crash_of_this_document_only(
    reading: ReadingChild, small: Path, large: Path
) -> None:
    items = reading.read(ReadRequest(large, types.TEXT))
    next(items)
    the_child().send_signal(signal.SIGSEGV)
    with pytest.raises(ReaderCrashed, match="send it again"):
        list(items)
    assert_goes_on(reading, small)


def test_a_child_that_died_between_documents_is_not_noticed(reading: ReadingChild, small: Path) -> None:
    reading_of(reading, small)
    victim = the_child()
    victim.kill()
    eventually(lambda: victim.status() == psutil.STATUS_ZOMBIE)
    assert reading_of(reading, small) == "Still reading."


def test_leaving_a_document_early_leaves_nothing_of_it_behind(
    reading: ReadingChild, small: Path, large: Path
) -> None:
    for _ in range(3):
        items = reading.read(ReadRequest(large, types.TEXT))
        assert isinstance(next(items), ReadInfo)
        assert isinstance(next(items), Part)
        items.close()  # type: ignore[attr-defined]
        assert reading_of(reading, small) == "Still reading."


def test_the_child_is_renewed_after_its_share_of_documents(small: Path) -> None:
    reading = ReadingChild(recycle_documents=2)
    seen = []
    for _ in range(4):
        reading_of(reading, small)
        seen.append(the_child().pid)
    reading.close()
    assert seen[0] == seen[1] != seen[2] == seen[3]


def test_a_child_that_has_grown_is_renewed(tmp_path: Path, small: Path) -> None:
    """With an engine loaded the child holds more than half of the little memory it may have."""
    reading = ReadingChild(memory_bytes=100 * MEGABYTE)
    reading_of(reading, _stored(tmp_path, "a.docx", made.docx(made.paragraph("Words."))), types.DOCX)
    grown = the_child()
    reading_of(reading, small)
    fresh = the_child()
    reading.close()
    assert fresh != grown


def test_a_forked_process_reads_with_a_child_of_its_own(reading: ReadingChild, tmp_path: Path) -> None:
    """Engines hang in a fork of a process that used them; here only the child ever uses them."""
    document = _stored(tmp_path, "a.docx", made.docx(made.paragraph("Words.")))
    assert reading_of(reading, document, types.DOCX) == "Words."
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        same = reading_of(reading, document, types.DOCX) == "Words."
        reading.close()
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert reading_of(reading, document, types.DOCX) == "Words."


def test_pages_that_explode_or_never_end_are_left_out(tmp_path: Path, small: Path) -> None:
    """The others come in order, each once; the lost ones say why."""
    endless, resources, forms = made.endless_page()
    contents: list[bytes | made.Stream]
    contents = [made.page_of(f"Words of page {number}") for number in range(1, 31)]
    contents[4], contents[11] = made.exploding_page(), endless
    document = _stored(tmp_path, "a.pdf", made.pdf_of_pages(contents, resources, forms))
    reading = ReadingChild(timeout_seconds=30)
    items = list(reading.read(ReadRequest(document, types.PDF)))
    parts = [item for item in items if isinstance(item, Part)]
    assert [part.done for part in parts] == [20, 30]
    lost = {page.number: page.missing for part in parts for page in part.pages if page.missing}
    assert lost.keys() == {5, 12}
    assert {loss.code for loss in lost.values()} <= {"reader_limit", "reader_timeout"}
    read = [block.text for part in parts for block in part.blocks]
    assert read == [f"Words of page {number}" for number in range(1, 31) if number not in lost]
    assert isinstance(items[0], ReadInfo)
    assert "2 of 30 pages" in items[0].notices[0]
    assert_goes_on(reading, small)


def test_lost_pages_are_read_alone_when_asked_for(reading: ReadingChild, tmp_path: Path) -> None:
    document = _stored(tmp_path, "a.pdf", made.pdf(f"Words of page {number}" for number in range(1, 31)))
    parts = [
        p for p in reading.read(ReadRequest(document, types.PDF, only_pages=(7, 29))) if isinstance(p, Part)
    ]
    assert [(block.page, block.text) for part in parts for block in part.blocks] == [
        (7, "Words of page 7"),
        (29, "Words of page 29"),
    ]


def test_reading_goes_on_behind_a_batch(reading: ReadingChild, tmp_path: Path) -> None:
    """A document of thousands of pages is not read from its beginning again after a pause."""
    document = _stored(tmp_path, "a.pdf", made.pdf(f"Page {number}" for number in range(1, BATCH_PAGES + 50)))
    whole = [item for item in reading.read(ReadRequest(document, types.PDF)) if isinstance(item, Part)]
    (place,) = [at for at, part in enumerate(whole, start=1) if part.next_page]
    behind = BATCH_PAGES + 1
    assert whole[place - 1].next_page == behind
    request = ReadRequest(document, types.PDF, first_page=behind)
    assert [part for part in reading.read(request) if isinstance(part, Part)] == whole[place:]


def test_a_document_that_is_hopeless_as_a_whole_is_refused(tmp_path: Path, small: Path) -> None:
    document = _stored(tmp_path, "a.pdf", made.pdf_of_pages([made.exploding_page()]))
    reading = ReadingChild(timeout_seconds=30)
    with pytest.raises(ReaderTooLarge):
        reading_of(reading, document, types.PDF)
    assert_goes_on(reading, small)


def test_what_is_written_beyond_the_limit_ends_the_child(tmp_path: Path, small: Path) -> None:
    """Here the test writes into the folder; a reader that was taken over would."""
    endless = tmp_path / "endless.txt"
    os.mkfifo(endless)
    filling = [True]
    reading = ReadingChild(timeout_seconds=30, interrupt=lambda: fill_scratch(filling))
    with pytest.raises(ReaderTooLarge):
        reading_of(reading, endless)
    filling.clear()
    assert_goes_on(reading, small)


def test_nothing_stays_in_the_scratch_folder(tmp_path: Path, small: Path) -> None:
    scratch = tmp_path / "scratch"
    reading = ReadingChild(scratch_dir=scratch)
    reading_of(reading, small)
    assert [path for path in scratch.rglob("*") if path.is_file()] == []
    reading.close()
    assert list(scratch.iterdir()) == []


def fill_scratch(filling: list[bool]) -> None:
    if filling:
        with (Path(the_child().cwd()) / "written").open("wb") as file:
            file.truncate(300 * MEGABYTE)


def test_the_parent_never_loads_an_engine() -> None:
    code = (
        "import sys, docmill.adapters.readers.sandbox, docmill.adapters.readers.detect\n"
        "print([name for name in ('xberg', 'liteparse') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_child_dies_with_its_parent(tmp_path: Path, large: Path) -> None:
    code = (
        "import sys, time, psutil\nfrom pathlib import Path\n"
        "from docmill.adapters.readers.sandbox import ReadingChild\nfrom docmill.ports import ReadRequest\n"
        "items = ReadingChild().read(ReadRequest(Path(sys.argv[1]), 'text/plain'))\nnext(items)\n"
        "print(psutil.Process().children()[0].pid, flush=True)\ntime.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(large)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_the_child_knows_no_secret(
    monkeypatch: pytest.MonkeyPatch, reading: ReadingChild, small: Path
) -> None:
    monkeypatch.setenv("DOCMILL_DATABASE_URL", "postgresql://user:secret@127.0.0.1/x")
    reading_of(reading, small)
    assert not any(name.startswith("DOCMILL") for name in the_child().environ())


def test_reading_asks_nothing_of_the_network(reading: ReadingChild, tmp_path: Path) -> None:
    """A page and a document full of addresses of a server that would notice."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        page = f'<html><link rel=stylesheet href="{address}"><img src="{address}"><p>Words</p></html>'
        reading_of(reading, _stored(tmp_path, "a.html", page.encode()), types.HTML)
        links = (
            f'<w:p><w:r><w:t>Words {address}</w:t></w:r></w:p><w:altChunk r:id="rId9" xmlns:r="{address}"/>'
        )
        reading_of(reading, _stored(tmp_path, "a.docx", made.docx(links)), types.DOCX)
        with pytest.raises(TimeoutError):
            server.accept()


def test_no_text_stays_behind_in_a_cache(tmp_path: Path) -> None:
    document = _stored(tmp_path, "a.docx", made.docx(made.paragraph("Confidential words.")))
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom docmill.adapters.readers.registry import reader_for\n"
        "list(reader_for(sys.argv[2]).read(Path(sys.argv[1]), sys.argv[2]))\n"
        "os._exit(0)"  # a thread of the engine may abort an interpreter that ends in order
    )
    command = [sys.executable, "-c", code, str(document), types.DOCX]
    subprocess.run(command, env={"HOME": str(home), "PATH": os.environ["PATH"]}, cwd=home, check=True)
    assert list(home.rglob("*")) == []


def test_the_language_of_a_text_is_found() -> None:
    found = detect_language("Die Fähre fährt jeden Morgen um acht Uhr über den Fluss.")
    assert found is not None
    assert found[0] == "de"
    assert 0.9 < found[1] <= 1.0
    assert detect_language("42 – 17") is None


def reading_of(reading: ReadingChild, path: Path, media_type: str = types.TEXT) -> str:
    """The text of a document."""
    parts = [item for item in reading.read(ReadRequest(path, media_type)) if isinstance(item, Part)]
    return document_text(block for part in parts for block in part.blocks)


def assert_goes_on(reading: ReadingChild, small: Path) -> None:
    assert reading_of(reading, small) == "Still reading."
    reading.close()


def children() -> list[psutil.Process]:
    """The reading children of this process."""
    return [child for child in psutil.Process().children() if "readers.child" in " ".join(child.cmdline())]


def the_child() -> psutil.Process:
    (child,) = children()
    return child


def _stored(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path
