"""Commands that start, stop and examine the processes of docmill."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from docmill.cli.configuration import settings


@contextmanager
def loading() -> Iterator[None]:
    """For imports, none of which is garbage: looking for it takes a tenth of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when all is ready.")] = False,
) -> None:
    """Start docmill on this machine: broker, database, workers, Beat and API, as one process tree."""
    with loading():
        from docmill.local.up import up as start

    raise typer.Exit(start(settings(), detach=detach))


def down() -> None:
    """Stop what `docmill up` started on this data directory."""
    from docmill.local.down import down as stop

    raise typer.Exit(stop(settings()))


def version() -> None:
    """Print the version."""
    from docmill import __version__

    typer.echo(f"docmill {__version__}")


def worker() -> None:
    """Run a Celery worker here. Needs DOCMILL_DATABASE_URL and DOCMILL_BROKER_URL.

    Exits 75 when it takes no messages any more: start it again.
    """
    with loading():
        from docmill.worker.main import run_worker

    raise typer.Exit(run_worker(settings()))


def beat() -> None:
    """Run Celery Beat here: recovery and clean-up by the clock. One is enough."""
    with loading():
        from docmill.worker.beat import run_beat

    run_beat(settings())


def api(
    share_port: Annotated[
        bool, typer.Option("--share-port", help="Let further processes started so listen on the same port.")
    ] = False,
) -> None:
    """Run the HTTP API here, on DOCMILL_API_HOST and DOCMILL_API_PORT."""
    with loading():
        from docmill.api.serve import serve

    serve(settings(), share_port=share_port)
