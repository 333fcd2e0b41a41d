"""Commands that hold stages of the installation, or all of them for maintenance."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from docmill.cli.connection import connect
from docmill.cli.console import plain, print_json, stdout
from docmill.domain.states import StageName

if TYPE_CHECKING:
    from docmill.cli.client import Json

LOOK_SECONDS = 0.5

Stages = Annotated[list[StageName], typer.Argument(show_default=False, metavar="STAGE…", help="Stages.")]
Reason = Annotated[str, typer.Option(help="Shown to whoever waits.")]


def hold(stages: Stages, reason: Reason = "") -> None:
    """Let no document into a stage; what is in work there stops at its next step and waits."""
    with connect() as client:
        for stage in stages:
            client.steer_stages(f"stages/{stage}/hold", reason)
            typer.echo(f"held {stage}")


def release(stages: Stages) -> None:
    """End the hold of a stage; what waited in front of it goes on at once."""
    with connect() as client:
        for stage in stages:
            client.steer_stages(f"stages/{stage}/release")
            typer.echo(f"released {stage}")


def drain(
    reason: Reason = "",
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Return when nothing is in work.")] = False,
) -> None:
    """Hold every stage, for maintenance. Files are still taken in, and wait."""
    with connect() as client:
        running = client.steer_stages("drain", reason)["running"]
        while wait and running:
            time.sleep(LOOK_SECONDS)
            running = client.stages()["running"]
    typer.echo(f"drained: {running:,} still in work")


def undrain() -> None:
    """End the drain: everything goes on at once, where it stood."""
    with connect() as client:
        client.steer_stages("undrain")
    typer.echo("going on")


def stages(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what is held, what waits and what runs in each stage."""
    with connect() as client:
        now = client.stages()
    if as_json:
        print_json(now)
    else:
        _print_stages(now)


def _print_stages(now: Json) -> None:
    from rich import box
    from rich.table import Table

    table = Table("stage", "since", "asks again", "reason", box=box.SIMPLE)
    for name in ("queued", "running"):
        table.add_column(name, justify="right")
    for stage in now["items"]:
        counts = (f"{stage[key]:,}" for key in ("queued", "running"))
        times = (stage[key] or "" for key in ("since", "until"))
        table.add_row(stage["stage"], *times, plain(stage["reason"] or ""), *counts)
    stdout().print(table)
