"""What goes where: data to stdout, progress and errors to stderr, colour and bars only to a terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import typer

from docmill.domain.errors import DocmillError

if TYPE_CHECKING:  # what only says a line does without
    from rich.console import Console
    from rich.text import Text

# A table that is piped somewhere should not be folded at the 80 columns assumed for an unknown terminal.
PIPED_WIDTH = 200

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@cache
def stdout() -> Console:
    """Where data goes."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


@cache
def stderr() -> Console:
    """Where progress goes."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PIPED_WIDTH)


def printable(text: str) -> str:
    """The text without control characters: a document must not be able to steer a terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def plain(text: str) -> Text:
    """The text for a table or bar: printable, and taken as it is, not as markup."""
    from rich.text import Text

    return Text(printable(text))


def print_error(error: DocmillError, about: str | None = None) -> None:
    """One line on stderr: what happened, what to do, and the stable code."""
    subject = f"{about}: " if about else ""
    line = " ".join(f"docmill: {subject}{error.message} [{error.code}]".split())
    typer.echo(printable(line), err=True)


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """The value as one indented JSON document on stdout."""
    import json

    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_json_line(value: Mapping[str, object]) -> None:
    """The value as one line of JSON on stdout."""
    import json

    typer.echo(json.dumps(value, ensure_ascii=False))
