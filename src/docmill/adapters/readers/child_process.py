"""The process of a child that opens strangers' files: its pipes, its age, its end and what caused it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from docmill.adapters.readers import wire
from docmill.domain import errors
from docmill.logs import get_logger

log = get_logger(__name__)

PIPE_BYTES = 256 * 1024
LOOK_UP_SECONDS = 0.25
OUT_OF_MEMORY = ("memory allocation of", "memoryerror", "out of memory")
READING_PROGRAM = "docmill.adapters.readers.child"
KEPT_ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
CHILD_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKIO_WORKER_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}


class ChildProcess:
    """One child as its parent sees it. `idle` is false from a request to the end of its answer.

    It dies with the thread that made it, so that thread has to be one that stays.
    """

    def __init__(self, memory_bytes: int, program: str = READING_PROGRAM) -> None:
        self.owner = os.getpid()
        self.documents = 0
        self.idle = True
        self._memory = memory_bytes
        self._complaints = os.fdopen(os.memfd_create("complaints"), "w+b")
        command = [sys.executable, "-m", program, str(self.owner), str(memory_bytes)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=_environment(),
            process_group=0,
        )

    def is_fit(self, documents: int, resident_bytes: int) -> bool:
        """Whether it is ours, alive, young and small enough for another document."""
        return (
            self.owner == os.getpid()
            and self._process.poll() is None
            and self.documents < documents
            and self._resident() <= resident_bytes
        )

    def ask(self, path: Path, seconds: float, **request: object) -> None:
        """Ask for something about a file, within so many seconds of CPU time. Raises ReaderCrashed."""
        self.documents += 1
        self.idle = False
        try:
            assert self._process.stdin is not None
            message = {**request, "path": os.fspath(path.absolute()), "seconds": seconds}
            wire.send(self._process.stdin, message)  # type: ignore[arg-type]
        except BrokenPipeError as error:
            raise self._cause_of_death() from error

    def answer(self, seconds: float, interrupt: Callable[[], None]) -> wire.Message:
        """The next message. Raises ReaderTimeout, ReaderTooLarge, ReaderCrashed or as `interrupt` does."""
        deadline = time.monotonic() + seconds
        length = int.from_bytes(self._take(wire.LENGTH_BYTES, deadline, interrupt), "big")
        if length > wire.MESSAGE_BYTES:
            raise errors.ReaderTooLarge
        try:
            message = wire.parse(self._take(length, deadline, interrupt))
        except ValueError as error:
            raise errors.ReaderCrashed from error
        self.idle = wire.ends(message)
        return message

    def kill(self) -> None:
        """End it and everything it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._complaints):
            if pipe is not None:
                _close(pipe)

    def _take(self, size: int, deadline: float, interrupt: Callable[[], None]) -> bytes:
        assert self._process.stdout is not None
        descriptor, taken = self._process.stdout.fileno(), bytearray()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while len(taken) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise errors.ReaderTimeout
            if not poll.poll(min(left, LOOK_UP_SECONDS) * 1000):
                interrupt()
                continue
            piece = os.read(descriptor, min(size - len(taken), PIPE_BYTES))
            if not piece:
                raise self._cause_of_death()
            taken += piece
        return bytes(taken)

    def _cause_of_death(self) -> errors.Unreadable:
        """What ended the child: its time, its memory, or a fault. One that closed its pipe ends here."""
        os.killpg(self._process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if self._process.returncode == -signal.SIGXCPU:
            return errors.ReaderTimeout()
        words = self._last_words()
        if usage.ru_maxrss * 1024 > self._memory * 0.7 or any(
            sign in words.lower() for sign in OUT_OF_MEMORY
        ):
            return errors.ReaderTooLarge()
        log.warning("reader_crashed", exit_code=self._process.returncode, last_words=words)
        return errors.ReaderCrashed()

    def _last_words(self) -> str:
        """The end of what it wrote to standard error; for logs only, it may name paths."""
        self._complaints.seek(max(0, self._complaints.seek(0, os.SEEK_END) - 4096))
        return self._complaints.read().decode("utf-8", "replace")

    def _resident(self) -> int:
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # a request that was still in the buffer; its reader is dead


def _environment() -> dict[str, str]:
    """What a child needs to start, and no secret."""
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    return {**kept, **CHILD_ENVIRONMENT}
