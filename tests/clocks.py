"""A clock of their own for the processes of a test: that of a host whose clock is wrong, or set in mid-work.

libfaketime, loaded before everything else, tells a process another time of day. What counts seconds (the
monotonic clock) goes on as it does. A process that has threads must not fork under it: a lock of the
library may be held at that moment, and is for ever in the child.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

_LIBRARY = Path("vendor", "libfaketime", "src", "libfaketime.so.1")
MISSING = "libfaketime is not installed or does not run here, so no clock was set wrong"


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of whoever runs in `environment`; it is right until it is set."""

    file: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to go by this clock."""
        return _environment(self.file)

    @contextlib.contextmanager
    def off(self, seconds: int) -> Iterator[None]:
        """Within the block it is so many seconds fast, or slow where that is negative."""
        self._set(seconds)
        try:
            yield
        finally:
            self._set(0)

    def _set(self, seconds: int) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self.file)


@contextlib.contextmanager
def own_clock(folder: Path) -> Iterator[Clock | None]:
    """A clock that is right so far; None where there is none to be had."""
    if not _runs_here():
        yield None
        return
    clock = Clock(folder / "clock")
    clock._set(0)
    try:
        yield clock
    finally:
        _tidy()


def _tidy() -> None:
    """What the library leaves in shared memory when a process that it was loaded in is killed."""
    for left in Path("/dev/shm").glob("*faketime_s*_*"):
        if not psutil.pid_exists(int(left.name.rpartition("_")[2])):
            left.unlink(missing_ok=True)


def _environment(file: Path) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _library() -> Path | None:
    """Found, not imported: importing the package starts the interpreter again."""
    spec = importlib.util.find_spec("libfaketime")
    found = Path(spec.origin).parent / _LIBRARY if spec and spec.origin else None
    return found if found and found.is_file() else None


@cache
def _runs_here() -> bool:
    """Whether a process is really told another time: the library is built for one kind of machine."""
    if _library() is None:
        return False
    command = [sys.executable, "-c", "import time; print(time.time())"]
    preloaded = {"LD_PRELOAD": str(_library()), "FAKETIME": "+3600", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    told = subprocess.run(
        command, env={**os.environ, **preloaded}, capture_output=True, text=True, check=False
    )
    return told.returncode == 0 and float(told.stdout) > time.time() + 1800
