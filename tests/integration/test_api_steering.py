"""Steering over HTTP: flags follow at once, repeating is fine, what cannot be is refused with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.polling import eventually
from tests.servers import Databases
from tests.serving import Served, problem, serving

TEXT = b"# Rules\n\nThe ferry does not sail in fog.\n"


@pytest.fixture(scope="module")
def api(databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An API without a worker: what is taken in waits, so that each state can be looked at."""
    with databases.fresh() as url, serving(url, broker_url, tmp_path_factory.mktemp("steering")) as served:
        yield served


def upload(api: Served, name: str, dataset: str = "default") -> str:
    sent = api.client.post(
        "/api/v1/documents", files={"file": (name, TEXT + name.encode())}, data={"dataset": dataset}
    )
    assert sent.status_code == 202
    return str(sent.json()["document_id"])


def test_pause_and_resume_answer_with_the_new_flags(api: Served) -> None:
    document = upload(api, "pause.md")
    for _ in range(2):
        paused = api.client.post(f"/api/v1/documents/{document}/pause")
        assert paused.status_code == 200
        shown = paused.json()
        assert (shown["task_status"], shown["settled"]) == ("PAUSED", True)
        assert (shown["can_pause"], shown["can_resume"]) == (False, True)
    for _ in range(2):
        resumed = api.client.post(f"/api/v1/documents/{document}/resume").json()
        assert (resumed["task_status"], resumed["can_pause"]) == ("PENDING", True)


def test_a_cancelled_document_can_be_started_again(api: Served) -> None:
    document = upload(api, "cancel.md")
    first = api.client.get(f"/api/v1/documents/{document}").json()
    for _ in range(2):
        assert api.client.post(f"/api/v1/documents/{document}/cancel").json()["task_status"] == "CANCELLED"
    problem(api.client.post(f"/api/v1/documents/{document}/pause"), 409, "wrong_state")

    assert api.client.post(f"/api/v1/documents/{document}/retry").json()["task_status"] == "PENDING"
    again = api.client.get(f"/api/v1/documents/{document}").json()
    assert again["id"] == first["id"]


def test_a_document_in_work_is_not_processed_a_second_time_beside(api: Served) -> None:
    document = upload(api, "busy.md")
    problem(api.client.post(f"/api/v1/documents/{document}/reprocess"), 409, "wrong_state")


def test_all_documents_of_a_dataset_are_steered_together(api: Served) -> None:
    for number in range(3):
        upload(api, f"{number}.md", dataset="batch")
    assert api.client.post("/api/v1/datasets/batch/pause").json() == {"moved": 3}
    assert api.client.post("/api/v1/datasets/batch/pause").json() == {"moved": 0}
    assert api.client.post("/api/v1/datasets/batch/resume").json() == {"moved": 3}
    assert api.client.post("/api/v1/datasets/batch/cancel").json() == {"moved": 3}
    assert api.client.post("/api/v1/datasets/batch/retry").json() == {"moved": 3}
    assert api.client.post("/api/v1/datasets/batch/retry").json() == {"moved": 0}


def test_what_is_not_there_cannot_be_steered(api: Served) -> None:
    problem(
        api.client.post("/api/v1/documents/00000000-0000-5000-8000-000000000000/pause"),
        404,
        "document_not_found",
    )
    problem(api.client.post("/api/v1/datasets/nowhere/pause"), 404, "dataset_not_found")


def test_an_unknown_verb_is_refused(api: Served) -> None:
    problem(api.client.post(f"/api/v1/documents/{upload(api, 'verb.md')}/explode"), 404, "not_found")


def test_a_document_is_processed_again_while_its_readers_keep_what_they_have(
    databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with databases.fresh() as url, serving(url, broker_url, tmp_path_factory.mktemp("again")) as api:
        api.here.start("worker")
        document = api.publish("again.md", TEXT)
        before = api.client.get(f"/api/v1/documents/{document}/chunks").json()

        sent = api.client.post(f"/api/v1/documents/{document}/reprocess")
        assert sent.status_code == 202
        assert api.client.get(f"/api/v1/documents/{document}/status").json()["ready"] is True

        status = f"/api/v1/documents/{document}/status"
        eventually(lambda: api.client.get(status).json()["task_status"] == "SUCCESS", 30)
        after = api.client.get(f"/api/v1/documents/{document}/chunks").json()
        assert after["version_id"] != before["version_id"]
        assert [chunk["text"] for chunk in after["items"]] == [chunk["text"] for chunk in before["items"]]
