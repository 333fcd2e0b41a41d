"""What `docmill up` says: to the terminal, and to its own log."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from docmill.domain.errors import DocmillError
from docmill.local.process import LogFile
from docmill.local.state import State

Say = Callable[[str], None]
Announce = Callable[[Sequence[str]], None]


def terminal() -> Say:
    """Lines to the terminal, never folded: a key or an address must stay in one piece."""
    console = Console(highlight=False)
    return lambda line: console.print(line, markup=False, soft_wrap=True)


@contextlib.contextmanager
def logged(logs: Path, show: Say) -> Iterator[Say]:
    """Say lines to `show` and to logs/supervisor.log with the time; an error on its way out is logged too."""
    log = LogFile(logs / "supervisor.log")

    def write(line: str) -> None:
        log.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {line}")

    def say(line: str) -> None:
        write(line)
        show(line)

    try:
        yield say
    except DocmillError as error:
        write(error.message)
        raise
    finally:
        log.close()


def welcome(state: State, key: str, logs: Path) -> list[str]:
    """Each part with its address, where the logs are, and the one line that a user needs next."""
    parts = [f"  {part.name:<9} {part.address}" for part in state.parts]
    return [
        "docmill is ready.",
        *parts,
        f"  {'logs':<9} {logs}",
        f"API {state.api_url}/api/v1 · docs {state.api_url}/docs · key {key}",
    ]
