"""The process of a child that opens strangers' files: its pipes, its age, its end and what caused it."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from docmill.adapters.readers import wire
from docmill.adapters.readers.confinement import WRITTEN_BYTES
from docmill.adapters.readers.scratch import Scratch
from docmill.domain.errors import DocmillError, StorageUnavailable
from docmill.domain.limits import reading_memory
from docmill.domain.reading_errors import ReaderCrashed, ReaderTimeout, ReaderTooLarge
from docmill.logs import get_logger

log = get_logger(__name__)

PIPE_BYTES = 256 * 1024
LOOK_UP_SECONDS = 0.25
START_SECONDS = 60.0
OUT_OF_MEMORY = ("memory allocation of", "memoryerror", "out of memory")
READING_PROGRAM = "docmill.adapters.readers.child"
KEPT_ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
CHILD_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKIO_WORKER_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_RESIDENT = 1.1  # of what it may allocate, with the libraries it has in memory


class ChildProcess:
    """One child as its parent sees it. `idle` is false from a request to the end of its answer.

    It dies with the thread that made it, so that thread has to be one that stays. It sees the file it is
    asked about in a scratch folder below `scratch_dir`, and besides only what is `readable` and Python's.
    """

    def __init__(
        self,
        memory_bytes: int,
        program: str = READING_PROGRAM,
        scratch_dir: Path | None = None,
        readable: Sequence[Path] = (),
    ) -> None:
        self.owner = os.getpid()
        self.documents = 0
        self.idle = True
        self._is_ready = False
        self.scratch = Scratch(scratch_dir)
        self._memory = self._allowed = memory_bytes
        self._complaints = os.fdopen(os.memfd_create("complaints"), "w+b")
        folders = [os.fspath(self.scratch.inbox), os.fspath(self.scratch.outbox)]
        folders += [os.fspath(folder.absolute()) for folder in readable]
        command = [sys.executable, "-P", "-m", program, str(self.owner), *folders]
        self._born_kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._process = self._started(command, folders[1])

    def _started(self, command: Sequence[str], outbox: str) -> subprocess.Popen[bytes]:
        """The process; StorageUnavailable where its folder is gone already."""
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                env=_environment(outbox),
                cwd=outbox,
                process_group=0,
            )
        except FileNotFoundError as error:
            gone = not self.scratch.is_there()
            self.scratch.remove()
            if gone:
                raise StorageUnavailable from error
            raise

    def is_fit(self, documents: int, resident_bytes: int) -> bool:
        """Whether it is ours, alive, young and small enough for another document, and finds its folder."""
        return (
            self.owner == os.getpid()
            and self._process.poll() is None
            and self.documents < documents
            and self.scratch.is_there()
            and self._resident() <= resident_bytes
        )

    def ask(self, path: Path, seconds: float, **request: object) -> None:
        """Ask for something about a file, within so many seconds of CPU time.

        The memory it may take grows with the file. Raises ReaderCrashed, and Unreadable without the file.
        """
        self.documents += 1
        self.idle = False
        self._forget_complaints()
        placed = self.scratch.place(path)
        self._allowed = reading_memory(self._memory, self.scratch.size_of(placed))
        message = {**request, "path": os.fspath(placed), "seconds": seconds, "memory_bytes": self._allowed}
        try:
            assert self._process.stdin is not None
            wire.send(self._process.stdin, message)  # type: ignore[arg-type]
        except BrokenPipeError as error:
            raise self._cause_of_death() from error

    def wait(self, interrupt: Callable[[], None]) -> None:
        """Wait until it has started, which is nobody's document's time. Raises as `answer` does.

        StorageUnavailable where its folder went away meanwhile, even if it has come back.
        """
        if not self._is_ready:
            said = self._take(len(wire.READY), time.monotonic() + START_SECONDS, interrupt)
            if said == wire.LOST:
                raise StorageUnavailable
            self._is_ready = True

    def answer(self, seconds: float, interrupt: Callable[[], None]) -> wire.Message:
        """The next message. Raises ReaderTimeout, ReaderTooLarge, ReaderCrashed or as `interrupt` does.

        StorageUnavailable where what it failed for is that its folder went away.
        """
        self.wait(interrupt)
        deadline = time.monotonic() + seconds
        length = int.from_bytes(self._take(wire.LENGTH_BYTES, deadline, interrupt), "big")
        if length > wire.MESSAGE_BYTES:
            raise ReaderTooLarge
        message = wire.parse(self._take(length, deadline, interrupt))
        if "error" in message and not self.scratch.is_there():
            raise StorageUnavailable
        self.idle = wire.ends(message)
        if self.idle:
            self.scratch.clear()
        return message

    def kill(self) -> None:
        """End it and everything it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._complaints):
            if pipe is not None:
                _close(pipe)
        self.scratch.remove()

    def _take(self, size: int, deadline: float, interrupt: Callable[[], None]) -> bytes:
        assert self._process.stdout is not None
        descriptor, taken = self._process.stdout.fileno(), bytearray()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while len(taken) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise ReaderTimeout
            if not poll.poll(min(left, LOOK_UP_SECONDS) * 1000):
                self._watch()
                interrupt()
                continue
            piece = os.read(descriptor, min(size - len(taken), PIPE_BYTES))
            if not piece:
                raise self._cause_of_death()
            taken += piece
        return bytes(taken)

    def _watch(self) -> None:
        """What its own limits cannot hold: shared memory, and the sum of what it writes."""
        if self._resident() > self._allowed * _RESIDENT or self.scratch.used_bytes() > WRITTEN_BYTES:
            raise ReaderTooLarge

    def _cause_of_death(self) -> DocmillError:
        """What ended the child: its time, its memory, a fault, or the loss of the folder with its file.

        One that closed its pipe ends here.
        """
        os.killpg(self._process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if not self.scratch.is_there():
            return StorageUnavailable()
        if self._process.returncode == -signal.SIGXCPU:
            return ReaderTimeout()
        words = self._last_words()
        silent_abort = self._process.returncode == -signal.SIGABRT and not words  # PDFium without memory
        if silent_abort or self._used_much(usage.ru_maxrss):
            return ReaderTooLarge()
        if any(sign in words.lower() for sign in OUT_OF_MEMORY):
            return ReaderTooLarge()
        log.warning("reader_crashed", exit_code=self._process.returncode, last_words=words)
        return ReaderCrashed()

    def _used_much(self, most_kilobytes: int) -> bool:
        """Whether it came near its limit. The kernel counts from the size its parent had at its birth."""
        return most_kilobytes > self._born_kilobytes and most_kilobytes * 1024 > self._allowed * 0.7

    def _last_words(self) -> str:
        """The end of what it wrote to standard error; for logs only, it may name paths."""
        self._complaints.seek(max(0, self._complaints.seek(0, os.SEEK_END) - 4096))
        return self._complaints.read().decode("utf-8", "replace")

    def _forget_complaints(self) -> None:
        """Both sides share one place in it, so what an engine prints for every file does not add up."""
        self._complaints.truncate(0)
        self._complaints.seek(0)

    def _resident(self) -> int:
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # a request that was still in the buffer; its reader is dead


def _environment(scratch: str) -> dict[str, str]:
    """What a child needs to start, and no secret."""
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    return {**kept, **CHILD_ENVIRONMENT, "TMPDIR": scratch, "HOME": scratch}
