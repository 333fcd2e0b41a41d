"""A page that cannot be read does not keep the others from readers, and a retry reads just that page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from tests import made_files as made
from tests.pages import put_pages
from tests.servers import Databases
from tests.serving import Served, problem, serving

from docmill.db.versions import published
from docmill.domain.documents import Page, PageLoss, TextSource

LOSS = PageLoss("reader_timeout", "Reading this page took longer than allowed.")
WORDS = [f"Passengers of cabin {n} sit on deck {n} until the ferry leaves." for n in range(1, 7)]


@pytest.fixture(scope="module")
def api(databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with databases.fresh() as url, serving(url, broker_url, tmp_path_factory.mktemp("missing")) as api:
        api.here.start("worker")
        yield api


def get(api: Served, document: str, what: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = api.client.get(f"/api/v1/documents/{document}{what}").json()
    return answer


def retry(api: Served, document: str) -> None:
    answer = api.client.post(f"/api/v1/documents/{document}/retry")
    assert answer.status_code == 200, answer.text
    api.here.wait_until_ended(UUID(answer.json()["task_id"]))


def test_the_other_pages_are_published_and_the_lost_one_says_why(api: Served) -> None:
    contents: list[bytes | made.Stream] = [made.page_of(words) for words in WORDS]
    contents[1] = made.exploding_page()
    document = api.publish("bomb.pdf", made.pdf_of_pages(contents))

    status = get(api, document, "/status")
    assert (status["task_status"], status["can_retry"]) == ("SUCCESS", True)
    assert status["message"].endswith("Without 1 page that could not be read.")
    (lost,) = get(api, document)["missing_pages"]
    assert lost["page"] == 2
    assert lost["code"] in {"reader_limit", "reader_timeout"}
    assert api.client.get(f"/api/v1/documents/{document}/text").text.split("\n\n") == [WORDS[0], *WORDS[2:]]

    retry(api, document)

    again = get(api, document)
    assert (again["task_status"], again["version"]) == ("SUCCESS", 2)
    assert [page["page"] for page in again["missing_pages"]] == [2]


def test_a_retry_reads_the_missing_pages_alone(api: Served) -> None:
    """The others are not read: here their text differs from what the file holds, and stays."""
    document = api.publish("handbook.pdf", made.pdf(WORDS))
    with api.here.app.engine.begin() as connection:
        version = published(connection, "default", UUID(document)).version
        for statement in (
            "UPDATE blocks SET text = 'Taken over' WHERE page = 1 AND version_id = :id",
            "DELETE FROM blocks WHERE page = 4 AND version_id = :id",
        ):
            connection.execute(text(statement), {"id": version.version_id})
    put_pages(api.here, UUID(document), [Page(4, 612, 792, source=TextSource.NONE, missing=LOSS)])
    assert get(api, document, "/status")["can_retry"]

    retry(api, document)

    assert get(api, document)["missing_pages"] == []
    read = api.client.get(f"/api/v1/documents/{document}/text").text.split("\n\n")
    assert read == ["Taken over", *WORDS[1:]]
    problem(api.client.post(f"/api/v1/documents/{document}/retry"), 409, "wrong_state")


def test_a_retry_of_a_dataset_reads_the_missing_pages_of_all_its_documents(api: Served) -> None:
    lost = Page(2, 612, 792, source=TextSource.NONE, missing=LOSS)
    documents = {api.publish(f"{n}.pdf", made.pdf(WORDS[n:]), dataset="cabins") for n in range(3)}
    whole = documents.pop()
    for document in documents:
        put_pages(api.here, UUID(document), [lost])
    listed = {"dataset": "cabins", "missing_pages": "true"}

    found = api.client.get("/api/v1/documents", params=listed).json()["items"]
    assert {item["id"] for item in found} == documents
    assert api.client.post("/api/v1/datasets/cabins/retry").json() == {"moved": 2}

    for item in found:
        api.here.wait_until_ended(UUID(get(api, item["id"], "/status")["task_id"]))
        assert (get(api, item["id"])["missing_pages"], get(api, item["id"])["version"]) == ([], 2)
    assert api.client.get("/api/v1/documents", params=listed).json()["items"] == []
    assert api.client.get("/api/v1/documents", params={**listed, "missing_pages": "false"}).json()["items"]
    assert get(api, whole)["version"] == 1
    assert api.client.post("/api/v1/datasets/cabins/retry").json() == {"moved": 0}
