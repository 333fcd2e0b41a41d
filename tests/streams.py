"""Listening to the live stream as a client does: over Server-Sent Events, one message after another."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

PATIENCE = httpx.Timeout(20)


@dataclass
class Stream:
    """An open stream; `last_id` is what a client would come back with."""

    lines: Iterator[str]
    last_id: str | None = None
    block: dict[str, str] = field(default_factory=dict)

    def next(self, *names: str) -> Any:
        """The data of the next message, of the next of these names if any are given. Fails without one."""
        for line in self.lines:
            key, _, value = line.partition(": ")
            if line:
                self.block[key] = value
                continue
            block, self.block = self.block, {}
            self.last_id = block.get("id", self.last_id)
            if "data" in block and block.get("event", "message") in (names or ("message",)):
                return json.loads(block["data"])
        raise AssertionError(f"the stream ended before {names}")

    def kinds(self, count: int) -> list[str]:
        """The kinds of the next events."""
        return [self.next()["kind"] for _ in range(count)]


@contextlib.contextmanager
def listening(client: httpx.Client, last_id: str | None = None, **query: Any) -> Iterator[Stream]:
    """An open stream from the moment its first bytes came, so that nothing later can be missed."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with client.stream("GET", "/api/v1/events", params=query, headers=headers, timeout=PATIENCE) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = Stream(answer.iter_lines())
        while not last_id and stream.last_id is None:
            _read_one_block(stream)
        yield stream


def _read_one_block(stream: Stream) -> None:
    for line in iter(stream.lines.__next__, ""):
        if line.startswith("id: "):
            stream.last_id = line.removeprefix("id: ")
