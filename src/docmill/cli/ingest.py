"""`docmill ingest`: files and folders in; bars while they are worked on; a summary, or one JSON line each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from docmill.cli.connection import connect
from docmill.cli.console import plain, print_json_line, stderr, stdout
from docmill.cli.files import check_regular, find_files

if TYPE_CHECKING:
    from docmill.cli.bars import Bars, Lines
    from docmill.cli.uploads import Outcome


# Of more files than this the table shows only those that failed; --jsonl has a line for each.
LONGEST_TABLE = 100


def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(exists=True, callback=check_regular, show_default=False, help="Files and folders."),
    ],
    dataset: Annotated[str | None, typer.Option(help="Dataset to put them in; made at first use.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option("--metadata", "-m", metavar="KEY=VALUE", help="Kept with each file.")
    ] = None,
    priority: Annotated[
        int | None, typer.Option(min=0, max=9, help="9 goes first; unset: as the dataset says.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait until every document is published or failed.")] = True,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print one JSON line a document instead.")] = False,
) -> None:
    """Send files and folders, and wait until they can be searched. Exits 1 if any failed."""
    from docmill.cli.uploads import Uploads

    fields = _fields(metadata or [])
    found = find_files(paths)
    outcomes: list[Outcome] = []
    with connect() as client, _say_what_goes_on(), _display(len(found.files), jsonl) as display:
        client.check()
        for outcome in Uploads(client, display, dataset, fields, priority=priority, wait=wait).run(
            found.files
        ):
            outcomes.append(outcome)
            if jsonl:
                print_json_line(asdict(outcome))
    if outcomes and not jsonl:
        _print_table(
            [outcome for outcome in outcomes if outcome.is_failure or len(outcomes) <= LONGEST_TABLE]
        )
        stdout().print(_totals(outcomes))
    if found.skipped:
        stderr().print(found.skipped_text)
    raise typer.Exit(1 if any(outcome.is_failure for outcome in outcomes) else 0)


def _fields(pairs: list[str]) -> dict[str, str]:
    if not all(pair.partition("=")[0] and "=" in pair for pair in pairs):
        raise typer.BadParameter("Write it as KEY=VALUE.", param_hint="--metadata")
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


@contextmanager
def _say_what_goes_on() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        stderr().print("Stopped waiting. What was sent is worked on all the same; `docmill list` shows it.")
        raise


def _display(total: int, jsonl: bool) -> Bars | Lines:
    from docmill.cli.bars import Bars, Lines

    # Lines of data among the bars would tear both apart on the same terminal.
    use_bars = sys.stderr.isatty() and not (jsonl and sys.stdout.isatty())
    return Bars(total) if use_bars else Lines(total)


def _print_table(outcomes: list[Outcome]) -> None:
    if not outcomes:
        return
    from rich import box
    from rich.table import Table

    table = Table("file", "outcome", box=box.SIMPLE)
    for name in ("pages", "chunks", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("reason")
    for outcome in sorted(outcomes, key=lambda outcome: outcome.file):
        numbers = (_number(outcome.pages), _number(outcome.chunks), f"{outcome.seconds:.1f}")
        reason = f"{outcome.reason} [{outcome.code}]" if outcome.reason else ""
        table.add_row(plain(outcome.file), outcome.outcome, *numbers, plain(reason))
    stdout().print(table)


def _totals(outcomes: list[Outcome]) -> str:
    """How many of each, the good ones first."""
    from collections import Counter

    counts = Counter(outcome.outcome for outcome in outcomes)
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda c: -c[1]))


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
