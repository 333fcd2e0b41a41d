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
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "docmill.cli.fork_server")
LONGEST_ORDER = 1024 * 1024  # bytes; an environment is most of it
_LONGEST_ANSWER = 1024
_PATIENCE = 5.0  # seconds to an answer; to fork takes a hundredth of one


class Fork:
    """One of docmill's commands as a fork; asked as a Popen is. Nothing here waits for the fork server."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._server = server
        self._handle = os.pidfd_open(pid)
        self._lock = threading.Lock()
        weakref.finalize(self, os.close, self._handle)

    def fileno(self) -> int:
        """What `select` says can be read once it has ended."""
        return self._handle

    def poll(self) -> int | None:
        """Its exit code, the negative number of a signal that ended it; None while it runs."""
        with self._lock:
            if self.returncode is None and _is_readable(self._handle, 0.0):
                self.returncode = _exit_code(self.pid)
                self._server.forget(self.pid)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The same, once it has ended. Raises TimeoutExpired."""
        if not _is_readable(self._handle, timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended; nobody else gets it, whoever has its number then."""
        with suppress(ProcessLookupError):
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
        ours.settimeout(self._patience)
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
        data = json.dumps(order).encode()
        if len(data) > LONGEST_ORDER:
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
        with self._lock:
            if self._orders is None or self._pid is None:
                raise OSError(errno.ENOTCONN, "what forks it has not loaded")
            answer = self._ask(self._orders, data, (out, err))
        if "errno" in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        return self._known(answer["pid"])

    def forget(self, pid: int) -> None:
        """Let the number of a fork that has ended be given anew; nobody waits for it."""
        orders = self._orders
        with suppress(OSError):
            if orders is not None:
                orders.send(json.dumps({"forget": pid}).encode(), socket.MSG_DONTWAIT)

    def _known(self, pid: int) -> Fork:
        try:
            return Fork(self, pid)
        except OSError:  # no handle is free: a part that nobody knows must not run
            os.kill(pid, signal.SIGKILL)
            raise

    def _ask(self, orders: socket.socket, data: bytes, handles: Sequence[int]) -> dict[str, Any]:
        """Its answer. One that comes too late would be taken for another, so a late server is ended."""
        try:
            socket.send_fds(orders, [data], handles)
            return self._answer(orders)
        except TimeoutError as error:
            if self._pid is not None:
                os.kill(self._pid, signal.SIGKILL)
            self.close()
            raise TimeoutError(errno.ETIMEDOUT, "what forks it does not answer") from error

    def _answer(self, orders: socket.socket) -> dict[str, Any]:
        answer = orders.recv(_LONGEST_ANSWER)
        if not answer:
            raise OSError(errno.ECONNRESET, "what forks it has ended")
        return dict(json.loads(answer))


def _exit_code(pid: int) -> int:
    """How a process ended that nobody has reaped; where somebody has, its parent died and it was killed.

    Its parent alone could wait for it; the last field of its line in /proc tells the same (proc(5)).
    """
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return -signal.SIGKILL
    return os.waitstatus_to_exitcode(int(line.split()[-1]))


def _is_readable(handle: int, timeout: float | None) -> bool:
    """Of a process: whether it has ended. `timeout` in seconds; None: none."""
    asked = select.poll()
    asked.register(handle, select.POLLIN)
    return bool(asked.poll(None if timeout is None else timeout * 1000))
