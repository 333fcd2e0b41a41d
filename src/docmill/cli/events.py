"""Commands that tell what happened: the history of one document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from docmill.cli.connection import connect
from docmill.cli.console import print_json, printable
from docmill.cli.documents import AsJson, Document, id_of

if TYPE_CHECKING:
    from docmill.cli.client import Json


def history(document: Document, as_json: AsJson = False) -> None:
    """Show what happened to a document, oldest first; a deleted one by its id."""
    with connect() as client:
        found = list(client.history(id_of(client, document)))
    if as_json:
        print_json(found)
        return
    for event in found:
        typer.echo(_line(event))


def _line(event: Json) -> str:
    return printable(f"{event['at'][:19].replace('T', ' ')}  {event['kind']:<15}  {event['message']}")
