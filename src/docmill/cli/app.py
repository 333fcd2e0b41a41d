"""The commands in the order `docmill --help` shows them, and what becomes of an error."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from docmill.cli import (
    admin,
    configuration,
    doctor,
    documents,
    events,
    holds,
    ingest,
    pages,
    processes,
    search,
    stages,
    steering,
    webhooks,
)
from docmill.cli.console import print_error
from docmill.domain.errors import DocmillError, FileNotUsable

RUNNING = "On this machine"
DOCUMENTS = "Documents"
STEERING = "Steering"
WATCHING = "What goes on"
INSTALLATION = "The installation"
OFFLINE = "Without a server"
PARTS = "One part alone, for deployment"

PART_COMMANDS = ("worker", "beat", "api")

app = typer.Typer(
    name="docmill",
    help="Documents in, cited passages out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command(rich_help_panel=RUNNING)(processes.up)
app.command(rich_help_panel=RUNNING)(processes.down)
app.command(rich_help_panel=RUNNING)(doctor.doctor)
app.command(rich_help_panel=RUNNING)(configuration.config)
app.command(rich_help_panel=RUNNING)(processes.version)

app.command(rich_help_panel=DOCUMENTS)(ingest.ingest)
app.command(rich_help_panel=DOCUMENTS)(documents.status)
app.command(rich_help_panel=DOCUMENTS)(events.history)
app.command("list", rich_help_panel=DOCUMENTS)(documents.list_)
app.command(rich_help_panel=DOCUMENTS)(documents.show)
app.command(rich_help_panel=DOCUMENTS)(search.search)
app.command(rich_help_panel=DOCUMENTS)(documents.export)
app.command(rich_help_panel=DOCUMENTS)(pages.pages)
app.command(rich_help_panel=DOCUMENTS)(pages.page)
app.command(rich_help_panel=DOCUMENTS)(pages.correct)
app.command(rich_help_panel=DOCUMENTS)(documents.delete)

app.command(rich_help_panel=STEERING)(steering.pause)
app.command(rich_help_panel=STEERING)(steering.resume)
app.command(rich_help_panel=STEERING)(steering.cancel)
app.command(rich_help_panel=STEERING)(steering.retry)
app.command(rich_help_panel=STEERING)(steering.reprocess)
app.command(rich_help_panel=STEERING)(steering.priority)

app.command(rich_help_panel=WATCHING)(events.events)
app.command(rich_help_panel=WATCHING)(admin.tasks)
app.command(rich_help_panel=WATCHING)(admin.workers)
app.command(rich_help_panel=WATCHING)(admin.queues)
app.command(rich_help_panel=WATCHING)(admin.logs)

app.command(rich_help_panel=INSTALLATION)(holds.stages)
app.command(rich_help_panel=INSTALLATION)(holds.hold)
app.command(rich_help_panel=INSTALLATION)(holds.release)
app.command(rich_help_panel=INSTALLATION)(holds.drain)
app.command(rich_help_panel=INSTALLATION)(holds.undrain)
app.add_typer(webhooks.app, rich_help_panel=INSTALLATION)

app.command(rich_help_panel=OFFLINE)(stages.formats)
app.command(rich_help_panel=OFFLINE)(stages.read)
app.command(rich_help_panel=OFFLINE)(stages.chunk)

app.command(rich_help_panel=PARTS)(processes.worker)
app.command(rich_help_panel=PARTS)(processes.beat)
app.command(rich_help_panel=PARTS)(processes.api)


def run() -> None:
    """Run the command line; an error becomes one line on stderr and its exit code, not a traceback.

    A part that runs alone writes a log, where the traceback of what nobody expected belongs.
    """
    try:
        app()
    except DocmillError as error:
        _leave(error)
    except Exception as error:
        if sys.argv[1:2] and sys.argv[1] in PART_COMMANDS:
            raise
        _leave(_unexpected(error))


def _leave(error: DocmillError) -> NoReturn:
    if os.environ.get("DOCMILL_LOG_LEVEL") == "DEBUG":
        raise error
    print_error(error)
    sys.exit(error.exit_code)


def _unexpected(error: Exception) -> DocmillError:
    if isinstance(error, OSError) and error.filename:
        return FileNotUsable(
            f"{error.strerror}: {error.filename}. Check that it is there and its permissions."
        )
    return DocmillError(
        f"Something went wrong in docmill ({type(error).__name__}). "
        "Please report it with what DOCMILL_LOG_LEVEL=DEBUG shows."
    )
