"""The live stream as the commands read it: over as many connections as it takes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import typer

from docmill.cli.client import Client, Json
from docmill.domain.errors import NotRunning, Unavailable

RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a stream of Server-Sent Events; `id` is the place that is reached with it."""

    name: str
    id: str | None
    data: str | None


def blocks(lines: Iterable[str]) -> Iterator[Block]:
    """The blocks that these lines make, a block being ended by an empty line."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            yield Block(fields.get("event", "message"), fields.get("id"), fields.get("data"))
            fields = {}


def stored(client: Client, last_id: str | None, **filters: object) -> Iterator[Json]:
    """Every event that is stored, oldest first, behind `last_id` if it is given."""
    with client.events(last_id, follow="false", **filters) as lines:
        for block in blocks(lines):
            yield from _events(block)


def followed(client: Client, last_id: str | None, **filters: object) -> Iterator[Json]:
    """Events as they happen, without end: comes back with the last id whenever the connection is lost.

    Raises NotRunning when docmill is not there to begin with.
    """
    came_in = False
    while True:
        try:
            with client.events(last_id, **filters) as lines:
                for block in blocks(lines):
                    came_in, last_id = True, block.id or last_id
                    yield from _events(block)
        except (NotRunning, Unavailable):
            if not came_in:
                raise
        typer.echo("docmill: the connection ended; coming back …", err=True)
        time.sleep(RETRY_SECONDS)


def _events(block: Block) -> Iterator[Json]:
    """The event in a block, if there is one. Raises Unavailable when the server could not go on."""
    if block.name == "message" and block.data is not None:
        yield json.loads(block.data)
    if block.name == "closed":
        raise Unavailable("The stream broke off. Run it again, with --last-id and the id of the last event.")
