"""Docmill's commands that start at once: forked by the product's own fork server, one for a test process.

To load what they need takes two to three seconds of processor time, and tests start some hundred of them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil

from docmill.local.forks import COMMAND, Fork, ForkServer
from tests.polling import eventually


def program_of(server: ForkServer) -> subprocess.Popen[bytes]:
    """Start what forks for this side; it has to load yet."""
    with server.connect() as orders:
        return subprocess.Popen(COMMAND, stdin=orders.fileno(), start_new_session=True)


class Forking:
    """The fork server, started for the first command."""

    def __init__(self) -> None:
        self._server = ForkServer()
        self._program: subprocess.Popen[bytes] | None = None

    def start(self, *words: str, environment: Mapping[str, str], log: Path) -> Fork:
        """Start `docmill WORDS…` with this environment and no other, what it says added to `log`."""
        server = self._loaded()
        with log.open("ab") as output:
            return server.fork(words, environment, Path.cwd(), output.fileno(), output.fileno())

    def run(
        self, *words: str, environment: Mapping[str, str], timeout: float = 150
    ) -> subprocess.CompletedProcess[str]:
        """Run `docmill WORDS…` to its end."""
        server = self._loaded()
        with _Said() as out, _Said() as err:
            fork = server.fork(words, environment, Path.cwd(), out.handle, err.handle)
            code = fork.wait(timeout)
            return subprocess.CompletedProcess(("docmill", *words), code, out.text(), err.text())

    def close(self) -> list[str]:
        """End the server; the commands that nobody has ended."""
        if self._program is None:
            return []
        forks = psutil.Process(self._program.pid).children(recursive=True)
        left = [str(fork) for fork in forks if fork.status() != psutil.STATUS_ZOMBIE]
        self._server.close()
        self._program.wait(10)
        return left

    def _loaded(self) -> ForkServer:
        if self._program is None:
            self._program = program_of(self._server)
            eventually(self._server.has_loaded, seconds=60)
        return self._server


class _Said:
    """What a command writes, in a file that has no name: a pipe that is full would hold it up."""

    def __enter__(self) -> _Said:
        self.handle = os.memfd_create("said")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.handle)

    def text(self) -> str:
        """All of it."""
        return os.pread(self.handle, os.fstat(self.handle).st_size, 0).decode()


FORKING = Forking()
