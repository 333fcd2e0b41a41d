"""Commands about the pages of documents: pages, page, correct."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from docmill.cli.connection import connect
from docmill.cli.console import plain, print_json, printable, stdout
from docmill.cli.documents import UNFINISHED, WATCH_SECONDS, AsJson, Document, id_of
from docmill.domain.errors import InvalidRequest
from docmill.domain.states import TaskStatus

if TYPE_CHECKING:
    from docmill.cli.client import Client, Json

Number = Annotated[int, typer.Argument(show_default=False, metavar="N", min=1, help="Number of the page.")]

_FORMS = {".png": "png", ".webp": "webp", ".jpg": "jpeg", ".jpeg": "jpeg"}


def pages(document: Document, as_json: AsJson = False) -> None:
    """List the pages of a document: size, where the text comes from, how sure it is."""
    with connect() as client:
        found = list(client.pages(f"/documents/{id_of(client, document)}/pages"))
    if as_json:
        print_json(found)
    else:
        _print_pages(found)


def page(
    document: Document,
    number: Number,
    image: Annotated[
        Path | None, typer.Option(help="Write its picture to this file: .png, .webp or .jpg.")
    ] = None,
    dpi: Annotated[int, typer.Option(min=36, max=300, help="Dots an inch of the picture.")] = 144,
    highlight: Annotated[
        str | None, typer.Option(help="Mark chunk:ID in the picture, or boxes x0,y0,x1,y1;… in points.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Print its text and nothing else.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a page: where its text comes from, what is doubtful in it, its corrections; or its picture."""
    with connect() as client:
        document_id = id_of(client, document)
        if image is not None:
            image.write_bytes(client.image(document_id, number, _form(image), dpi, highlight))
            typer.echo(f"written to {image}", err=True)
            return
        shown = client.page(document_id, number)
    if as_json:
        print_json(shown)
    elif text:
        typer.echo(printable(shown["text"]))
    else:
        _print_page(shown)


def correct(
    document: Document,
    number: Number,
    text_file: Annotated[
        Path, typer.Option(show_default=False, allow_dash=True, help="The text, in UTF-8; - for stdin.")
    ],
    base_version: Annotated[
        int | None, typer.Option(help="The version it was written for; refused when another is published.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is published.")] = True,
) -> None:
    """Give a page the text of a file. Everything else stays; exits 1 if it could not be published."""
    text = _text_of(text_file)
    with connect() as client:
        document_id = id_of(client, document)
        accepted = client.correct(document_id, number, text, base_version)
        if not accepted["created"]:
            typer.echo("unchanged: the page has this text already")
            return
        now = _ended(client, document_id) if wait else client.status(document_id)
    typer.echo(printable(now["message"]))
    raise typer.Exit(1 if now["task_status"] == TaskStatus.FAILURE else 0)


def _ended(client: Client, document_id: str) -> Json:
    while (now := client.status(document_id))["task_status"] in UNFINISHED - {TaskStatus.PAUSED}:
        time.sleep(WATCH_SECONDS)
    return now


def _text_of(path: Path) -> str:
    written = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    try:
        return written.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest("The text is not in UTF-8. Save it so, then try again.") from None


def _form(path: Path) -> str:
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise typer.BadParameter(f"end the file's name in one of {', '.join(_FORMS)}", param_hint="--image")
    return form


def _print_pages(found: list[Json]) -> None:
    from rich import box
    from rich.table import Table

    table = Table("page", "points", "text from", "sure", "notes", box=box.SIMPLE)
    for item in found:
        size = f"{item['width']:.0f} × {item['height']:.0f}"
        table.add_row(str(item["number"]), size, item["source"], _sure(item), plain(_notes(item)))
    stdout().print(table)


def _print_page(shown: Json) -> None:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_row("page", f"{shown['number']} of version {shown['version']}")
    table.add_row("points", f"{shown['width']:.1f} × {shown['height']:.1f}")
    table.add_row("text from", f"{shown['source']} {_sure(shown)}".strip())
    table.add_row("notes", plain(_notes(shown)))
    for region in shown["doubtful"]:
        table.add_row("doubtful", plain(f"{region['confidence']:.0%}  {region['text']}"))
    for correction in shown["corrections"]:
        when = correction["published_at"] or "in work"
        table.add_row("corrected", f"version {correction['version']}, {when}")
    stdout().print(table)
    typer.echo(printable(shown["text"]))


def _sure(item: Json) -> str:
    return "" if item["confidence"] is None else f"{item['confidence']:.0%}"


def _notes(item: Json) -> str:
    missing = item["missing"]
    reason = f"recognised: {item['ocr_reason']}" if item["ocr_reason"] else ""
    return f"missing: {missing['message']} [{missing['code']}]" if missing else reason
