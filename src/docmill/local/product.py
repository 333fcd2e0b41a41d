"""Which parts the product has on this machine, and what each is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from signal import Signals

from pydantic import SecretStr

from docmill.local.leftovers import MARK
from docmill.local.process import Part, Stop
from docmill.local.readiness import api_answers, listens, worker_ails, worker_answers
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


def worker(settings: Settings) -> Part:
    """The Celery worker with its processes."""
    return Part(
        name="worker",
        command=_command("worker"),
        address=f"{settings.worker_processes} processes",
        environment=_environment(settings),
        is_ready=partial(worker_answers, settings.database),
        stops=_AT_THE_NEXT_STEP,
        folder=_folder(settings),
        ails=partial(worker_ails, settings.database),
    )


def beat(settings: Settings) -> Part:
    """Celery Beat."""
    return Part(
        name="beat",
        command=_command("beat"),
        address=f"every {settings.sweep_seconds:g} s",
        environment=_environment(settings),
        is_ready=lambda _pid: True,
        stops=_SOON,
        folder=_folder(settings),
    )


def api(settings: Settings) -> Iterator[Part]:
    """The HTTP API, one part a process; `settings.api_port` must be a real port."""
    for number in range(1, settings.api_processes + 1):
        yield _api(settings, "api" if number == 1 else f"api-{number}")


def _api(settings: Settings, name: str) -> Part:
    url = api_url(settings)
    return Part(
        name=name,
        command=[*_command("api"), "--share-port"],
        address=url,
        environment=_environment(settings),
        is_ready=lambda pid: listens(pid) and api_answers(url),
        stops=_SOON,
        folder=_folder(settings),
    )


def _command(name: str) -> list[str]:
    return [sys.executable, "-m", "docmill", name]


def _folder(settings: Settings) -> Path:
    return settings.home / "run"


def _environment(settings: Settings) -> dict[str, str]:
    """Ours, and every setting as the supervisor has it, wherever it came from."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DOCMILL_")}
    chosen = {f"DOCMILL_{name.upper()}": _plain(value) for name, value in settings if value is not None}
    return {**ours, **chosen, MARK: str(settings.home.resolve()), "PYTHONUNBUFFERED": "1"}


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
