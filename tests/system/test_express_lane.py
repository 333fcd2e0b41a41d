"""A one-page file does not wait for the thousands of pages that keep every worker process busy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.installations import Installation, installation
from tests.made_files import pdf
from tests.polling import eventually

from docmill.db.control import Scope, Verb
from docmill.pipeline.control import Control

NOTE = b"# Note\n\nThe ferry does not sail in fog.\n"


@pytest.fixture
def here(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Installation]:
    """An installation whose worker has one process."""
    with installation(
        fresh_database, broker, tmp_path, worker_processes=1, run_on_bytes=100_000, turn_seconds=0.5
    ) as running:
        yield running


def stage_in_work(here: Installation, name: str) -> str | None:
    rows = here.rows(
        """SELECT t.stage FROM document_tasks t JOIN documents d ON d.id = t.document_id
        WHERE d.name = :name AND t.status = 'running'""",
        name=name,
    )
    return str(rows[0].stage) if rows else None


def test_it_is_published_while_an_engine_reads(here: Installation) -> None:
    here.start("worker")
    lines = "\n".join(f"Line {line} tells of the river." for line in range(30))
    large = here.accept("large.pdf", pdf(f"Page {number}\n{lines}" for number in range(2000)))
    eventually(lambda: stage_in_work(here, "large.pdf") == "extract", 30)
    note = here.accept("note.md", NOTE)
    assert here.wait_until_ended(note.task_id) == ["succeeded"]
    assert stage_in_work(here, "large.pdf") == "extract"

    control = Control(here.app.engine, here.app.dispatcher)
    control.say(Verb.PAUSE, Scope.DOCUMENT, "default", large.document_id)
    eventually(lambda: here.rows("SELECT FROM document_tasks WHERE status = 'paused'"))


def test_it_is_published_while_vectors_are_computed_and_the_large_one_loses_nothing(
    here: Installation,
) -> None:
    here.start("worker")
    text = "\n\n".join(f"Paragraph {n} tells of token{n} and of the river. " * 3 for n in range(5000))
    large = here.accept("large.txt", text.encode())
    eventually(lambda: stage_in_work(here, "large.txt") == "embed", 60)
    note = here.accept("note.md", NOTE)
    assert here.wait_until_ended(note.task_id, large.task_id) == ["succeeded"] * 2

    ended = here.rows("SELECT task_id FROM document_task_events WHERE kind = 'published' ORDER BY id")
    assert [event.task_id for event in ended] == [note.task_id, large.task_id]
    begun = here.rows(
        "SELECT stage FROM document_task_events WHERE kind = 'claimed' AND task_id = :id ORDER BY id",
        id=large.task_id,
    )
    assert [event.stage for event in begun] == ["extract", "chunk", "embed", "index"]
