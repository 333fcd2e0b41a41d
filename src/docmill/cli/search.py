"""`docmill search`: passages with their file, pages and section."""

from __future__ import annotations

import textwrap
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from docmill.cli.connection import connect
from docmill.cli.console import print_json, printable, stdout

if TYPE_CHECKING:
    from docmill.cli.client import Json


LONGEST_LINE = 120
INDENT = "   "


class Mode(StrEnum):
    """How passages are found."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


def search(
    query: Annotated[str, typer.Argument(show_default=False, help="A question, or words.")],
    dataset: Annotated[list[str] | None, typer.Option(help="Only in this dataset; may be repeated.")] = None,
    mode: Annotated[
        Mode, typer.Option(help="By meaning (dense), by words (lexical), or both.")
    ] = Mode.HYBRID,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="How many passages.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answer.")] = False,
) -> None:
    """Find the passages that answer a question, each with file, page and section."""
    with connect() as client:
        answer = client.search(query, datasets=dataset, mode=mode, limit=limit)
    if as_json:
        print_json(answer)
        return
    for place, hit in enumerate(answer["hits"], 1):
        _print_hit(place, hit)
    if not answer["hits"]:
        typer.echo("Nothing found. `docmill list` shows what can be searched.", err=True)


def _print_hit(place: int, hit: Json) -> None:
    from rich.text import Text

    stdout().print(Text.assemble(f"{place}. ", (printable(citation(hit)), "bold")))
    width = min(stdout().width, LONGEST_LINE)
    for line in printable(hit["text"].strip()).splitlines():
        typer.echo(textwrap.fill(line, width, initial_indent=INDENT, subsequent_indent=INDENT))
    typer.echo()


def citation(hit: Json) -> str:
    """Where a passage stands: file, pages and section, as far as its format has them."""
    pages = hit["pages"]
    where = [hit["document_name"]]
    if pages:
        first, last = pages[0], pages[-1]
        where.append(f"page {first}" if first == last else f"pages {first}-{last}")
    if hit["section_path"]:
        where.append(" › ".join(hit["section_path"]))
    if hit["hidden"]:
        where.append("HIDDEN: people do not see this text")
    return " · ".join(where)
