"""Webhooks over HTTP and on the command line, with a worker and Beat that send them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.polling import eventually
from tests.receivers import OK, Receiver, receiving, status
from tests.servers import Databases
from tests.serving import KEY, Served, problem, serving
from typer.testing import CliRunner

from docmill.cli.app import command_line

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "receive-webhooks.md"
NOWHERE = "00000000-0000-5000-8000-000000000000"

Docmill = Callable[..., str]


@pytest.fixture(scope="module")
def api(databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A whole installation that may call this machine."""
    home = tmp_path_factory.mktemp("webhooks")
    with (
        databases.fresh() as url,
        serving(url, broker_url, home, webhook_allowed_networks="127.0.0.0/8", worker_processes=1) as served,
    ):
        served.here.start("worker")
        served.here.start("beat")
        yield served


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def docmill(api: Served) -> Docmill:
    """Runs one command to its end and returns what it printed."""

    def run(*words: str, expect: int = 0) -> str:
        here = {"DOCMILL_API_URL": api.url, "DOCMILL_API_KEY": KEY}
        done = CliRunner().invoke(command_line(), ["webhooks", *words], env=here)
        assert done.exit_code == expect, done.output
        return done.stdout

    return run


def make(api: Served, url: str, **more: object) -> dict[str, str]:
    made = api.client.post("/api/v1/webhooks", json={"url": url, **more})
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/api/v1/webhooks/{made.json()['id']}"
    body: dict[str, str] = made.json()
    return body


def test_what_happens_to_a_document_is_told(api: Served, receiver: Receiver) -> None:
    made = make(api, receiver.url, kinds=["published", "accepted"])
    document = api.publish("ferry.md", b"# Rules\n\nThe ferry does not sail in fog.\n")
    eventually(lambda: len(receiver.received) == 2, 30)
    for request in receiver.received:
        request.verify(made["secret"])
        assert request.json["data"]["document_id"] == document
    assert sorted(receiver.kinds()) == ["document.accepted", "document.published"]

    webhook = f"/api/v1/webhooks/{made['id']}"
    eventually(lambda: len(api.client.get(f"{webhook}/deliveries?status=delivered").json()["items"]) == 2)
    page = api.client.get(f"{webhook}/deliveries?limit=1").json()
    following = api.client.get(f"{webhook}/deliveries", params={"cursor": page["next_cursor"]}).json()
    ids = [item["id"] for item in (*page["items"], *following["items"])]
    assert sorted(ids) == sorted(receiver.ids())

    again = api.client.post(f"{webhook}/deliveries/{ids[0]}/replay")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    eventually(lambda: receiver.ids().count(ids[0]) == 2, 30)
    assert api.client.delete(webhook).status_code == 204
    problem(api.client.get(webhook), 404, "webhook_not_found")


def test_a_secret_is_shown_once(api: Served, receiver: Receiver) -> None:
    made = make(api, receiver.url)
    webhook = f"/api/v1/webhooks/{made['id']}"
    assert made["secret"].startswith("whsec_")
    for answer in (
        api.client.get(webhook),
        api.client.get("/api/v1/webhooks"),
        api.client.patch(webhook, json={"kinds": ["failed", "accepted", "failed"]}),
        api.client.post(f"{webhook}/disable"),
        api.client.post(f"{webhook}/enable"),
    ):
        assert answer.status_code == 200
        assert "whsec_" not in answer.text
    rotated = api.client.post(f"{webhook}/rotate").json()
    assert rotated["secret"] != made["secret"]
    assert rotated["kinds"] == ["accepted", "failed"]
    assert made["secret"] not in "".join(path.read_text() for path in api.here.settings.home.glob("*.log"))


def test_what_cannot_be_is_refused_with_the_reason(api: Served, receiver: Receiver) -> None:
    for url in (
        "ftp://example.com/",
        "http://169.254.169.254/latest/meta-data",
        "http://me:pw@example.com/",
        "http://☃.com",
    ):
        body = problem(api.client.post("/api/v1/webhooks", json={"url": url}), 422, "invalid_webhook")
        assert "pw" not in body["detail"]
    problem(
        api.client.post("/api/v1/webhooks", json={"url": "http://a", "kinds": ["x"]}), 422, "invalid_request"
    )
    problem(
        api.client.post("/api/v1/webhooks", json={"url": "http://a", "dataset": "none"}),
        404,
        "dataset_not_found",
    )
    for path in (NOWHERE, "no-id"):
        problem(api.client.post(f"/api/v1/webhooks/{path}/test"), 404, "webhook_not_found")

    webhook = f"/api/v1/webhooks/{make(api, receiver.url)['id']}"
    problem(api.client.post(f"{webhook}/deliveries/{NOWHERE}/replay"), 404, "delivery_not_found")
    problem(api.client.get(f"{webhook}/deliveries?cursor=x"), 422, "invalid_cursor")
    off = api.client.post(f"{webhook}/disable").json()
    assert (off["enabled"], off["disabled_reason"]) == (False, "Somebody switched it off.")
    problem(api.client.post(f"{webhook}/test"), 409, "webhook_disabled")
    problem(api.client.patch(webhook, json={"url": "http://10.0.0.1/"}), 422, "invalid_webhook")


def test_the_commands_do_the_same(api: Served, receiver: Receiver, docmill: Docmill) -> None:
    made = docmill("add", receiver.url, "--kind", "deleted")
    secret = re.search(r"secret +(whsec_\S+)", made)
    assert secret
    assert receiver.url in docmill("list")
    assert "delivered: the receiver answered 204." in docmill("test", receiver.url)
    receiver.received[-1].verify(secret[1])

    receiver.usual = status(404)
    assert "The receiver answered 404." in docmill("test", receiver.url, expect=1)
    assert "The receiver answered 404." in docmill("deliveries", receiver.url, "--status", "failed")
    receiver.usual = OK
    assert "replaying 1" in docmill("replay", receiver.url, "--failed")
    eventually(lambda: len(receiver.received) == 3, 30)
    assert receiver.ids()[1] == receiver.ids()[2]

    docmill("disable", receiver.url)
    assert "off: Somebody switched it off." in docmill("list")
    docmill("enable", receiver.url)
    assert "whsec_" in docmill("rotate", receiver.url)
    docmill("remove", receiver.url, "--yes")
    docmill("test", receiver.url, expect=1)


def test_the_receiver_of_the_documentation_verifies_what_it_gets(api: Served, tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    (tmp_path / "receiver.py").write_text(example)
    with receiving() as former:  # a port that was free a moment ago
        port = former.url.split(":")[2].split("/")[0]
    made = make(api, f"http://127.0.0.1:{port}/hooks/docmill")
    environment = {**os.environ, "WEBHOOK_SECRET": made["secret"], "PORT": port}
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "receiver.py")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as program:
        try:
            assert program.stdout is not None
            eventually(lambda: _delivered(api, made["id"]), 30)
            assert program.stdout.readline().startswith("webhook.test {")
        finally:
            program.kill()


def _delivered(api: Served, webhook: str) -> bool:
    """Whether a test arrives; the first ones may come before the program listens."""
    test = api.client.post(f"/api/v1/webhooks/{webhook}/test").json()
    address = f"/api/v1/webhooks/{webhook}/deliveries/{test['id']}"
    return eventually(lambda: _status(api, address)) == "delivered"


def _status(api: Served, address: str) -> str:
    """What became of a delivery, as soon as it was attempted."""
    shown = api.client.get(address).json()["status"]
    return "" if shown == "pending" else str(shown)
