"""The commands in the order `docmill --help` shows them, and what becomes of an error."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import NoReturn

import typer

from docmill.cli.console import print_error
from docmill.domain.errors import DocmillError, FileNotUsable

_PARTS = "One part alone, for deployment"

# What is called and where it stands: the module in this package, and the function there.
_PANELS = {
    "On this machine": {
        "up": "processes:up",
        "down": "processes:down",
        "doctor": "doctor:doctor",
        "config": "configuration:config",
        "version": "processes:version",
    },
    "Documents": {
        "ingest": "ingest:ingest",
        "status": "documents:status",
        "history": "events:history",
        "list": "documents:list_",
        "show": "documents:show",
        "search": "search:search",
        "export": "documents:export",
        "pages": "pages:pages",
        "page": "pages:page",
        "correct": "pages:correct",
        "delete": "documents:delete",
    },
    "Steering": {
        "pause": "steering:pause",
        "resume": "steering:resume",
        "cancel": "steering:cancel",
        "retry": "steering:retry",
        "reprocess": "steering:reprocess",
        "priority": "steering:priority",
    },
    "What goes on": {
        "events": "events:events",
        "tasks": "admin:tasks",
        "workers": "admin:workers",
        "queues": "admin:queues",
        "logs": "admin:logs",
    },
    "The installation": {
        "stages": "holds:stages",
        "hold": "holds:hold",
        "release": "holds:release",
        "drain": "holds:drain",
        "undrain": "holds:undrain",
        "webhooks": "webhooks:app",
    },
    "Without a server": {
        "formats": "stages:formats",
        "read": "stages:read",
        "chunk": "stages:chunk",
    },
    _PARTS: {
        "worker": "processes:worker",
        "beat": "processes:beat",
        "api": "processes:api",
    },
}


def command_line(only: str | None = None) -> typer.Typer:
    """All commands, or `only` one if it is there: to load all takes half of the time of a short one."""
    app = typer.Typer(
        name="docmill",
        help="Documents in, cited passages out.",
        callback=_keep_the_command_a_word,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    is_known = any(only in places for places in _PANELS.values())
    for panel, places in _PANELS.items():
        for name, place in places.items():
            if name == only or not is_known:
                _add(app, name, place, panel)
    return app


def _keep_the_command_a_word() -> None:
    """Typer takes an application of one command without its name, unless something stands above it."""


def _add(app: typer.Typer, name: str, place: str, panel: str) -> None:
    module, attribute = place.split(":")
    command = getattr(import_module(f"docmill.cli.{module}"), attribute)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name, rich_help_panel=panel)
    else:
        app.command(name, rich_help_panel=panel)(command)


def run() -> None:
    """Run the command line; an error becomes one line on stderr and its exit code, not a traceback.

    A part that runs alone writes a log, where the traceback of what nobody expected belongs.
    """
    try:
        command_line(sys.argv[1] if len(sys.argv) > 1 else None)()
    except DocmillError as error:
        _leave(error)
    except Exception as error:
        if sys.argv[1:2] and sys.argv[1] in _PANELS[_PARTS]:
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
