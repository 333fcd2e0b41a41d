"""Priorities: what is urgent goes first, in the line, in the broker and in the hands of a worker."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from tests.pipelines import NotedDispatcher, execute, put_in_line
from tests.serving import Served, problem

from docmill.db import line
from docmill.domain.states import StageName
from docmill.pipeline.recovery import Recovery

LARGE = b"# Ledger\n\n" + b"The ferry carried nine passengers and a bicycle.\n" * 30_000


def priority_of(served: Served, task: str) -> int:
    (row,) = served.here.rows("SELECT priority FROM document_tasks WHERE id = :id", id=UUID(task))
    return int(row.priority)


def upload(served: Served, name: str, content: bytes, **fields: str) -> str:
    sent = served.upload(name, content + name.encode(), **fields)
    assert sent.status_code == 202, sent.text
    return str(sent.json()["task_id"])


def test_a_document_has_its_datasets_priority_and_a_small_one_goes_before_a_large_one(served: Served) -> None:
    assert priority_of(served, upload(served, "large.md", LARGE)) == 5
    assert priority_of(served, upload(served, "small.md", b"Short.")) == 6

    served.client.post("/api/v1/datasets", json={"name": "urgent", "priority": 9})
    assert priority_of(served, upload(served, "large.md", LARGE, dataset="urgent")) == 9
    assert priority_of(served, upload(served, "small.md", b"Short.", dataset="urgent")) == 9

    changed = served.client.patch("/api/v1/datasets/urgent", json={"priority": 2}).json()
    assert (changed["priority"], changed["chunking"]["size"]) == (2, 254)
    assert priority_of(served, upload(served, "later.md", LARGE, dataset="urgent")) == 2


def test_a_document_may_be_given_a_priority_of_its_own(served: Served) -> None:
    assert priority_of(served, upload(served, "archive.md", b"Old.", priority="0")) == 0
    problem(served.upload("bad.md", b"Bad.", priority="ten"), 422, "invalid_request")


def test_a_waiting_document_is_moved_and_its_history_says_so(served: Served) -> None:
    sent = served.upload("rules.md", b"No fog.").json()
    document, task = sent["document_id"], sent["task_id"]
    for _ in range(2):
        moved = served.client.patch(f"/api/v1/documents/{document}", json={"priority": 8})
        assert (moved.status_code, moved.json()["priority"]) == (200, 8)
    assert priority_of(served, task) == 8
    told = served.here.rows("SELECT data FROM document_task_events WHERE kind = 'priority_changed'")
    assert [row.data for row in told] == [{"priority": 8}]
    problem(
        served.client.patch(f"/api/v1/documents/{document}", json={"priority": 10}), 422, "invalid_request"
    )


def test_a_document_processed_again_keeps_the_priority_it_was_given(served: Served) -> None:
    sent = served.upload("rules.md", b"No fog.", priority="3").json()
    served.client.post(f"/api/v1/documents/{sent['document_id']}/cancel")
    again = served.upload("rules.md", b"No fog.").json()
    assert again["task_id"] != sent["task_id"]
    assert priority_of(served, again["task_id"]) == 3


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_recovery_sends_the_most_urgent_first(engine: Engine, missing: int) -> None:
    tasks = {priority: put_in_line(engine) for priority in (2, 9, 5)}
    for priority, task in tasks.items():
        execute(
            engine,
            "UPDATE document_tasks SET dispatched_at = NULL, priority = :p WHERE id = :id",
            p=priority,
            id=task,
        )
    dispatcher = NotedDispatcher(backlog=3 - missing)
    Recovery(engine, dispatcher, crash_limit=2).sweep()
    urgent_first = sorted(tasks, reverse=True)[:missing]
    assert dispatcher.sent == [(StageName.EXTRACT, tasks[priority], priority) for priority in urgent_first]


def test_no_plan_of_the_database_announces_more_than_are_asked_for(engine: Engine) -> None:
    """Where it joined the line with what it took of it row by row, it took once more for each row."""
    for _ in range(9):
        put_in_line(engine)
    execute(engine, "UPDATE document_tasks SET dispatched_at = NULL")
    with engine.begin() as connection:
        for way in ("hashjoin", "hashagg", "material", "sort"):
            connection.execute(text(f"SET LOCAL enable_{way} = off"))
        assert len(line.take_runnable(connection, [StageName.EXTRACT], 2)) == 2
