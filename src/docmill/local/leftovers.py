"""Processes that a killed `docmill up` may have left behind, known by marks that nobody else carries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

MARK = "DOCMILL_SUPERVISED_IN"  # in the environment of all we start: the data directory

_SERVERS = ("postgres", "valkey-server", "redis-server")


def started_for(home: Path) -> list[psutil.Process]:
    """The processes that a supervisor of this data directory started, and their children."""
    whose = str(home.resolve())
    return list(_others(lambda process: process.environ().get(MARK) == whose))


def servers_in(folder: Path) -> list[psutil.Process]:
    """The database and broker processes that work in `folder`: each goes there first, and stays."""
    where = str(folder.resolve())
    return list(_others(lambda process: process.name() in _SERVERS and process.cwd() == where))


def _others(matches: Callable[[psutil.Process], bool]) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and matches(process):
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # gone, or another user's: not ours


def end(processes: list[psutil.Process], patience: float = 5.0) -> None:
    """Wait for processes that are already on their way out, then kill what is left.

    psutil compares start times before it sends a signal, so a number that was given anew is never hit.
    """
    _, left = psutil.wait_procs(processes, timeout=patience)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=patience)
