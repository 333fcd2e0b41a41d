"""`Idempotency-Key`: sent twice, done once, answered alike; whatever was not done leaves its key free."""

from __future__ import annotations

import hashlib
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Engine
from tests.pipelines import execute
from tests.servers import Databases
from tests.serving import KEY, Served, problem, serving

from docmill.db.idempotency import ClaimedKey, KeptAnswer
from docmill.domain.errors import KeyReused, RequestInWork
from docmill.services.idempotency import LEASE_SECONDS, IdempotencyKeys
from docmill.worker.process import WorkerProcess

NOTE = b"# Ferry\n\nThe first ferry leaves at six.\n"


@pytest.fixture(scope="module")
def api(databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An API without a worker; every test uses keys and files of its own."""
    with databases.fresh() as url, serving(url, broker_url, tmp_path_factory.mktemp("keys")) as served:
        yield served


def upload(
    api: Served, key: str, content: bytes = NOTE, name: str = "ferry.md", **fields: str
) -> httpx.Response:
    return api.client.post(
        "/api/v1/documents",
        files={"file": (name, content)},
        data={"dataset": f"of-{key}", **fields},
        headers={"Idempotency-Key": key},
    )


def make(api: Served, key: str, name: str, **more: object) -> httpx.Response:
    return api.client.post("/api/v1/datasets", json={"name": name, **more}, headers={"Idempotency-Key": key})


def is_replay(answer: httpx.Response) -> bool:
    return "idempotency-replayed" in answer.headers


def test_an_upload_sent_twice_gets_its_first_answer_twice(api: Served) -> None:
    key = uuid4().hex
    first, again = upload(api, key), upload(api, key)  # each with another multipart boundary

    assert (first.status_code, is_replay(first)) == (202, False)
    assert (again.status_code, is_replay(again)) == (202, True)
    assert again.content == first.content  # `created: true`, though it was there by then
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]


def test_another_request_under_the_same_key_is_refused(api: Served) -> None:
    key = uuid4().hex
    upload(api, key)

    problem(upload(api, key, NOTE + b"!"), 422, "idempotency_key_reused")
    problem(upload(api, key, name="other.md"), 422, "idempotency_key_reused")
    problem(upload(api, key, metadata='{"year": "2026"}'), 422, "idempotency_key_reused")
    problem(make(api, key, f"of {key}"), 422, "idempotency_key_reused")


def test_a_body_of_json_and_a_verb_without_a_body_are_honoured_too(api: Served) -> None:
    key = uuid4().hex
    made = [make(api, key, f"made {key}") for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]  # without a key the second is a 200

    document = upload(api, uuid4().hex).json()["document_id"]
    pause = {"Idempotency-Key": uuid4().hex}
    paused = [api.client.post(f"/api/v1/documents/{document}/pause", headers=pause) for _ in range(2)]
    assert [is_replay(answer) for answer in paused] == [False, True]
    assert paused[0].content == paused[1].content
    problem(
        api.client.post(f"/api/v1/documents/{document}/cancel", headers=pause), 422, "idempotency_key_reused"
    )


def test_a_refusal_is_an_answer_too(api: Served) -> None:
    key = uuid4().hex
    refused = [upload(api, key, b"\x00\x01\x02", "thing.bin") for _ in range(2)]

    assert [answer.status_code for answer in refused] == [415, 415]
    assert [is_replay(answer) for answer in refused] == [False, True]


def test_a_key_may_stand_in_quotes(api: Served) -> None:
    key = uuid4().hex

    assert not is_replay(make(api, key, f"quoted {key}"))
    assert is_replay(make(api, f'"{key}"', f"quoted {key}"))


@pytest.mark.parametrize("key", ["", '""', "k" * 256, '"open', "a b"])
def test_a_key_that_is_none_is_refused(api: Served, key: str) -> None:
    problem(make(api, key, "never"), 400, "invalid_idempotency_key")


def test_other_methods_take_no_notice(api: Served) -> None:
    key = uuid4().hex
    answers = [api.client.get("/api/v1/datasets", headers={"Idempotency-Key": key}) for _ in range(2)]

    assert not any(map(is_replay, answers))
    assert make(api, key, f"after {key}").status_code == 201


def test_twenty_at_once_are_done_once(api: Served) -> None:
    key, dataset = uuid4().hex, f"at once {uuid4().hex}"
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: make(api, key, dataset), range(20)))

    codes = Counter(answer.status_code for answer in answers)
    assert codes[201] >= 1
    assert codes.keys() <= {201, 409}
    assert sum(answer.status_code == 201 and not is_replay(answer) for answer in answers) == 1
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "request_in_work")
            assert int(answer.headers["retry-after"]) > 0


def test_an_upload_that_was_cut_off_can_be_sent_again_at_once(api: Served) -> None:
    key = uuid4().hex
    whole = httpx.Request(
        "POST",
        f"{api.url}/api/v1/documents",
        files={"file": ("ferry.md", NOTE)},
        data={"dataset": f"of-{key}"},
    )
    whole.read()
    head = "POST /api/v1/documents HTTP/1.1\r\n" + "".join(
        f"{name}: {value}\r\n"
        for name, value in {**whole.headers, "X-API-Key": KEY, "Idempotency-Key": key}.items()
    )
    with socket.create_connection((whole.url.host, whole.url.port or 80)) as connection:
        connection.sendall(f"{head}\r\n".encode() + whole.content[:-60])

    answer = upload(api, key)
    assert (answer.status_code, is_replay(answer)) == (202, False)


def test_an_answer_of_500_and_above_is_not_kept(served: Served) -> None:
    key = uuid4().hex
    storage = served.here.settings.storage_path
    blocked = storage / "originals"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("in the way")
    assert upload(served, key).status_code == 503

    blocked.unlink()
    answer = upload(served, key)
    assert (answer.status_code, is_replay(answer)) == (202, False)
    assert served.count("idempotency_keys") == 1


def test_a_key_of_one_tenant_means_nothing_to_another(api: Served) -> None:
    key, other = uuid4().hex, f"dm_{uuid4().hex}"
    upload(api, key)
    execute(
        api.here.app.engine, "INSERT INTO tenants (id, name) VALUES ('other', 'other') ON CONFLICT DO NOTHING"
    )
    execute(
        api.here.app.engine,
        """INSERT INTO api_keys (id, tenant_id, name, key_sha256)
        VALUES (gen_random_uuid(), 'other', 'k', :hash)""",
        hash=hashlib.sha256(other.encode()).hexdigest(),
    )

    with httpx.Client(base_url=api.url, headers={"X-API-Key": other}) as client:
        answer = client.post(
            "/api/v1/documents", files={"file": ("ferry.md", NOTE)}, headers={"Idempotency-Key": key}
        )
    assert (answer.status_code, is_replay(answer)) == (202, False)


# What no client can bring about: a process that dies over a request, and a day that passes.

ANSWER = KeptAnswer(202, {"location": "/here"}, b"{}")


@pytest.fixture
def keys(engine: Engine) -> IdempotencyKeys:
    return IdempotencyKeys(engine, keep_seconds=86400)


def claimed(keys: IdempotencyKeys, key: str, fingerprint: str = "a") -> ClaimedKey:
    found = keys.claim("default", key, fingerprint)
    assert isinstance(found, ClaimedKey)
    return found


def grow_older(engine: Engine, seconds: float) -> None:
    execute(
        engine, "UPDATE idempotency_keys SET created_at = created_at - make_interval(secs => :s)", s=seconds
    )


def test_a_process_that_died_over_a_request_does_not_keep_its_key(
    engine: Engine, keys: IdempotencyKeys
) -> None:
    claimed(keys, "k")
    with pytest.raises(RequestInWork):
        keys.claim("default", "k", "a")

    grow_older(engine, LEASE_SECONDS + 1)
    with pytest.raises(KeyReused):
        keys.claim("default", "k", "b")
    second = claimed(keys, "k")
    keys.keep(second, ANSWER)
    assert keys.claim("default", "k", "a") == ANSWER


def test_who_lost_a_key_can_neither_keep_nor_free_it(engine: Engine, keys: IdempotencyKeys) -> None:
    claimed(keys, "k")
    grow_older(engine, LEASE_SECONDS + 1)
    with engine.begin() as connection:
        at = connection.exec_driver_sql("SELECT created_at FROM idempotency_keys").scalar_one()
    lost = ClaimedKey("default", "k", at)
    holder = claimed(keys, "k")

    keys.keep(lost, KeptAnswer(500, {}, b"late"))
    keys.release(lost)
    with pytest.raises(RequestInWork):
        keys.claim("default", "k", "a")
    keys.keep(holder, ANSWER)
    assert keys.claim("default", "k", "a") == ANSWER


def test_keys_are_forgotten_after_their_time(engine: Engine, keys: IdempotencyKeys) -> None:
    keys.keep(claimed(keys, "old"), ANSWER)
    grow_older(engine, 86401)
    keys.keep(claimed(keys, "young"), ANSWER)

    claimed(keys, "old", "quite another request")
    grow_older(engine, 100)
    assert keys.forget() == 0
    grow_older(engine, 86400)
    assert keys.forget() == 2


def test_house_keeping_forgets_keys(fresh_database: str, broker: str, tmp_path: Path) -> None:
    with serving(fresh_database, broker, tmp_path) as served:
        make(served, uuid4().hex, "once")
        grow_older(served.here.app.engine, 90000)
        process = WorkerProcess(served.here.settings)
        process.discard()
        process.app.engine.dispose()
        assert served.count("idempotency_keys") == 0
