"""Intake: one transaction makes a document and its task, or nothing is left."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError
from tests.installations import Installation, installation

from docmill.bootstrap import make_intake
from docmill.db.intake import is_file_free
from docmill.domain.errors import DatabaseUnavailable, StorageFull, StorageUnavailable
from docmill.domain.ids import dataset_id, document_id, task_id, version_id
from docmill.domain.reading_errors import EmptyFile, FileTooLarge, UnsupportedType
from docmill.services.intake import Accepted, Arrival, Arriving, Intake, storage_key
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


# --- several that arrive at the same time ------------------------------------------------------------------


def arriving(
    here: Installation, name: str, content: bytes, metadata: Mapping[str, str] | None = None
) -> Arriving:
    """An upload of which nothing is missing any more."""

    def arrived() -> tuple[str, Arrival]:
        return "default", upload.arrival(name, None, metadata or {})

    upload = Upload(open_landing(here.settings.home / "arriving"), max_bytes=10_000)
    upload.write(content)
    return arrived


def intake_of(here: Installation) -> Intake:
    """The intake of an installation that has its dataset and its folder of originals."""
    here.accept("first.md", b"# First")
    return make_intake(here.app)


def test_what_is_new_is_taken_in_together_as_it_would_be_alone(here: Installation) -> None:
    intake = intake_of(here)

    small, large = intake.accept_new(
        [arriving(here, "ferry.md", NOTE), arriving(here, "long.txt", b"A long note. " * 50)]
    )

    assert isinstance(small, Accepted)
    assert isinstance(large, Accepted)
    assert (small.created, small.priority, large.created, large.priority) == (True, 6, True, 5)
    assert here.app.storage.local_path(storage_key(hashlib.sha256(NOTE).hexdigest())).read_bytes() == NOTE
    tasks = here.rows(
        "SELECT id, run_on, priority, xmin::text AS made FROM document_tasks WHERE id = ANY(:ids)",
        ids=[small.task_id, large.task_id],
    )
    assert {(task.id, task.run_on, task.priority) for task in tasks} == {
        (small.task_id, True, 6),
        (large.task_id, False, 5),
    }
    assert len({task.made for task in tasks}) == 1  # one transaction
    (names,) = here.rows(
        "SELECT array_agg(name ORDER BY name) AS of FROM documents WHERE id = ANY(:ids)",
        ids=[small.document_id, large.document_id],
    )
    assert names.of == ["ferry.md", "long.txt"]
    assert here.app.dispatcher.waiting("extract") == 3


def test_what_is_refused_does_not_keep_the_others_out(here: Installation) -> None:
    def breaks() -> tuple[str, Arrival]:
        raise ZeroDivisionError

    refused, broken, taken = intake_of(here).accept_new(
        [arriving(here, "empty.md", b""), breaks, arriving(here, "ferry.md", NOTE)]
    )

    assert isinstance(refused, EmptyFile)
    assert isinstance(broken, ZeroDivisionError)
    assert isinstance(taken, Accepted)


def test_what_is_there_already_or_twice_is_left_to_be_taken_alone(here: Installation) -> None:
    intake = intake_of(here)
    known = here.accept("ferry.md", NOTE)
    twice = [arriving(here, f"tide {number}.md", b"# Tides") for number in (1, 2)]

    found = intake.accept_new([arriving(here, "again.md", NOTE), *twice])

    assert isinstance(found[1], Accepted)
    assert (found[0], found[2]) == (None, None)
    assert intake.accept(*twice[1]()) == replace(found[1], created=False)
    assert (
        here.rows("SELECT name FROM documents WHERE id = :id", id=found[1].document_id)[0].name == "tide 1.md"
    )
    assert intake.accept("default", arriving(here, "again.md", NOTE)()[1]) == replace(known, created=False)


def test_the_first_file_of_all_makes_its_dataset_and_so_is_taken_alone(here: Installation) -> None:
    intake, first = make_intake(here.app), arriving(here, "ferry.md", NOTE)

    assert intake.accept_new([first]) == [None]
    assert intake.accept(*first()).created


def test_one_that_the_database_refuses_leaves_the_others_to_be_taken_alone(here: Installation) -> None:
    intake = intake_of(here)
    # The door takes no such metadata: it stands for whatever a statement of several may stumble over.
    group = [arriving(here, "ferry.md", NOTE), arriving(here, "bad.md", b"# Bad", {"a": "\x00"})]

    assert intake.accept_new(group) == [None, None]

    assert intake.accept(*group[0]()).created
    with pytest.raises(DataError):
        intake.accept(*group[1]())


def test_a_file_that_is_just_removed_keeps_no_other_waiting(here: Installation) -> None:
    intake = intake_of(here)
    group = [arriving(here, "ferry.md", NOTE), arriving(here, "tide.md", b"# Tides")]
    key = storage_key(hashlib.sha256(NOTE).hexdigest())

    with here.app.engine.begin() as removing:
        assert is_file_free(removing, key)
        locked, taken = intake.accept_new(group)

    assert locked is None
    assert isinstance(taken, Accepted)
    assert intake.accept(*group[0]()).created


def test_a_document_that_somebody_just_makes_keeps_no_other_waiting_for_long(here: Installation) -> None:
    intake = intake_of(here)
    group = [arriving(here, "ferry.md", NOTE), arriving(here, "tide.md", b"# Tides")]
    known = here.accept("ferry.md", NOTE)

    with here.app.engine.begin() as deleting:
        deleting.execute(text("DELETE FROM documents WHERE id = :id"), {"id": known.document_id})
        assert intake.accept_new(group) == [None, None]

    assert intake.accept(*group[1]()).created


def test_a_group_that_the_storage_does_not_take_leaves_no_row(here: Installation) -> None:
    intake = intake_of(here)
    group = [arriving(here, "ferry.md", NOTE), arriving(here, "tide.md", b"# Tides")]
    folder = storage_key(hashlib.sha256(b"# Tides").hexdigest())[: len("originals/00")]
    (here.settings.storage_path / folder).write_bytes(b"where a folder should be")

    with pytest.raises(StorageUnavailable):
        intake.accept_new(group)

    assert [row.name for row in here.rows("SELECT name FROM documents")] == ["first.md"]
    (here.settings.storage_path / folder).unlink()
    again = intake.accept_new([arriving(here, "ferry.md", NOTE), arriving(here, "tide.md", b"# Tides")])
    assert [isinstance(one, Accepted) for one in again] == [True, True]


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
