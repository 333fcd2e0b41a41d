"""The HTTP API on a free port of this machine, as `docmill api` serves it, with a client that has its key."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from docmill.api.app import create_app
from docmill.api.serve import listen, server
from tests.installations import Installation, installation
from tests.polling import eventually

KEY = "dm_a-key-that-only-tests-know"


@dataclass
class Served:
    """A running API: `url` without the key, `client` with it, and the installation behind it."""

    url: str
    client: httpx.Client
    here: Installation

    def upload(self, name: str, content: bytes, **fields: str) -> httpx.Response:
        """Send a file."""
        return self.client.post("/api/v1/documents", files={"file": (name, content)}, data=fields)

    def publish(self, name: str, content: bytes, **fields: str) -> str:
        """Send a file and wait until its processing has ended; its document's id."""
        accepted = self.upload(name, content, **fields).json()
        self.here.wait_until_ended(UUID(accepted["task_id"]))
        return str(accepted["document_id"])

    def command(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run one of docmill's commands against this API."""
        return subprocess.run(
            [sys.executable, "-m", "docmill", *words],
            env={**os.environ, "DOCMILL_API_URL": self.url, "DOCMILL_API_KEY": KEY},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self.here.rows(f"SELECT count(*) AS n FROM {table}")[0].n)

    def stored_files(self) -> list[str]:
        """Every file below the storage, by its path in there."""
        root = self.here.settings.storage_path
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@contextlib.contextmanager
def serving(database_url: str, broker_url: str, home: Path, **settings: Any) -> Iterator[Served]:
    """The API over an installation of its own; both end with the block."""
    with (
        installation(database_url, broker_url, home, api_key=KEY, **settings) as here,
        listen("127.0.0.1", 0) as listener,
    ):
        running = server(create_app(here.app))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            eventually(lambda: running.started)
            bearer = {"Authorization": f"Bearer {KEY}"}
            # Nothing to verify over HTTP, and the certificates for it take 0.05 s to load.
            with httpx.Client(base_url=url, headers=bearer, timeout=60, verify=False) as client:
                yield Served(url, client, here)
        finally:
            running.should_exit = True
            thread.join()


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of an error, after seeing that it is one as it should be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["code"] == code, body
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "detail", "instance"} <= body.keys()
    return body
