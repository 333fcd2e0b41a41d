"""One program under supervision: how it is started, where its words go, how it is asked to stop."""

from __future__ import annotations

import errno
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from signal import Signals

from docmill.local import child
from docmill.local.accounts import Account
from docmill.local.forks import Fork

_LOG_BYTES = 10 * 1024 * 1024
_LOG_FILES = 4
_LINE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Stop:
    """Send `signal` once the stop has lasted `after` seconds."""

    signal: Signals
    after: float


@dataclass(frozen=True, slots=True)
class Part:
    """A program and all that is needed to run it. Secrets travel in `environment`, never in `command`."""

    name: str
    command: Sequence[str]
    address: str
    environment: Mapping[str, str] = field(repr=False)
    is_ready: Callable[[int], bool]  # asked with its process id
    stops: Sequence[Stop]
    folder: Path = Path("/")
    account: Account | None = None
    death_signal: Signals = Signals.SIGKILL  # what it gets when the supervisor itself is killed
    before_start: Callable[[], None] = lambda: None
    patience: float = 90.0  # seconds until it must be ready
    # Asked, with its process id, while it runs: what is wrong with it, if anything is.
    ails: Callable[[int], str | None] = lambda _pid: None
    standard_input: Callable[[], socket.socket] | None = None
    # Where it is forked and not run by its command: is given what it writes to. Raises OSError.
    fork: Callable[[int], Fork] | None = None
    can_start: Callable[[], bool] = lambda: True


class LogFile:
    """A file of lines that is renewed by size: 10 MiB, and three older ones."""

    def __init__(self, path: Path) -> None:
        self._handler = RotatingFileHandler(
            path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES - 1, encoding="utf-8", errors="replace"
        )

    def write(self, line: str) -> None:
        """Append one line."""
        self._handler.handle(logging.makeLogRecord({"msg": line}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


def child_command(
    command: Sequence[str], *, account: Account | None = None, death_signal: Signals = Signals.SIGKILL
) -> list[str]:
    """`command` in the wrapper that ties it to the life of this process."""
    uid, gid = (account.uid, account.gid) if account else (child.OURSELVES, child.OURSELVES)
    wrapper = [sys.executable, "-I", "-S", str(child.__file__)]
    return [*wrapper, str(os.getpid()), str(int(death_signal)), str(uid), str(gid), *command]


class Process:
    """A running part. Make it in the main thread: the kernel ties a child to the thread that made it."""

    def __init__(self, part: Part, logs: Path) -> None:
        part.before_start()
        self.part = part
        self.began = time.monotonic()
        self.last_line = "it said nothing"
        self._signals_sent = 0
        with ExitStack() as failed:
            log = failed.enter_context(closing(LogFile(logs / f"{part.name}.log")))
            reader, writer = os.pipe()
            with open(writer, "wb") as output:
                failed.callback(os.close, reader)
                self._copier = threading.Thread(target=self._copy, args=(reader, log), daemon=True)
                _start(self._copier)
                failed.pop_all()  # it closes both, when the last who writes has ended
                self._program = part.fork(output.fileno()) if part.fork else _run(part, output.fileno())

    def _copy(self, reader: int, log: LogFile) -> None:
        with open(reader, "rb") as output:
            while piece := output.readline(_LINE_BYTES):
                line = piece.decode(errors="replace").rstrip("\n")
                log.write(line)
                self.last_line = line.strip() or self.last_line
        log.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._program.pid

    @property
    def is_ready(self) -> bool:
        """Whether it answers, by its own test."""
        return self.part.is_ready(self.pid)

    @property
    def fork(self) -> Fork | None:
        """What tells by itself that it has ended, since no signal does."""
        return self._program if isinstance(self._program, Fork) else None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal where one ended it."""
        return self._program.poll()

    def press(self, elapsed: float) -> None:
        """Send the signals that are due `elapsed` seconds into its stop."""
        for stop in self.part.stops[self._signals_sent :]:
            if elapsed >= stop.after:
                self._program.send_signal(stop.signal)
                self._signals_sent += 1

    def kill(self) -> None:
        """End it at once: it does not do its work any more."""
        self._program.kill()

    def finish(self) -> None:
        """Wait until its last words are in the log; somebody it left behind may keep the pipe open."""
        self._copier.join(timeout=0.3)


def _start(thread: threading.Thread) -> None:
    """Raises OSError where the machine has no thread left."""
    try:
        thread.start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error


def _run(part: Part, output: int) -> subprocess.Popen[bytes]:
    given = part.standard_input() if part.standard_input else None
    try:
        return subprocess.Popen(
            child_command(part.command, account=part.account, death_signal=part.death_signal),
            cwd=part.folder,
            env=dict(part.environment),
            stdin=given.fileno() if given else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C of the terminal reaches the supervisor alone
        )
    finally:
        if given:
            given.close()


def stop_together(processes: Sequence[Process]) -> None:
    """Ask all of them to stop, with growing force; returns when none runs."""
    began = time.monotonic()
    while running := [process for process in processes if process.exit_code is None]:
        for process in running:
            process.press(time.monotonic() - began)
        time.sleep(0.02)
    for process in processes:
        process.finish()


def describe_end(code: int | None) -> str:
    """An exit code in words."""
    if code is not None and code < 0:
        return f"was ended by {Signals(-code).name}"
    return f"ended with exit code {code}"
