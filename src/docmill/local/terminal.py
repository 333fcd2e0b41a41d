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
from docmill.settings import Settings

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


def welcome(state: State, settings: Settings, new_key: str | None) -> list[str]:
    """Each part with its address, where logs and key are, and the API; a new key as a link, this once."""
    parts = [f"  {part.name:<9} {part.address}" for part in state.parts]
    kept = "as DOCMILL_API_KEY says" if settings.api_key else f"kept in {settings.home / 'api_key'}"
    link = [f"{state.api_url}/docs?key={new_key}"] if new_key else []
    return [
        "docmill is ready.",
        *parts,
        f"  {'logs':<9} {settings.home / 'logs'}",
        f"  {'key':<9} {kept}",
        f"API {state.api_url}/api/v1 · docs {state.api_url}/docs",
        *link,
    ]
