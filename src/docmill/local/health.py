"""Ends parts that run and yet do not do their work, such as a worker whose main process hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from docmill.local.process import Process
from docmill.local.terminal import Say

_LOOK_EVERY = 2.0  # seconds
# Seconds that something must be wrong: after an outage of the database all signs of life are old.
_PATIENCE = 10.0


@contextmanager
def watching_health(
    processes: Callable[[], Sequence[Process]], say: Say, patience: float = _PATIENCE
) -> Iterator[None]:
    """Look after these processes for as long as the block lasts, in a thread: to ask one may take seconds."""
    stop = threading.Event()
    health = _Health(processes, say, patience)
    thread = threading.Thread(target=health.watch, args=(stop,), name="health", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()  # not waited for: a server that hangs may keep it


class _Health:
    """Since when which process ails."""

    def __init__(self, processes: Callable[[], Sequence[Process]], say: Say, patience: float) -> None:
        self._processes = processes
        self._patience = patience
        self._say = say
        self._ailing: dict[int, float] = {}

    def watch(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        while not stop.wait(_LOOK_EVERY):
            running = [process for process in self._processes() if process.exit_code is None]
            self._ailing = {pid: since for process in running for pid, since in self._look(process)}

    def _look(self, process: Process) -> Iterator[tuple[int, float]]:
        """Its process id and since when it ails; ends it when that lasted too long."""
        reason = process.part.ails(process.pid)
        if reason is None:
            return
        since = self._ailing.get(process.pid, time.monotonic())
        if time.monotonic() - since >= self._patience:
            self._say(f"{process.part.name} {reason}; it is ended.")
            process.kill()
        yield process.pid, since
