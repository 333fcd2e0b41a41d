"""What goes on, over HTTP: tasks and their history, who works on what, and how the queues stand."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.polling import eventually
from tests.serving import Served, problem

from docmill.services.access import hash_key

LONG = "\n\n".join(f"Entry {n}: the river stood at {n} centimetres." for n in range(20_000)).encode()
STRANGER = "dm_the-key-of-another-tenant"


def get(served: Served, path: str, **query: Any) -> Any:
    answer = served.client.get(f"/api/v1/admin{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(served: Served, **query: Any) -> list[str]:
    """The documents of the tasks that are listed."""
    return [task["document"] for task in get(served, "/tasks", **query)["items"]]


@pytest.fixture
def stranger(served: Served) -> dict[str, str]:
    """The headers of somebody else's key."""
    served.here.rows("INSERT INTO tenants (id, name) VALUES ('other', 'Other') RETURNING id")
    served.here.rows(
        """INSERT INTO api_keys (id, tenant_id, name, key_sha256)
        VALUES (:id, 'other', 'k', :hash) RETURNING id""",
        id=uuid4(),
        hash=hash_key(STRANGER),
    )
    return {"Authorization": f"Bearer {STRANGER}"}


def test_tasks_are_listed_by_what_they_are_and_page_by_page(served: Served) -> None:
    for name in ("a.md", "b.md", "c.md"):
        served.upload(name, name.encode(), dataset="logbook" if name == "b.md" else "default")
    b = served.client.get("/api/v1/documents", params={"name": "b.md"}).json()["items"][0]["id"]
    served.client.post(f"/api/v1/documents/{b}/pause")

    assert names(served) == ["c.md", "b.md", "a.md"]
    assert names(served, task_status="PAUSED") == names(served, dataset="logbook") == ["b.md"]
    assert names(served, document=b, stage="extract") == ["b.md"]
    assert names(served, worker="nobody") == names(served, older_than=3600) == []
    assert names(served, older_than=0, order="oldest") == ["a.md", "b.md", "c.md"]

    first = get(served, "/tasks", order="oldest", limit=2)
    rest = get(served, "/tasks", order="oldest", limit=2, cursor=first["next_cursor"])
    assert [task["document"] for task in first["items"] + rest["items"]] == ["a.md", "b.md", "c.md"]
    assert rest["next_cursor"] is None
    wrong_order = served.client.get("/api/v1/admin/tasks", params={"cursor": first["next_cursor"]})
    problem(wrong_order, 422, "invalid_cursor")


def test_the_history_of_a_task_outlives_its_document(served: Served) -> None:
    accepted = served.upload("a.md", b"a").json()
    document = f"/api/v1/documents/{accepted['document_id']}"
    for verb in ("pause", "resume"):
        served.client.post(f"{document}/{verb}")
    served.client.delete(document)

    history = f"/tasks/{accepted['task_id']}/history"
    first = get(served, history, limit=3)
    rest = get(served, history, cursor=first["next_cursor"])
    kinds = [event["kind"] for event in first["items"] + rest["items"]]
    assert kinds == ["accepted", "paused", "resumed", "deleted"]
    problem(served.client.get(f"/api/v1/admin/tasks/{uuid4()}/history"), 404, "task_not_found")
    problem(served.client.get("/api/v1/admin/tasks/none/history"), 404, "task_not_found")


def test_who_works_on_what_is_shown_and_of_strangers_only_that_they_do(
    served: Served, stranger: dict[str, str]
) -> None:
    task = served.upload("long.txt", LONG).json()["task_id"]
    waiting = {queue["name"]: queue for queue in get(served, "/queues")["items"]}["extract"]
    assert (waiting["messages"], waiting["runnable"], waiting["workers"]) == (1, 1, 0)
    assert waiting["oldest_since"] is not None

    worker = served.here.start("worker")

    def busy() -> list[tuple[Any, Any]]:
        return [
            (worker, process)
            for worker in get(served, "/workers")["items"]
            for process in worker["processes"]
            if process["busy"]
        ]

    ((shown, process),) = eventually(busy, 30)
    assert shown["alive"]
    assert shown["id"].endswith(f"/{worker.pid}")
    assert (process["document"], process["task_id"]) == ("long.txt", task)
    (held,) = get(served, "/tasks", worker=shown["id"])["items"]
    assert held["owner"].startswith(f"{shown['host']}/{process['pid']}/")

    def for_stranger(path: str) -> httpx.Response:
        return served.client.get(f"/api/v1/admin{path}", headers=stranger)

    seen = for_stranger("/workers")
    assert [process["busy"] for process in seen.json()["items"][0]["processes"]].count(True) == 1
    assert {"long.txt", task, process["document_id"]}.isdisjoint(seen.text.split('"'))
    assert for_stranger("/tasks").json()["items"] == []
    problem(for_stranger(f"/tasks/{task}/history"), 404, "task_not_found")


def test_a_queue_tells_its_rate_its_holds_and_the_workers_that_serve_it(served: Served) -> None:
    served.here.start("worker")
    served.publish("a.md", b"A ferry sails.")
    queues = {queue["name"]: queue for queue in get(served, "/queues")["items"]}
    assert list(queues) == ["extract", "ocr", "text", "embed", "index", "maintenance"]
    assert {queue["workers"] for queue in queues.values()} == {1}
    assert queues["embed"]["per_minute"] == 0.2  # one in five minutes

    served.here.rows("INSERT INTO stage_holds (stage) VALUES ('extract') RETURNING stage")
    served.here.rows(
        "UPDATE document_tasks SET status = 'queued', stage = 'extract', dispatched_at = now() RETURNING id"
    )
    extract = get(served, "/queues")["items"][0]
    assert (extract["held"], extract["runnable"]) == (1, 0)
