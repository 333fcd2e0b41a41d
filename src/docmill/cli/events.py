"""Commands that tell what happened: to one document, or to all of them as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from docmill.cli.connection import connect
from docmill.cli.console import print_json, print_json_line, printable
from docmill.cli.documents import AsJson, Dataset, Document, id_of

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


def events(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="What happens from now on.")] = False,
    dataset: Dataset = None,
    kinds: Annotated[list[str] | None, typer.Option("--kind", help="Only of this kind; repeatable.")] = None,
    last_id: Annotated[str | None, typer.Option(help="Only what came behind the event with this id.")] = None,
    as_jsonl: Annotated[bool, typer.Option("--jsonl", help="Print one JSON line an event.")] = False,
) -> None:
    """Print what happened to documents, oldest first, or follow it as it happens."""
    from docmill.cli.event_stream import followed, stored

    with connect() as client:
        for event in (followed if follow else stored)(client, last_id, dataset=dataset, kinds=kinds or None):
            if as_jsonl:
                print_json_line(event)
            else:
                typer.echo(f"{event['document_id']}  {_line(event)}")


def _line(event: Json) -> str:
    return printable(f"{event['at'][:19].replace('T', ' ')}  {event['kind']:<15}  {event['message']}")
