"""`docmill doctor`: what was found, what was repaired, and what is fine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.text import Text

from docmill.cli.configuration import settings
from docmill.cli.console import plain, print_json, stdout
from docmill.domain.findings import Finding, Severity
from docmill.logs import configure_logs

if TYPE_CHECKING:
    from docmill.local.doctor import Report

_MARKS = {Severity.ERROR: "[red]!![/]", Severity.WARNING: "[yellow]! [/]", Severity.NOTICE: "· "}
_ORDER = list(Severity)


def doctor(
    document: Annotated[
        UUID | None, typer.Argument(show_default=False, metavar="ID", help="Say why this one does not move.")
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Repair what can be repaired safely, and ping every queue.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what runs, what is wrong, and why documents do not move. Exits 1 if something is wrong."""
    from docmill.local.doctor import examine

    configure_logs("ERROR", "text")  # what it meets it reports itself, and stdout is for the report alone
    report = examine(settings(), document, fix=fix)
    if as_json:
        print_json(report.as_row())
    else:
        _print(report)
    raise typer.Exit(0 if report.is_healthy else 1)


def _print(report: Report) -> None:
    from rich import box
    from rich.table import Table

    table = Table("", "", "found", "what to do", box=box.SIMPLE)
    for fact in report.facts:
        table.add_row("[green]ok[/]", plain(fact.name), plain(fact.detail), "")
    for repair in report.repairs:
        table.add_row(
            "[green]ok[/]" if repair.done else "[red]!![/]", plain(repair.name), plain(repair.what), ""
        )
    for ping in report.pings:
        answer = "no answer" if ping.seconds is None else f"answered in {ping.seconds * 1000:.0f} ms"
        table.add_row("· " if ping.seconds is None else "[green]ok[/]", f"ping {ping.queue}", answer, "")
    for finding in sorted(report.findings, key=lambda one: -_ORDER.index(one.severity)):
        table.add_row(_MARKS[finding.severity], plain(finding.subject), plain(finding.what), _advice(finding))
    stdout().print(table)


def _advice(finding: Finding) -> Text:
    return plain(finding.what_to_do).append(f" [{finding.cause}]", style="dim")
