"""The client turns every way the API can answer into docmill's own errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from docmill.cli import client as client_module
from docmill.cli.client import Client
from docmill.domain import errors, reading_errors


class Api(ThreadingHTTPServer):
    """A real HTTP server that gives one prepared answer and keeps the requests it got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.first_statuses: list[int] = []
        self.answers: list[object] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.path, dict(self.headers), body))
        answer = self.server.answers.pop(0)
        first = self.server.first_statuses
        self.send_response(first.pop(0) if first else self.server.status)
        self.end_headers()
        self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    do_POST = do_GET  # noqa: N815 - the name http.server looks for

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Tests are quiet."""


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    with Client(api.url, "dm_key") as client:
        yield client


def test_an_error_keeps_its_code_and_its_advice(api: Api, client: Client) -> None:
    api.status, api.answers = 415, [{"code": "unsupported_type", "detail": "Send something else."}]
    with pytest.raises(reading_errors.UnsupportedType, match=r"^Send something else\.$"):
        client.status("1")


def test_an_answer_that_is_not_ours_is_an_error_all_the_same(api: Api, client: Client) -> None:
    api.status, api.answers = 502, [b"<html>Bad Gateway</html>"]
    with pytest.raises(errors.Unavailable, match="502"):
        client.status("1")


@pytest.mark.parametrize("user", ["user:hunter2", "hunter2"])
def test_nothing_listening_says_what_to_do(user: str) -> None:
    client = Client(f"http://{user}@127.0.0.1:9", "dm_key")
    with client, pytest.raises(errors.NotRunning, match="docmill up") as caught:
        client.check()
    assert "hunter2" not in caught.value.message


def test_a_url_that_is_none_is_wrong_usage() -> None:
    with Client("not a url", "dm_key") as client, pytest.raises(errors.BadRequest, match="DOCMILL_API_URL"):
        client.check()


def test_an_upload_carries_the_key_the_bytes_and_the_metadata(
    api: Api, client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"Hello" * 100_000)
    api.status, api.answers = 202, [{"document_id": "1", "created": True}]

    accepted = client.upload(path, "a.txt", "letters", {"year": "2026"})

    assert (accepted.document_id, accepted.created) == ("1", True)
    target, headers, body = api.requests[0]
    assert (target, headers["X-API-Key"]) == ("/api/v1/documents", "dm_key")
    assert path.read_bytes() in body
    assert b'{"year": "2026"}' in body


def test_a_list_goes_on_to_its_last_page(api: Api, client: Client) -> None:
    api.answers = [{"items": [{"n": 1}], "next_cursor": "two"}, {"items": [{"n": 2}], "next_cursor": None}]
    assert [item["n"] for item in client.documents(dataset="letters")] == [1, 2]
    assert [target for target, _, _ in api.requests] == [
        "/api/v1/documents?limit=100&dataset=letters",
        "/api/v1/documents?limit=100&dataset=letters&cursor=two",
    ]


def test_an_upload_that_broke_off_is_sent_again_as_the_same_one(
    api: Api, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "RETRY_SECONDS", (0.0, 0.0))
    api.first_statuses = [503, 409]
    api.answers = [
        {"code": "database_unavailable"},
        {"code": "request_in_work"},
        {"document_id": "d", "created": True},
    ]
    path = tmp_path / "ferry.md"
    path.write_text("# Ferry")

    assert client.upload(path, path.name, None, {}).created
    assert len(api.requests) == 3
    assert len({headers["Idempotency-Key"] for _, headers, _ in api.requests}) == 1
    assert all(b"# Ferry" in body for _, _, body in api.requests)


def test_a_full_storage_is_not_asked_again(api: Api, client: Client, tmp_path: Path) -> None:
    api.status = 507
    api.answers = [{"code": "storage_full"}]
    path = tmp_path / "ferry.md"
    path.write_text("# Ferry")

    with pytest.raises(errors.StorageFull):
        client.upload(path, path.name, None, {})
    assert len(api.requests) == 1
