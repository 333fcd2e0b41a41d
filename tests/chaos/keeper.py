"""Keeps programs running as an init system does: what ends is started again after half a second."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, Signals
from typing import TypeVar

from docmill.local.process import Part, Process, stop_together

T = TypeVar("T")

_REST = 0.5  # seconds between an end and the next start
_LOOK_EVERY = 0.05


@dataclass
class _Kept:
    """A part, whether it should run, and its latest process."""

    part: Part
    wanted: bool = True
    process: Process | None = None
    ended: float = 0.0

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.exit_code is None


class Keeper:
    """Starts everything in one thread that outlives it all: the kernel ties a child to that thread."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._kept: dict[str, _Kept] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_all, name="keeper", daemon=True)
        self._thread.start()

    def keep(self, *parts: Part) -> None:
        """Start these parts, and again whenever they end."""
        for part in parts:
            self._kept[part.name] = _Kept(part)

    def pid(self, name: str) -> int | None:
        """The process id of a part; None while it does not run."""
        kept = self._kept[name]
        process = kept.process
        return process.pid if process is not None and process.exit_code is None else None

    def is_ready(self, name: str) -> bool:
        """Whether a part answers, by its own test."""
        process = self._kept[name].process
        return process is not None and process.exit_code is None and process.is_ready

    def wait_until_ready(self, *names: str) -> None:
        """Return when these parts answer. Raises TimeoutError after their patience."""
        for name in names:
            deadline = time.monotonic() + self._kept[name].part.patience
            while not self.is_ready(name):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{name} does not answer; see {self._logs / name}.log")
                time.sleep(_LOOK_EVERY)

    @contextlib.contextmanager
    def down(self, name: str, signal: Signals = SIGKILL) -> Iterator[None]:
        """End a part by this signal; it does not run within the block and is started again after it."""
        kept = self._kept[name]
        kept.wanted = False
        try:
            self._end(kept, signal)
            yield
        finally:
            kept.wanted = True

    def drop(self, name: str) -> None:
        """End a part and keep it no more."""
        kept = self._kept[name]
        kept.wanted = False
        self._end(kept, SIGKILL)
        del self._kept[name]

    def stop(self) -> None:
        """Stop everything, the last named first. Returns when nothing runs."""
        for kept in self._kept.values():
            kept.wanted = False
        self._stop.set()
        self._thread.join()

    def _end(self, kept: _Kept, signal: Signals, patience: float = 20.0) -> None:
        pid, deadline = self.pid(kept.part.name), time.monotonic() + patience
        if pid is not None:
            os.kill(pid, signal)
        while kept.runs:
            if time.monotonic() > deadline and pid is not None:
                os.kill(pid, SIGKILL)
            time.sleep(_LOOK_EVERY)

    def _keep_all(self) -> None:
        while not self._stop.wait(_LOOK_EVERY):
            for kept in list(self._kept.values()):
                self._look_after(kept)
        for kept in reversed(self._kept.values()):
            if kept.process is not None:
                stop_together([kept.process])

    def _look_after(self, kept: _Kept) -> None:
        if kept.runs:
            kept.ended = 0.0
            return
        kept.ended = kept.ended or time.monotonic()
        if kept.wanted and (kept.process is None or time.monotonic() - kept.ended > _REST):
            kept.process = Process(kept.part, self._logs)


def patiently(look: Callable[[], T], seconds: float, every: float = 0.02) -> T | None:
    """The first answer of `look` that counts as true; None when there is none within so many seconds."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        if time.monotonic() > deadline:
            return None
        time.sleep(every)
    return answer
