"""Two who want the same document at the same moment take turns: nobody is thrown out, nothing runs twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from tests.pipelines import NotedDispatcher, execute, put_in_line, task_row
from tests.polling import eventually

from docmill.adapters.storage.directory import DirectoryStorage
from docmill.adapters.vectors.pgvector import PgVectorStore
from docmill.db import intake, tasks
from docmill.db.control import Scope, Verb
from docmill.domain.states import StageName
from docmill.pipeline.control import Control
from docmill.services.documents import Documents

SAVE = """INSERT INTO blocks (version_id, ordinal, tenant_id, kind, text, lead, char_start, char_end)
VALUES (:version, 0, 'default', 'paragraph', 'x', '', 0, 1)"""


def is_anybody_waiting(engine: Engine) -> bool:
    with engine.begin() as connection:
        waiting = connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()
    return bool(waiting)


def begin(engine: Engine, pool: ThreadPoolExecutor, call: Callable[[], object]) -> Future[object]:
    """A call in another thread, that has ended or come to where it waits for its turn."""
    future = pool.submit(call)
    eventually(lambda: future.done() or is_anybody_waiting(engine))
    return future


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_document_can_be_deleted_while_its_worker_saves_a_step(
    engine: Engine, pool: ThreadPoolExecutor, tmp_path: Path
) -> None:
    task = put_in_line(engine)
    document = task_row(engine, task).document_id
    documents = Documents(engine, DirectoryStorage(tmp_path), PgVectorStore(engine), NotedDispatcher())
    with engine.begin() as connection:
        claim = tasks.claim(connection, task, StageName.EXTRACT, "elsewhere:boot:1/77/5.00", 30)
    assert claim is not None

    with engine.begin() as connection:
        tasks.step(connection, claim, tasks.Made({"next": 1}, 1, 2, busy_seconds=0.1), lease_seconds=30)
        deleting = begin(engine, pool, lambda: documents.delete("default", document))
        connection.execute(text(SAVE), {"version": claim.version_id})

    deleting.result(10)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM documents")).scalar_one() == 0


def test_a_retry_does_not_bring_back_a_run_that_another_one_takes_the_place_of(
    engine: Engine, pool: ThreadPoolExecutor
) -> None:
    task = put_in_line(engine)
    execute(engine, "UPDATE document_tasks SET status = 'failed'")
    document = task_row(engine, task).document_id
    control = Control(engine, NotedDispatcher())

    with engine.begin() as connection:
        stored = intake.stored_document(connection, "default", document)
        run = intake.latest_run(connection, "default", document)
        assert stored is not None
        assert run is not None
        retrying = begin(engine, pool, lambda: control.say(Verb.RETRY, Scope.DOCUMENT, "default", document))
        intake.discard_building(connection, "default", document)
        settings = {"chunking": {"size": 200, "overlap": 0, "unit": "tokens"}}
        intake.insert_run(connection, stored, run.number + 1, settings, run_on=True, priority=5)

    assert retrying.result(10) == []
    assert task_row(engine, task).status == "failed"
