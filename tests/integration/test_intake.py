"""Intake: one transaction makes a document and its task, or nothing is left."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.installations import Installation, installation

from docmill.domain.errors import DatabaseUnavailable, StorageFull, StorageUnavailable
from docmill.domain.ids import dataset_id, document_id, task_id, version_id
from docmill.domain.reading_errors import EmptyFile, FileTooLarge, UnsupportedType
from docmill.services.intake import Accepted, Arrival, Intake, storage_key
from docmill.sources.upload import Upload, open_landing

NOTE = b"# Ferry\n\nThe first ferry leaves at six.\n"


@pytest.fixture
def here(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(fresh_database, broker, tmp_path, max_file_bytes=1_000, run_on_bytes=500) as running:
        yield running


def test_what_was_accepted_is_stored_and_in_line(here: Installation) -> None:
    accepted = here.accept("ferry.md", NOTE)

    sha256 = hashlib.sha256(NOTE).hexdigest()
    document = document_id(dataset_id("default", "default"), sha256)
    assert accepted == Accepted(document, task_id(version_id(document, 1)), created=True, priority=6)
    assert here.app.storage.local_path(storage_key(sha256)).read_bytes() == NOTE

    (task,) = here.rows("SELECT * FROM document_tasks")
    assert (task.status, task.desired, task.stage, task.run_on) == ("queued", "run", "extract", True)
    assert task.dispatched_at is not None
    (event,) = here.rows("SELECT kind, task_id FROM document_task_events")
    assert tuple(event) == ("accepted", accepted.task_id)
    assert here.app.dispatcher.waiting("extract") == 1


def test_a_large_file_does_not_run_on(here: Installation) -> None:
    here.accept("long.txt", b"A long note. " * 50)

    (task,) = here.rows("SELECT run_on FROM document_tasks")
    assert task.run_on is False


def test_a_broker_that_is_away_does_no_harm(fresh_database: str, tmp_path: Path) -> None:
    with installation(fresh_database, "redis://127.0.0.1:9/0", tmp_path) as here:
        assert here.accept("ferry.md", NOTE).created
        assert here.rows("SELECT count(*) AS n FROM document_tasks")[0].n == 1


def test_a_document_in_work_is_not_processed_twice(here: Installation) -> None:
    first = here.accept("ferry.md", NOTE)
    for status in ("queued", "running", "paused", "succeeded"):
        with here.app.engine.begin() as connection:
            connection.execute(text("UPDATE document_tasks SET status = :status"), {"status": status})
            connection.execute(
                text("UPDATE documents SET active_version_id = :version"),
                {"version": version_id(first.document_id, 1) if status == "succeeded" else None},
            )
        assert here.accept("ferry.md", NOTE) == replace(first, created=False)


def test_a_failed_document_comes_again_and_the_published_version_stays(here: Installation) -> None:
    first = here.accept("ferry.md", NOTE)
    published = version_id(first.document_id, 1)
    with here.app.engine.begin() as connection:
        connection.execute(text("UPDATE document_tasks SET status = 'failed'"))
        connection.execute(text("UPDATE document_versions SET status = 'published'"))
        connection.execute(text("UPDATE documents SET active_version_id = :version"), {"version": published})

    second = here.accept("ferry.md", NOTE)

    assert second == replace(first, task_id=task_id(version_id(first.document_id, 2)))
    versions = here.rows("SELECT number, status FROM document_versions ORDER BY number")
    assert [tuple(version) for version in versions] == [(1, "published"), (2, "building")]
    assert here.rows("SELECT active_version_id AS id FROM documents")[0].id == published


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("empty.md", b"", EmptyFile),
        ("long.md", b"x" * 1_001, FileTooLarge),
        ("program", bytes(range(256)), UnsupportedType),
    ],
)
def test_what_is_refused_leaves_no_row_and_no_file(
    here: Installation, name: str, content: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        here.accept(name, content)

    for table in ("datasets", "documents", "document_versions", "document_tasks", "document_task_events"):
        assert here.rows(f"SELECT count(*) AS n FROM {table}")[0].n == 0
    assert not (here.settings.storage_path / "originals").exists()


def test_an_empty_folder_where_a_disk_should_be_takes_no_file(here: Installation) -> None:
    first = here.accept("ferry.md", NOTE)
    storage = here.settings.storage_path
    storage.rename(storage.with_name("unplugged"))
    storage.mkdir()

    with pytest.raises(StorageUnavailable, match="Mount it"):
        here.accept("tide.md", b"# Tides")

    assert not (storage / "originals").exists()
    assert [row.id for row in here.rows("SELECT id FROM documents")] == [first.document_id]
    (storage / "originals").mkdir()  # what it held is given up
    assert here.accept("tide.md", b"# Tides").created


def test_without_a_database_the_error_is_typed(broker: str, tmp_path: Path) -> None:
    nowhere = "postgresql://docmill@127.0.0.1:9/docmill"
    with installation(nowhere, broker, tmp_path) as here, pytest.raises(DatabaseUnavailable):
        here.accept("ferry.md", NOTE)


# --- the upload that brings it -----------------------------------------------------------------------------


def test_an_upload_is_hashed_while_it_arrives(tmp_path: Path) -> None:
    upload = Upload(open_landing(tmp_path / "arriving"), max_bytes=100)
    for at in range(0, len(NOTE), 7):
        upload.write(NOTE[at : at + 7])

    arrival = upload.arrival("ferry.md", None, {"season": "summer"})

    assert arrival == Arrival(
        path=arrival.path,
        name="ferry.md",
        size_bytes=len(NOTE),
        sha256=hashlib.sha256(NOTE).hexdigest(),
        dataset="default",
        metadata={"season": "summer"},
    )
    assert arrival.path.read_bytes() == NOTE
    upload.discard()
    assert list((tmp_path / "arriving").iterdir()) == []


def test_an_upload_over_the_limit_stops_at_once(tmp_path: Path) -> None:
    upload = Upload(tmp_path, max_bytes=10)
    upload.write(b"x" * 10)

    with pytest.raises(FileTooLarge):
        upload.write(b"x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_by_name(tmp_path: Path) -> None:
    upload = Upload(tmp_path, max_bytes=10)
    upload.write(b"x")
    (landed,) = tmp_path.iterdir()
    landed.unlink()
    landed.symlink_to("/dev/full")

    with pytest.raises(StorageFull):
        upload.write(b"x")


def test_intake_is_made_of_plain_parts(here: Installation) -> None:
    intake = Intake(
        here.app.engine, here.app.storage, here.app.dispatcher, max_file_bytes=1_000, run_on_bytes=500
    )
    path = here.settings.home / "ferry.md"
    path.write_bytes(NOTE)

    arrival = Arrival(path, "ferry.md", len(NOTE), hashlib.sha256(NOTE).hexdigest(), dataset="notes")

    assert intake.accept("default", arrival).created
    assert not path.exists()
