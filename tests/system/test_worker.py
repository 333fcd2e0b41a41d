"""A real worker over real servers: documents go in, passages come out, and faults leave no trace."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import redis
from tests.installations import Installation, children_of, installation
from tests.pipelines import ALL_BUT_OCR
from tests.polling import eventually
from tests.serving import KEY

from docmill.local.addresses import choose_port
from docmill.local.readiness import api_answers
from docmill.ports import Filter
from docmill.services.maintenance import discard_versions
from docmill.worker.watch import DEAF

RULES = b"""# Ferry rules

The ferry does not sail when the river stands above 3.2 metres.

## Bicycles

Bicycles travel free.
"""


def long_text(paragraphs: int) -> bytes:
    """A text of numbered paragraphs, each with a word of its own."""
    return "\n\n".join(
        f"Paragraph {n} tells of token{n} and of the river. " * 3 for n in range(paragraphs)
    ).encode()


@pytest.fixture
def here(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(fresh_database, broker, tmp_path) as running:
        yield running


def test_a_document_is_published_and_found(here: Installation) -> None:
    here.start("worker")
    accepted = here.accept("rules.md", RULES)
    assert here.wait_until_ended(accepted.task_id) == ["succeeded"]

    found = here.app.search.search("how high may the river stand", where=Filter("default"))
    assert "3.2 metres" in found.hits[0].text
    assert found.hits[0].document_name == "rules.md"
    assert found.hits[0].section_path == ("Ferry rules",)


def test_each_part_can_be_run_by_its_own_command(fresh_database: str, broker: str, tmp_path: Path) -> None:
    port = choose_port(0, "DOCMILL_API_PORT")
    with installation(fresh_database, broker, tmp_path, api_key=KEY, api_port=port) as here:
        for part in ("worker", "beat", "api"):
            here.start(part, alone=True)
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: api_answers(url), seconds=30)
        sent = httpx.post(
            f"{url}/api/v1/documents", headers={"X-API-Key": KEY}, files={"file": ("rules.md", RULES)}
        ).json()
        assert here.wait_until_ended(UUID(sent["task_id"])) == ["succeeded"]
        eventually(lambda: "docmill.recover" in (tmp_path / "beat.log").read_text(), seconds=30)


def test_a_large_document_passes_through_every_queue(
    fresh_database: str, broker: str, tmp_path: Path
) -> None:
    with installation(fresh_database, broker, tmp_path, run_on_bytes=0) as here:
        here.start("worker")
        accepted = here.accept("long.txt", long_text(300))
        assert here.wait_until_ended(accepted.task_id) == ["succeeded"]
        claims = here.rows("SELECT stage FROM document_task_events WHERE kind = 'claimed' ORDER BY id")
        assert [row.stage for row in claims] == ALL_BUT_OCR


def test_a_file_that_cannot_be_read_fails_with_its_reason_and_others_go_on(here: Installation) -> None:
    here.start("worker")
    bad = here.accept("broken.pdf", b"%PDF-1.4\n" + b"nothing of a document " * 40)
    good = here.accept("rules.md", RULES)
    assert here.wait_until_ended(bad.task_id, good.task_id) == ["failed", "succeeded"]
    (row,) = here.rows("SELECT error FROM document_tasks WHERE id = :id", id=bad.task_id)
    assert row.error["code"] == "damaged_file"


def test_a_name_that_lies_is_said_so(here: Installation) -> None:
    here.start("worker")
    accepted = here.accept("rules.docx", (Path("samples") / "ferry" / "handbook.pdf").read_bytes())
    assert here.wait_until_ended(accepted.task_id) == ["succeeded"]
    (row,) = here.rows("SELECT notices FROM document_versions")
    assert [notice for notice in row.notices if ".docx" in notice]


def test_the_same_file_gives_the_same_chunks_and_vectors(here: Installation) -> None:
    here.start("worker")
    first = here.accept("long.txt", long_text(100))
    here.wait_until_ended(first.task_id)
    before = here.content(first.document_id)
    here.rows("DELETE FROM documents RETURNING id")
    here.rows("DELETE FROM vector_entries RETURNING chunk_id")

    again = here.accept("long.txt", long_text(100))
    here.wait_until_ended(again.task_id)
    assert again.document_id == first.document_id
    assert here.content(again.document_id) == before


def test_a_killed_worker_process_loses_nothing_and_doubles_nothing(here: Installation) -> None:
    undisturbed = here.accept("long.txt", long_text(400))
    worker = here.start("worker")
    here.wait_until_ended(undisturbed.task_id)
    expected = here.content(undisturbed.document_id)
    here.rows("DELETE FROM documents RETURNING id")
    here.rows("DELETE FROM vector_entries RETURNING chunk_id")

    accepted = here.accept("long.txt", long_text(400))
    eventually(lambda: here.rows("SELECT id FROM document_tasks WHERE status = 'running'"))
    for child in children_of(worker):
        child.kill()
    assert here.wait_until_ended(accepted.task_id) == ["succeeded"]
    assert here.content(accepted.document_id) == expected


def test_a_killed_process_is_noticed_at_once_and_not_at_the_next_sweep(
    fresh_database: str, broker: str, tmp_path: Path
) -> None:
    with installation(fresh_database, broker, tmp_path, sweep_seconds=3600, step_seconds=0.01) as here:
        worker = here.start("worker")
        accepted = here.accept("long.txt", long_text(2000))
        eventually(lambda: here.rows("SELECT id FROM document_tasks WHERE status = 'running'"))
        for child in children_of(worker):
            child.kill()
        eventually(lambda: is_published(here, accepted.task_id), 60)
        assert here.rows("SELECT id FROM document_task_events WHERE kind = 'owner_lost'")


def is_published(here: Installation, task_id: UUID) -> bool:
    """Starts the worker again, as its supervisor does: one that lost all its processes may hear nothing."""
    if here.processes[-1].poll() == DEAF:
        here.start("worker")
    [row] = here.rows("SELECT status FROM document_tasks WHERE id = :id", id=task_id)
    return bool(row.status == "succeeded")


def test_no_transaction_outlives_a_lease(fresh_database: str, broker: str, tmp_path: Path) -> None:
    with installation(fresh_database, broker, tmp_path, lease_seconds=5) as here:
        [limit] = here.rows("SHOW idle_in_transaction_session_timeout")
    assert limit.idle_in_transaction_session_timeout == "5s"


def test_a_broker_that_lost_everything_is_filled_again_from_the_rows(here: Installation, broker: str) -> None:
    accepted = [here.accept(f"{n}.md", RULES + f"\nNumber {n}.\n".encode()) for n in range(5)]
    with redis.Redis.from_url(broker) as client:
        client.flushdb()
    here.start("worker")
    assert set(here.wait_until_ended(*(each.task_id for each in accepted))) == {"succeeded"}


def test_a_worker_told_to_stop_gives_its_documents_back_unharmed(here: Installation) -> None:
    worker = here.start("worker")
    accepted = here.accept("long.txt", long_text(4000))
    eventually(lambda: here.rows("SELECT id FROM document_tasks WHERE status = 'running'"))
    worker.send_signal(signal.SIGTERM)
    worker.wait(10)
    (row,) = here.rows("SELECT status, crashes, owner FROM document_tasks")
    assert (row.status, row.crashes, row.owner) == ("queued", 0, None)

    here.start("worker")
    assert here.wait_until_ended(accepted.task_id) == ["succeeded"]


def test_beat_recovers_what_no_message_speaks_of(here: Installation, broker: str) -> None:
    here.start("beat")
    here.start("worker")
    accepted = here.accept("rules.md", RULES)
    here.wait_until_ended(accepted.task_id)
    eventually(lambda: here.rows("SELECT at FROM sweeps"))
    assert here.rows("SELECT id FROM workers")


def test_versions_nobody_sees_are_erased(here: Installation) -> None:
    here.start("worker")
    accepted = here.accept("rules.md", RULES)
    here.wait_until_ended(accepted.task_id)
    here.rows("UPDATE document_versions SET status = 'discarded' RETURNING id")
    assert discard_versions(here.app.engine, here.app.vectors) == 1
    assert here.rows("SELECT id FROM chunks") == []
    assert here.rows("SELECT chunk_id FROM vector_entries") == []
    assert discard_versions(here.app.engine, here.app.vectors) == 0


def test_accepting_the_same_bytes_twice_makes_one_document(here: Installation) -> None:
    first, second = here.accept("a.md", RULES), here.accept(f"{uuid4()}.md", RULES)
    assert (first.created, second.created) == (True, False)
    assert first.document_id == second.document_id
