"""Commands about documents that docmill holds: status, list, show, export, delete."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn
from uuid import UUID

import typer

from docmill.cli.connection import connect
from docmill.cli.console import plain, print_error, print_json, printable, stdout
from docmill.domain.errors import DocmillError, DocumentNotFound
from docmill.domain.states import TaskStatus

if TYPE_CHECKING:
    from docmill.cli.client import Client, Json

WATCH_SECONDS = 0.5
UNFINISHED = frozenset({TaskStatus.PENDING, TaskStatus.STARTED, TaskStatus.PAUSED})

Document = Annotated[str, typer.Argument(show_default=False, metavar="ID|NAME", help="Its id or file name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Dataset = Annotated[str | None, typer.Option(help="Only of this dataset.")]

About = Annotated[
    str | None, typer.Option(help="Only with these words in its name, title, metadata or outline.")
]


class Form(StrEnum):
    """How a document's text is written."""

    TXT = "txt"
    MD = "md"
    JSON = "json"


def status(
    document: Document,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow it until it has ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show where a document's processing stands. Exits 1 if it failed."""
    with connect() as client:
        document_id = id_of(client, document)
        now = client.status(document_id)
        while watch and now["task_status"] in UNFINISHED:
            _print_status(now, as_json)
            now = _next_status(client, document_id, now)
    _print_status(now, as_json)
    raise typer.Exit(1 if now["task_status"] == TaskStatus.FAILURE else 0)


def list_(dataset: Dataset = None, about: About = None, as_json: AsJson = False) -> None:
    """List the documents, newest first."""
    with connect() as client:
        found = list(client.documents(dataset=dataset, about=about))
    if as_json:
        print_json(found)
    else:
        _print_documents(found)


def show(document: Document, as_json: AsJson = False) -> None:
    """Show everything known of a document."""
    with connect() as client:
        facts = client.document(id_of(client, document))
    if as_json:
        print_json(facts)
    else:
        _print_facts(facts)


def export(
    document: Document,
    form: Annotated[
        Form, typer.Option("--format", "-f", help="Plain text, Markdown, or blocks as JSON.")
    ] = Form.TXT,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of stdout.")] = None,
) -> None:
    """Write the text of a document."""
    with connect() as client, client.text(id_of(client, document), form) as pieces:
        if output:
            with output.open("wb") as file:
                file.writelines(pieces)
        else:
            sys.stdout.buffer.writelines(pieces)
            sys.stdout.buffer.flush()


def delete(
    documents: Annotated[
        list[str], typer.Argument(show_default=False, metavar="ID|NAME…", help="Documents.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete documents with everything made from them. Exits 1 if any could not be deleted."""
    if not yes:
        typer.confirm(f"Delete {', '.join(documents)} for good?", abort=True, err=True)
    for_each(documents, lambda client, document_id: client.delete(document_id), "deleted")


def for_each(documents: list[str], act: Callable[[Client, str], object], done: str) -> NoReturn:
    """Do something with each document by its id and say so; exits 1 if it could not be done with any."""
    failed = False
    with connect() as client:
        for document in documents:
            try:
                act(client, id_of(client, document))
            except DocmillError as error:
                failed = True
                print_error(error, about=document)
            else:
                typer.echo(f"{done} {printable(document)}")
    raise typer.Exit(1 if failed else 0)


def id_of(client: Client, document: str) -> str:
    """The id of the document called so. Raises DocumentNotFound where there is none, or more than one."""
    try:
        return str(UUID(document))
    except ValueError:
        ids = [found["id"] for found in client.documents(name=document) if found["name"] == document]
    if len(ids) != 1:
        what = f"{len(ids)} documents are" if ids else "No document is"
        raise DocumentNotFound(f"{what} called {document}. `docmill list` shows the ids.")
    return str(ids[0])


def _next_status(client: Client, document_id: str, before: Json) -> Json:
    """The first status that differs from the one before."""
    while (now := client.status(document_id)) == before:
        time.sleep(WATCH_SECONDS)
    return now


def _print_status(now: Json, as_json: bool) -> None:
    if as_json:
        print_json(now)
        return
    left = now["eta_seconds"]
    about = f" · about {left:.0f} s left" if left is not None else ""
    line = f"{now['task_status']:<9} {now['current_stage']:<8} {now['percent_complete']:5.1f} %{about}"
    typer.echo(printable(f"{line}  {now['message']}"))


def _print_documents(found: list[Json]) -> None:
    from rich import box
    from rich.table import Table

    table = Table("id", "name", "dataset", "status", box=box.SIMPLE)
    for name in ("pages", "chunks"):
        table.add_column(name, justify="right")
    for item in found:
        counts = ("" if item[key] is None else f"{item[key]:,}" for key in ("pages", "total_chunks"))
        table.add_row(item["id"], plain(item["name"]), item["dataset"], item["task_status"], *counts)
    stdout().print(table)


def _print_facts(facts: Json) -> None:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value not in (None, [], {}):
            table.add_row(name, plain(_fact(value)))
    stdout().print(table)


def _fact(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {item}" for key, item in value.items())
    return "\n".join(map(_item, value)) if isinstance(value, list) else str(value)


def _item(value: object) -> str:
    """One of several facts: a page that is missing, a file inside, a document around, or a plain one."""
    if not isinstance(value, dict):
        return str(value)
    if "page" in value:
        return f"page {value['page']}: {value['message']} [{value['code']}]"
    error = value.get("error")
    return f"{value['name']}: {error['message'] if error else value['document_id']}"
