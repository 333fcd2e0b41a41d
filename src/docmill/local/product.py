"""Which parts the product has on this machine, and what each is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from signal import Signals
from typing import Any

from pydantic import SecretStr

from docmill.local.forks import COMMAND, ForkServer
from docmill.local.leftovers import MARK
from docmill.local.process import Part, Stop
from docmill.local.readiness import api_process_ails, api_process_answers, worker_ails, worker_answers
from docmill.local.state import secret
from docmill.settings import Settings

_SOON = (Stop(Signals.SIGTERM, 0), Stop(Signals.SIGKILL, 3.0))
# The worker lets its documents go at their next step; after that, Celery is told to end at once.
_AT_THE_NEXT_STEP = (Stop(Signals.SIGTERM, 0), Stop(Signals.SIGQUIT, 3.0), Stop(Signals.SIGKILL, 4.5))


def api_key(settings: Settings) -> SecretStr:
    """The key of the API: the one that is set, or the one kept in the data directory."""
    return settings.api_key or SecretStr(secret(settings.home / "api_key", prefix="dm_"))


def has_key(settings: Settings) -> bool:
    """Whether there is a key of the API already, set or kept."""
    return settings.api_key is not None or (settings.home / "api_key").exists()


def api_url(settings: Settings) -> str:
    """Where this machine reaches its API, without a path."""
    everywhere = settings.api_host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    host = "127.0.0.1" if everywhere else settings.api_host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.api_port}"


def forks(settings: Settings, server: ForkServer) -> Part:
    """What forks the parts below, from the same programs loaded once."""
    return Part(
        name="forks",
        command=COMMAND,
        address="worker, beat and api, loaded once",
        environment=_environment(settings),
        is_ready=lambda _pid: server.has_loaded(),
        stops=(Stop(Signals.SIGTERM, 0), Stop(Signals.SIGKILL, 0.5)),  # nothing runs below it by then
        folder=settings.home / "run",
        standard_input=server.connect,
    )


def worker(settings: Settings, server: ForkServer | None = None) -> Part:
    """The Celery worker with its processes."""
    return Part(
        name="worker",
        address=f"{settings.worker_processes} processes",
        is_ready=partial(worker_answers, settings.database),
        stops=_AT_THE_NEXT_STEP,
        ails=partial(worker_ails, settings.database),
        **_command(settings, server, "worker"),
    )


def beat(settings: Settings, server: ForkServer | None = None) -> Part:
    """Celery Beat."""
    return Part(
        name="beat",
        address=f"every {settings.sweep_seconds:g} s",
        is_ready=lambda _pid: True,
        stops=_SOON,
        **_command(settings, server, "beat"),
    )


def api(settings: Settings, server: ForkServer | None = None) -> Iterator[Part]:
    """The HTTP API, one part a process; `settings.api_port` must be a real port."""
    for number in range(1, settings.api_processes + 1):
        yield _api(settings, server, "api" if number == 1 else f"api-{number}")


def _api(settings: Settings, server: ForkServer | None, name: str) -> Part:
    return Part(
        name=name,
        address=api_url(settings),
        is_ready=api_process_answers,
        stops=_SOON,
        ails=api_process_ails,
        **_command(settings, server, "api", "--share-port"),
    )


def _command(settings: Settings, server: ForkServer | None, *words: str) -> dict[str, Any]:
    """How one of docmill's commands is run: by itself, or forked by the server where there is one."""
    environment, folder = _environment(settings), settings.home / "run"
    alone = {
        "command": [sys.executable, "-m", "docmill", *words],
        "environment": environment,
        "folder": folder,
    }
    if server is None:
        return alone
    return {
        **alone,
        "fork": lambda output: server.fork(words, environment, folder, output, output),
        "can_start": server.has_loaded,
    }


def _environment(settings: Settings) -> dict[str, str]:
    """Ours, and every setting as the supervisor has it, wherever it came from."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DOCMILL_")}
    chosen = {f"DOCMILL_{name.upper()}": _plain(value) for name, value in settings if value is not None}
    return {**ours, **chosen, MARK: str(settings.home.resolve()), "PYTHONUNBUFFERED": "1"}


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
