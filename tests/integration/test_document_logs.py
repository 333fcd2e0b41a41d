"""The log of a document: gathered beside the work, never in its way, and gone after its time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine, event, text
from structlog.testing import capture_logs
from tests.pipelines import execute, put_in_line, task_row
from tests.polling import eventually
from tests.serving import Served, problem

from docmill.domain.masking import MASK
from docmill.logs import bind_log
from docmill.services.document_logs import DocumentLog, forget_logs

logger = logging.getLogger("docmill.test")


@pytest.fixture
def kept(engine: Engine) -> Iterator[DocumentLog]:
    """The log of documents in this process, with room for three lines; nothing is written by itself."""
    handler = DocumentLog(engine, seconds=3600, most_lines=3)
    logger.addHandler(handler)
    logger.setLevel("INFO")
    yield handler
    logger.removeHandler(handler)


def lines(engine: Engine) -> list[Any]:
    with engine.begin() as connection:
        return list(connection.execute(text("SELECT * FROM document_logs ORDER BY at, id")))


def test_what_a_worker_logs_of_a_document_is_told_of_that_document(served: Served) -> None:
    served.here.start("worker")
    good = served.publish("rules.md", b"The ferry does not sail in fog.")
    bad = served.publish("broken.pdf", b"%PDF-1.4\n" + b"nothing of a document " * 40)

    def told(document: str, **query: str) -> list[dict[str, Any]]:
        answer = served.client.get(f"/api/v1/documents/{document}/logs", params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    published = eventually(lambda: [line for line in told(good) if line["event"] == "published"])
    assert [(line["level"], line["stage"]) for line in published] == [("info", "index")]
    (failed,) = eventually(lambda: told(bad, level="warning"))
    assert (failed["event"], failed["stage"]) == ("stage_failed", "extract")
    assert failed["data"]["code"] == "damaged_file"
    assert told(good, level="warning") == []

    served.here.rows("UPDATE documents SET tenant_id = 'other' RETURNING id")
    problem(served.client.get(f"/api/v1/documents/{good}/logs"), 404, "document_not_found")


def test_a_line_belongs_to_the_document_or_the_task_it_names(engine: Engine, kept: DocumentLog) -> None:
    task = put_in_line(engine)
    document = str(task_row(engine, task).document_id)
    logger.info("of nobody")
    logger.info({"event": "owner_lost", "task_id": str(task), "owner": "host/1/2"})
    with bind_log(document_id=document, stage="embed", api_key="x"):
        logger.info("half \ud800 a \0 character of redis://:pw@host/0")
    with bind_log(document_id=str(uuid4())):
        logger.warning("of a document that was deleted meanwhile")
    kept.flush()

    first, second = lines(engine)
    assert (str(first.document_id), first.event, first.data) == (
        document,
        "owner_lost",
        {"owner": "host/1/2"},
    )
    assert (second.level, second.stage, second.data) == ("info", "embed", {"api_key": MASK})
    assert second.event == f"half ? a \N{REPLACEMENT CHARACTER} character of redis://{MASK}@host/0"
    assert {first.tenant_id, second.tenant_id} == {"default"}


def test_while_the_database_is_away_lines_wait_and_those_too_many_are_counted(
    engine: Engine, kept: DocumentLog
) -> None:
    with bind_log(task_id=str(put_in_line(engine))):
        for number in range(5):
            logger.info("line %s", number)
    engine.dispose()

    def refuse(*_: object) -> None:
        raise psycopg.OperationalError("connection refused")

    event.listen(engine, "do_connect", refuse)
    with capture_logs() as said:
        kept.flush()
    assert [(line["event"], line["lines"]) for line in said] == [("document_log_lines_lost", 2)]

    event.remove(engine, "do_connect", refuse)
    kept.flush()
    assert [line.event for line in lines(engine)] == ["line 0", "line 1", "line 2"]


def test_a_warning_is_written_at_once(engine: Engine, kept: DocumentLog) -> None:
    with bind_log(task_id=str(put_in_line(engine))):
        logger.warning("something is odd")
    eventually(lambda: lines(engine))


def test_old_lines_are_forgotten_and_all_go_with_their_document(engine: Engine, kept: DocumentLog) -> None:
    task: UUID = put_in_line(engine)
    with bind_log(task_id=str(task)):
        logger.info("old")
        logger.info("new")
    kept.flush()
    execute(engine, "UPDATE document_logs SET at = now() - interval '31 days' WHERE event = 'old'")
    assert forget_logs(engine, 30) == 1
    assert [line.event for line in lines(engine)] == ["new"]
    execute(engine, "DELETE FROM documents")
    assert lines(engine) == []
