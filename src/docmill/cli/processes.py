"""Commands that start, stop and examine the processes of docmill."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from docmill.cli.configuration import settings
from docmill.cli.console import print_json, stdout

if TYPE_CHECKING:
    from docmill.local.doctor import Check


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when all is ready.")] = False,
) -> None:
    """Start docmill on this machine: broker, database, workers, Beat and API, as one process tree."""
    from docmill.local.up import up as start

    raise typer.Exit(start(settings(), detach=detach))


def down() -> None:
    """Stop what `docmill up` started on this data directory."""
    from docmill.local.down import down as stop

    raise typer.Exit(stop(settings()))


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """Examine this installation: what runs, versions, migrations, disk. Exits 1 if one is wrong."""
    from docmill.local.doctor import examine

    checks = examine(settings())
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        _print_checks(checks)
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


def version() -> None:
    """Print the version."""
    from docmill import __version__

    typer.echo(f"docmill {__version__}")


def worker() -> None:
    """Run a Celery worker here. Needs DOCMILL_DATABASE_URL and DOCMILL_BROKER_URL.

    Exits 75 when it takes no messages any more: start it again.
    """
    from docmill.worker.main import run_worker

    raise typer.Exit(run_worker(settings()))


def beat() -> None:
    """Run Celery Beat here: recovery and clean-up by the clock. One is enough."""
    from docmill.worker.main import run_beat

    run_beat(settings())


def api() -> None:
    """Run the HTTP API here, on DOCMILL_API_HOST and DOCMILL_API_PORT."""
    from docmill.api.serve import serve

    serve(settings())


def _print_checks(checks: list[Check]) -> None:
    from rich import box
    from rich.table import Table

    table = Table("", "check", "found", "what to do", box=box.SIMPLE)
    for check in checks:
        mark = "[green]ok[/]" if check.ok else "[red]!![/]"
        table.add_row(mark, check.name, check.detail, "" if check.ok else check.advice)
    stdout().print(table)
