"""Workers that start at once: forked from a process that has loaded what `docmill worker` loads.

To load it takes two seconds of processor time, and tests start some fifty workers. A forked one is a process
of its own like any other: its settings, connections and children are made after the fork.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from tests.programs import answering, ask


class Forked:
    """A worker that the nursery started; asked as a Popen is."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, the negative number of a signal that ended it; None while it runs."""
        if self.returncode is None:
            self.returncode = self._nursery.ask({"ended": self.pid})["code"]
        return self.returncode

    def wait(self, timeout: float = 60.0) -> int:
        """The same, once it has ended. Raises TimeoutExpired."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("docmill worker", timeout)
            time.sleep(0.02)
        return code

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Nursery:
    """The process that forks workers, started by the first one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def start(self, environment: Mapping[str, str], log: Path) -> Forked:
        """Start `docmill worker` with this environment and no other, what it says added to `log`."""
        answer = self.ask({"environment": dict(environment), "log": str(log)})
        return Forked(self, answer["pid"])

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """What the nursery answers to an order."""
        with self._lock:
            self._process = self._process or answering("tests.nursery_main")
            return ask(self._process, order)

    def close(self) -> list[str]:
        """End the nursery; the workers that nobody has ended."""
        if self._process is None:
            return []
        workers = psutil.Process(self._process.pid).children(recursive=True)
        left = [str(worker) for worker in workers if worker.status() != psutil.STATUS_ZOMBIE]
        self._process.communicate(timeout=10)
        return left


NURSERY = Nursery()
