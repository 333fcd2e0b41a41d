"""The live stream: complete, in order, each event once, over reconnects, restarts and slow readers."""

from __future__ import annotations

import contextlib
import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Connection, text
from tests.pipelines import execute
from tests.polling import eventually
from tests.servers import IN_A_HURRY, Databases, temporary_home
from tests.serving import Served, problem, serving
from tests.streams import listening

from docmill.db.migrate import upgrade
from docmill.local.servers import start_postgres
from docmill.services.access import hash_key

TELL = text(
    """INSERT INTO document_task_events (tenant_id, dataset_id, document_id, task_id, kind, data)
    VALUES (:tenant, :dataset, gen_random_uuid(), gen_random_uuid(), :kind, CAST(:data AS jsonb))"""
)
TELL_MANY = """INSERT INTO document_task_events (tenant_id, document_id, task_id, kind, data)
SELECT 'default', gen_random_uuid(), gen_random_uuid(), 'claimed',
  jsonb_build_object('number', n, 'long', repeat('x', 2000)) FROM generate_series(1, :count) AS n"""


@pytest.fixture(scope="module")
def api(databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An API without a worker."""
    with databases.fresh() as url, serving(url, broker_url, tmp_path_factory.mktemp("live")) as served:
        yield served


def tell(connection: Connection, kind: str, tenant: str = "default", **data: object) -> None:
    """An event, as part of whatever this transaction does."""
    values = {"kind": kind, "tenant": tenant, "dataset": uuid4(), "data": json.dumps(data)}
    connection.execute(TELL, values)


@contextlib.contextmanager
def another_tenant(api: Served) -> Iterator[httpx.Client]:
    """A client of a tenant of its own."""
    name = f"tenant-{uuid4().hex[:8]}"
    execute(api.here.app.engine, "INSERT INTO tenants (id, name) VALUES (:id, :id)", id=name)
    execute(
        api.here.app.engine,
        """INSERT INTO api_keys (id, tenant_id, name, key_sha256)
        VALUES (gen_random_uuid(), :id, 'key', :hash)""",
        id=name,
        hash=hash_key(name),
    )
    with httpx.Client(base_url=api.url, headers={"Authorization": f"Bearer {name}"}) as client:
        yield client


def test_every_listener_is_told_what_happens_as_the_history_tells_it(api: Served) -> None:
    with listening(api.client) as one, listening(api.client) as two:
        document = api.upload("one.md", b"# One\n").json()["document_id"]
        api.client.post(f"/api/v1/documents/{document}/pause")

        told = [one.next(), one.next()]
        assert [event["kind"] for event in told] == two.kinds(2) == ["accepted", "paused"]

    written = api.client.get(f"/api/v1/documents/{document}/history").json()["items"]
    assert told == [{"type": "event", **event} for event in written]


def test_a_listener_may_choose(api: Served) -> None:
    kept = api.upload("kept.md", b"# Kept\n", dataset="chosen").json()["document_id"]
    with (
        listening(api.client, dataset="chosen", kinds=["resumed", "cancelled"]) as by_kind,
        listening(api.client, document=kept, kinds=["paused", "cancelled"]) as by_document,
    ):
        other = api.upload("other.md", b"# Other\n").json()["document_id"]
        for document in (other, kept):
            for verb in ("pause", "resume", "cancel"):
                api.client.post(f"/api/v1/documents/{document}/{verb}")

        assert by_kind.kinds(2) == ["resumed", "cancelled"]
        assert by_document.kinds(2) == ["paused", "cancelled"]


def test_who_comes_back_with_his_last_id_is_told_what_he_missed(api: Served) -> None:
    with listening(api.client) as stream:
        document = api.upload("missed.md", b"# Missed\n").json()["document_id"]
        stream.next()
    for verb in ("pause", "resume"):
        api.client.post(f"/api/v1/documents/{document}/{verb}")

    with listening(api.client, stream.last_id) as stream:
        assert stream.kinds(2) == ["paused", "resumed"]
        api.client.post(f"/api/v1/documents/{document}/cancel")
        assert stream.kinds(1) == ["cancelled"]


def test_an_event_that_is_committed_late_is_not_missed_though_its_id_is_lower(api: Served) -> None:
    engine = api.here.app.engine
    with listening(api.client) as stream, engine.connect() as slow:
        tell(slow, "from_the_slow")  # takes the lower id
        with engine.begin() as quick:
            tell(quick, "from_the_quick")
        slow.commit()

        assert stream.kinds(2) == ["from_the_slow", "from_the_quick"]


def test_with_many_writers_and_a_reader_who_keeps_losing_the_line_each_event_comes_once(api: Served) -> None:
    """Transactions overlap at random, and the reader leaves after a few events and comes back."""
    chance = random.Random(8)
    engine = api.here.app.engine

    def write(writer: int, holds: list[float]) -> None:
        for number, hold in enumerate(holds):
            with engine.begin() as connection:
                tell(connection, "let_go", writer=writer, number=number)
                connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": hold})

    with listening(api.client) as stream:
        last_id = stream.last_id
    writers = [
        threading.Thread(target=write, args=(name, [chance.random() / 20 for _ in range(30)]))
        for name in range(3)
    ]
    for writer in writers:
        writer.start()
    seen: list[tuple[int, int]] = []
    while len(seen) < 90:
        with listening(api.client, last_id, kinds=["let_go"]) as stream:
            for _ in range(min(chance.randint(1, 9), 90 - len(seen))):
                data = stream.next()["data"]
                seen.append((data["writer"], data["number"]))
            last_id = stream.last_id
    for writer in writers:
        writer.join()

    assert sorted(seen) == [(writer, number) for writer in range(3) for number in range(30)]
    assert all([n for w, n in seen if w == writer] == list(range(30)) for writer in range(3))


def test_nobody_is_told_of_another_tenant(api: Served) -> None:
    with another_tenant(api) as client, listening(client) as stream:
        tenant = client.headers["authorization"].removeprefix("Bearer ")
        api.upload("mine.md", b"# Mine\n")
        with api.here.app.engine.begin() as connection:
            tell(connection, "theirs", tenant)

        assert stream.kinds(1) == ["theirs"]
    with listening(client_of(api, tenant), "0-0") as stream:
        assert stream.kinds(1) == ["theirs"]


def client_of(api: Served, key: str) -> httpx.Client:
    return httpx.Client(base_url=api.url, headers={"Authorization": f"Bearer {key}"})


def test_what_is_stored_can_be_read_to_its_end(api: Served) -> None:
    api.upload("stored.md", b"# Stored\n", dataset="stored")
    with listening(api.client, "0-0", dataset="stored", follow="false") as stream:
        assert stream.kinds(1) == ["accepted"]
        with pytest.raises(AssertionError, match="ended"):
            stream.next()


def test_a_listener_that_falls_behind_is_dropped_and_can_come_back(api: Served) -> None:
    """It reads nothing while more happens than is kept for it, and what it gets in the end has no gap."""
    count = 15_000
    with (
        listening(api.client, kinds=["claimed"]) as slow,
        listening(api.client, kinds=["deleted"]) as quick,
        api.here.app.engine.begin() as connection,
    ):
        connection.execute(text(TELL_MANY), {"count": count})
        tell(connection, "deleted")
        connection.commit()
        quick.next()

        numbers = []
        while (told := slow.next("message", "closed"))["type"] == "event":
            numbers.append(told["data"]["number"])
        assert told["code"] == "listener_too_slow"
    with listening(api.client, slow.last_id, kinds=["claimed"]) as again:
        numbers += [again.next()["data"]["number"] for _ in range(count - len(numbers))]

    assert numbers == list(range(1, count + 1))


def test_an_id_of_another_database_is_refused(api: Served) -> None:
    for unknown in ("999999999999-1", "yesterday"):
        answer = api.client.get("/api/v1/events", headers={"Last-Event-ID": unknown})
        problem(answer, 422, "unknown_event")


def test_a_copy_from_another_server_keeps_its_events_in_order(
    databases: Databases, broker_url: str, tmp_path: Path
) -> None:
    """There, ids of transactions were far ahead of those here."""
    with databases.fresh() as url, serving(url, broker_url, tmp_path) as api:
        document = api.upload("moved.md", b"# Moved\n").json()["document_id"]
        api.client.post(f"/api/v1/documents/{document}/pause")
        execute(api.here.app.engine, "UPDATE document_task_events SET xid = xid + 1000000000")

        upgrade(url)

        api.client.post(f"/api/v1/documents/{document}/resume")
        with listening(api.client, "0-0") as stream:
            assert stream.kinds(3) == ["accepted", "paused", "resumed"]


def test_a_wish_for_what_is_not_there_is_refused(api: Served) -> None:
    problem(api.client.get("/api/v1/events", params={"dataset": "nowhere"}), 404, "dataset_not_found")
    problem(api.client.get("/api/v1/events", params={"document": str(uuid4())}), 404, "document_not_found")
    problem(api.client.get("/api/v1/events", params={"kinds": "imagined"}), 422, "invalid_request")


def test_how_far_documents_are_is_told_while_they_are_in_work(api: Served) -> None:
    execute(
        api.here.app.engine,
        """WITH one AS (UPDATE document_tasks SET status = 'running', owner = 'x', started_at = now()
          WHERE document_id = :id RETURNING id)
        INSERT INTO stage_progress (task_id, stage, tenant_id, done, total)
        SELECT id, 'extract', 'default', 5, 10 FROM one""",
        id=(document := api.upload("bar.md", b"# Bar\n").json()["document_id"]),
    )
    with listening(api.client, document=document) as stream:
        (shown,) = stream.next("progress")["documents"]
        status = api.client.get(f"/api/v1/documents/{document}/status").json()
        assert shown["message"] == "Reading part 6 of 10"
        assert {name: status[name] for name in shown.keys() - {"dataset_id"}}.items() <= shown.items()

        execute(api.here.app.engine, "UPDATE document_tasks SET status = 'succeeded', owner = NULL")
        assert stream.next("progress")["documents"] == []


def test_listeners_stay_while_postgresql_is_restarted(broker_url: str, tmp_path: Path) -> None:
    with temporary_home() as home, contextlib.ExitStack() as api_and_stream:
        with start_postgres(home, settings=IN_A_HURRY) as cluster:
            upgrade(cluster.url)
            api = api_and_stream.enter_context(serving(cluster.url, broker_url, tmp_path))
            stream = api_and_stream.enter_context(listening(api.client))
            api.upload("before.md", b"# Before\n")
            assert stream.kinds(1) == ["accepted"]
        with start_postgres(home, port=cluster.port, settings=IN_A_HURRY):
            eventually(lambda: api.upload("after.md", b"# After\n").status_code == 202)
            assert stream.kinds(1) == ["accepted"]
            api_and_stream.close()
