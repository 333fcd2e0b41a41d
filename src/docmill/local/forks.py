"""Starts docmill's own commands as forks of one process that has loaded what they share.

A part that is started by itself loads for two to three seconds. Here that is done once, while the servers
start, and what was loaded is in memory once. The one process is the program `docmill.cli.fork_server`.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "docmill.cli.fork_server")
LONGEST_ORDER = 1024 * 1024  # bytes; an environment is most of it
_LONGEST_ANSWER = 1024
_PATIENCE = 10.0  # seconds to an answer; to fork takes a hundredth of one


class Fork:
    """One of docmill's commands as a fork; asked as a Popen is."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._server = server
        self._handle = os.pidfd_open(pid)  # there until the server is asked how it ended
        self._lock = threading.Lock()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended; the server need not answer for that."""
        with self._lock:
            return self.returncode is None and not _is_readable(self._handle, 0.0)

    def poll(self) -> int | None:
        """Its exit code, the negative number of a signal that ended it; None while it runs."""
        with self._lock:
            if self.returncode is None and _is_readable(self._handle, 0.0):
                self.returncode = self._server.exit_code(self.pid)
                os.close(self._handle)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The same, once it has ended. Raises TimeoutExpired."""
        if self.returncode is None and not _is_readable(self._handle, timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        with self._lock, suppress(ProcessLookupError):
            if self.returncode is None:
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The other side of the program: it can be started anew; what it forked does not outlive it."""

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._orders: socket.socket | None = None
        self._pid: int | None = None  # once it has loaded

    def connect(self) -> socket.socket:
        """What the program about to start, and no other, gets as its standard input."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LONGEST_ORDER)
        with self._lock:
            self.close()
            self._orders = ours
        return theirs

    def close(self) -> None:
        """Let it end."""
        if self._orders is not None:
            self._orders.close()
        self._orders = self._pid = None

    def has_loaded(self) -> bool:
        """Whether it forks."""
        with self._lock:
            orders = self._orders
            if orders is not None and _is_readable(orders.fileno(), 0.0):  # that it has loaded, or its end
                self._pid = None
                with suppress(OSError):
                    self._pid = self._answer(orders)["pid"]
            return self._pid is not None

    def fork(
        self, words: Sequence[str], environment: Mapping[str, str], folder: Path, out: int, err: int
    ) -> Fork:
        """Start `docmill WORDS…` with this environment and no other, writing to these. Raises OSError."""
        order = {"words": list(words), "environment": dict(environment), "folder": str(folder)}
        return Fork(self, self._ask(order, out, err)["pid"])

    def exit_code(self, pid: int) -> int:
        """How one ended that has ended; the kernel killed it where the server is not there any more."""
        with suppress(OSError):
            return int(self._ask({"ended": pid})["code"])
        return -signal.SIGKILL

    def _ask(self, order: Mapping[str, object], *handles: int) -> dict[str, Any]:
        with self._lock:
            if self._orders is None or self._pid is None:
                raise OSError(errno.ENOTCONN, "what forks it has not loaded")
            data = json.dumps(order).encode()
            if len(data) > LONGEST_ORDER:
                raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
            self._orders.settimeout(self._patience)
            socket.send_fds(self._orders, [data], handles)
            return self._answer(self._orders)

    def _answer(self, orders: socket.socket) -> dict[str, Any]:
        """Its next answer. One that comes too late would be taken for another, so a late server is ended."""
        try:
            answer = orders.recv(_LONGEST_ANSWER)
        except TimeoutError:
            if self._pid is not None:
                os.kill(self._pid, signal.SIGKILL)
            raise
        if not answer:
            raise OSError(errno.ECONNRESET, "what forks it has ended")
        return dict(json.loads(answer))


def _is_readable(handle: int, timeout: float | None) -> bool:
    """Of a process: whether it has ended. `timeout` in seconds; None: none."""
    asked = select.poll()
    asked.register(handle, select.POLLIN)
    return bool(asked.poll(None if timeout is None else timeout * 1000))
