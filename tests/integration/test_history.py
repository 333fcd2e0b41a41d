"""What happened to a document: complete, in order, in pages, its tenant's own, and there after the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from tests.pipelines import counting_stages, events, make_runner, put_in_line, task_row
from tests.servers import Databases
from tests.serving import Served, problem, serving

from docmill.db import owners, tasks
from docmill.db.control import Scope, Verb, move
from docmill.domain.events import sentence
from docmill.domain.states import EventKind, StageName
from docmill.services.access import hash_key

TEXT = b"# Tides\n\nThe ferry waits for the tide.\n"


@pytest.fixture(scope="module")
def api(databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An API without a worker."""
    with databases.fresh() as url, serving(url, broker_url, tmp_path_factory.mktemp("history")) as served:
        yield served


def history(api: Served, document: str, **query: str | int) -> list[str]:
    answer = api.client.get(f"/api/v1/documents/{document}/history", params=query)
    assert answer.status_code == 200, answer.text
    return [event["kind"] for event in answer.json()["items"]]


def test_it_tells_every_change_oldest_first_and_outlives_the_document(api: Served) -> None:
    document = api.upload("tides.md", TEXT).json()["document_id"]
    for verb in ("pause", "resume", "cancel", "retry"):
        api.client.post(f"/api/v1/documents/{document}/{verb}")
    assert history(api, document) == ["accepted", "paused", "resumed", "cancelled", "accepted"]

    api.client.delete(f"/api/v1/documents/{document}")
    assert history(api, document)[-2:] == ["accepted", "deleted"]

    api.upload("tides.md", TEXT)
    assert history(api, document)[-2:] == ["deleted", "accepted"]


def test_it_comes_in_pages(api: Served) -> None:
    document = api.upload("pages.md", TEXT + b"pages").json()["document_id"]
    for verb in ("pause", "resume") * 2:
        api.client.post(f"/api/v1/documents/{document}/{verb}")

    address, seen, query = f"/api/v1/documents/{document}/history", [], {"limit": "2"}
    while query.get("cursor", "first"):
        page = api.client.get(address, params=query).json()
        seen += page["items"]
        query["cursor"] = page["next_cursor"]

    assert [event["kind"] for event in seen] == history(api, document)
    assert len({event["id"] for event in seen}) == 5
    assert seen[0]["message"] == "Taken in; it waits in line."


def test_nobody_reads_the_history_of_another_tenant(api: Served) -> None:
    document = api.upload("secret.md", TEXT + b"secret").json()["document_id"]
    api.here.rows("INSERT INTO tenants (id, name) VALUES ('other', 'Other') RETURNING id")
    api.here.rows(
        """INSERT INTO api_keys (id, tenant_id, name, key_sha256)
        VALUES (gen_random_uuid(), 'other', 'key', :hash) RETURNING id""",
        hash=hash_key("dm_other"),
    )
    other = api.client.get(
        f"/api/v1/documents/{document}/history", headers={"Authorization": "Bearer dm_other"}
    )
    problem(other, 404, "document_not_found")


def test_a_worker_that_stops_says_that_it_let_go(engine: Engine) -> None:
    task = put_in_line(engine)
    make_runner(engine, counting_stages(), is_stopping=lambda: True).run(task, StageName.EXTRACT)

    assert events(engine, task) == ["claimed", "let_go"]


def test_a_pause_that_waits_for_a_worker_is_told_also_when_that_worker_dies(engine: Engine) -> None:
    task = put_in_line(engine)
    with engine.begin() as connection:
        assert tasks.claim(connection, task, StageName.EXTRACT, "a-worker", 30.0)
        move(connection, Verb.PAUSE, Scope.DATASET, "default", task_row(engine, task).dataset_id)
        (lost,) = owners.running(connection)
        owners.free(connection, lost, died=True, crash_limit=2, error={})

    assert events(engine, task) == ["claimed", "pause_requested", "owner_lost", "paused"]


@pytest.mark.parametrize("kind", [*EventKind, "of_a_newer_docmill"])
def test_every_kind_is_said_in_a_sentence(kind: str) -> None:
    assert sentence(kind, "embed", {"message": "The reason."}).endswith(".")
