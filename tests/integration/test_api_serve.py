"""`docmill api`: one process that listens, writes one line a request, and stops when told to."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.installations import Installation, Program, installation
from tests.polling import eventually
from tests.serving import KEY, problem
from tests.streams import listening
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from docmill.api.serve import listen, own_sockets, serve
from docmill.domain.errors import InvalidSettings, PortTaken, SetupError
from docmill.local.readiness import api_process_ails, api_process_answers
from docmill.pipeline.owner import api_socket
from docmill.settings import load_settings


@dataclass
class Running:
    """A running `docmill api`."""

    here: Installation
    process: Program
    client: httpx.Client

    def log(self, event: str) -> list[dict[str, Any]]:
        """Every whole line of its log that tells of this event."""
        return [line for line in _lines(self.here) if line["event"] == event]


@pytest.fixture
def api(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Running]:
    with installation(fresh_database, broker, tmp_path, api_key=KEY, api_port=0) as here:
        process = here.start("api")
        listening = eventually(lambda: [x for x in _lines(here) if x["event"] == "api_listening"], 30)
        url = f"http://127.0.0.1:{listening[0]['port']}"
        with httpx.Client(base_url=url, headers={"X-API-Key": KEY}) as client:
            yield Running(here, process, client)


def _lines(here: Installation) -> list[dict[str, Any]]:
    path = here.settings.home / "api.log"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def test_each_request_is_one_line_with_its_id(api: Running) -> None:
    api.client.get("/health/ready")
    answer = api.client.get("/api/v1/formats", params={"secret": "s3cr3t"})

    (line,) = eventually(lambda: api.log("request"))
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/formats", 200)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["milliseconds"] > 0


def test_no_key_and_no_query_is_ever_logged(api: Running) -> None:
    api.client.get("/docs", params={"key": KEY})
    api.client.get("/docs", params={"key": "dm_wrong"}, headers={"X-API-Key": "dm_wrong"})
    api.client.post("/api/v1/search", json={"query": "s3cr3t"})

    eventually(lambda: len(api.log("request")) == 3)
    log = (api.here.settings.home / "api.log").read_text()
    assert not any(secret in log for secret in (KEY, "dm_wrong", "s3cr3t"))


def test_an_unexpected_error_is_logged_under_the_id_of_its_request(api: Running) -> None:
    with api.here.app.engine.begin() as connection:
        connection.execute(text("ALTER TABLE documents RENAME TO elsewhere"))

    answer = api.client.get("/api/v1/documents", params={"name": "s3cr3t"})

    assert "documents" not in problem(answer, 500, "internal_error")["detail"]
    (line,) = eventually(lambda: api.log("request_failed"))
    assert line["request_id"] == answer.json()["request_id"]
    assert "UndefinedTable" in line["exception"]
    assert "s3cr3t" not in line["exception"]


def test_it_stops_cleanly_while_somebody_listens(api: Running) -> None:
    address = str(api.client.base_url).replace("http", "ws", 1)
    with (
        listening(api.client) as stream,
        connect(f"{address}/api/v1/ws?kinds=paused", additional_headers={"X-API-Key": KEY}) as socket,
    ):
        socket.recv(10)
        api.process.send_signal(signal.SIGTERM)

        assert api.process.wait(5) in (0, -signal.SIGTERM)
        with pytest.raises(AssertionError, match="ended"):
            stream.next()
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
    log = (api.here.settings.home / "api.log").read_text()
    assert '"level": "error"' not in log
    assert "kinds=paused" not in log


def test_it_stops_cleanly_when_told_to(api: Running) -> None:
    api.process.send_signal(signal.SIGTERM)

    assert api.process.wait(10) in (0, -signal.SIGTERM)
    with pytest.raises(httpx.ConnectError):
        api.client.get("/health/live")


def test_a_process_answers_by_itself_and_one_that_hangs_does_not(api: Running) -> None:
    pid = api.process.pid
    assert (api_process_ails(pid), api_process_answers(pid)) == (None, True)

    api.process.send_signal(signal.SIGSTOP)
    assert api_process_ails(pid) == "does not answer"

    api.process.send_signal(signal.SIGCONT)
    assert eventually(lambda: api_process_ails(pid) is None)
    api.process.kill()
    api.process.wait(10)
    assert (api_process_ails(pid), api_process_answers(pid)) == (
        None,
        False,
    )


def test_a_process_that_nobody_could_ask_is_refused_only_where_somebody_would() -> None:
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(api_socket(os.getpid()))
        assert own_sockets(is_watched=False) == []
        with pytest.raises(SetupError, match="watches it"):
            own_sockets(is_watched=True)
    for own in own_sockets(is_watched=True):
        own.close()


def test_a_port_that_is_taken_is_said_by_its_number() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortTaken, match=f"port {port}"):
            listen("127.0.0.1", port)


def test_a_port_is_shared_only_by_those_who_all_say_so() -> None:
    with listen("127.0.0.1", 0, shared=True) as first:
        port = first.getsockname()[1]
        with listen("127.0.0.1", port, shared=True) as second:
            assert second.getsockname() == first.getsockname()

        with pytest.raises(PortTaken, match=f"port {port}"):
            listen("127.0.0.1", port)


def test_there_is_no_sharing_of_any_free_port(tmp_path: Path) -> None:
    nowhere = load_settings(home=tmp_path, api_port=0)
    with pytest.raises(InvalidSettings, match="DOCMILL_API_PORT"):
        serve(nowhere, share_port=True)
