"""The live stream on a WebSocket: who may open one, how it is asked, what it says, how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.servers import Databases
from tests.serving import KEY, Served, serving
from tests.streams import listening
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

HEADERS = {"X-API-Key": KEY}


@pytest.fixture(scope="module")
def api(databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An API without a worker."""
    with databases.fresh() as url, serving(url, broker_url, tmp_path_factory.mktemp("socket")) as served:
        yield served


def opened(api: Served, query: str = "", **options: Any) -> ClientConnection:
    address = api.url.replace("http://", "ws://") + f"/api/v1/ws{query}"
    settings = {"additional_headers": HEADERS, "proxy": None, **options}
    socket: ClientConnection = connect(address, **settings)
    return socket


def refusal(api: Served, query: str = "", **options: Any) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused:
        opened(api, query, **options)
    answer = refused.value.response
    return answer.status_code, json.loads(answer.body)["code"]


def following(socket: ClientConnection) -> Iterator[Any]:
    for text in socket:
        message = json.loads(text)
        if message["type"] == "event":
            yield message


def test_it_says_what_the_other_stream_says(api: Served) -> None:
    with opened(api, "?kinds=accepted&kinds=paused") as socket, listening(api.client) as stream:
        assert json.loads(socket.recv(10))["type"] == "position"
        document = api.upload("both.md", b"# Both\n").json()["document_id"]
        api.client.post(f"/api/v1/documents/{document}/pause")

        events = following(socket)
        assert [next(events), next(events)] == [stream.next(), stream.next()]


def test_without_a_query_the_first_message_says_what_is_wanted(api: Served) -> None:
    document = api.upload("first.md", b"# First\n").json()["document_id"]
    (first,) = api.client.get(f"/api/v1/documents/{document}/history").json()["items"]
    api.client.post(f"/api/v1/documents/{document}/pause")

    with opened(api) as socket:
        socket.send(json.dumps({"document": document, "last_event_id": first["id"]}))
        assert next(following(socket))["kind"] == "paused"


def test_nobody_comes_in_without_a_key(api: Served) -> None:
    assert refusal(api, additional_headers={}) == (401, "not_authenticated")
    assert refusal(api, f"?key={KEY}", additional_headers={}) == (401, "not_authenticated")


def test_a_page_sends_its_key_as_a_protocol_and_does_not_get_it_back(api: Served) -> None:
    offered = [Subprotocol("docmill"), Subprotocol(f"docmill.key.{KEY}")]
    with opened(api, "?kinds=progress", subprotocols=offered, additional_headers={}) as socket:
        assert socket.subprotocol == "docmill"


def test_only_pages_of_this_origin_may_open_one(api: Served) -> None:
    assert refusal(api, origin="https://elsewhere.example") == (403, "origin_not_allowed")
    with opened(api, "?kinds=progress", origin=api.url) as socket:
        socket.ping().wait(10)


def test_what_cannot_be_had_is_refused_with_its_code(api: Served) -> None:
    assert refusal(api, "?dataset=nowhere") == (404, "dataset_not_found")
    assert refusal(api, "?last_event_id=yesterday") == (422, "unknown_event")
    assert refusal(api, "?wish=everything") == (422, "invalid_request")
    for message, code in (('{"dataset": "nowhere"}', "dataset_not_found"), ("all", "invalid_request")):
        with opened(api) as socket:
            socket.send(message)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(10)
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4422, code)
