"""What a child does that opens strangers' files: it answers its parent's requests, one after another.

It may hang, grow or crash: the parent (child_process.py) sees to that. It dies with its parent, holds no
secret and no connection, and gives up all that its work does not need (confinement.py).
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from docmill.adapters.readers import wire
from docmill.adapters.readers.confinement import confine, limit_memory
from docmill.domain.errors import DocmillError
from docmill.domain.reading_errors import DamagedFile, ReaderTooLarge

PR_SET_PDEATHSIG = 1
CPU_GRACE_SECONDS = 5
COLLECT_AFTER = 50_000  # new objects; by default, collecting takes a third of the time of a large document

Answering = Callable[[wire.Message], Iterator[wire.Message]]


def main(answering: Answering) -> int:
    """Serve requests on standard input until it ends. `answering` may raise DocmillError."""
    parent, (inbox, outbox, *more) = int(sys.argv[1]), map(Path, sys.argv[2:])
    confine((inbox, *more), outbox)
    _die_with(parent)
    gc.set_threshold(COLLECT_AFTER)
    requests, answers = sys.stdin.buffer, _own_standard_output()
    answers.write(wire.READY if _may_enter(inbox) and _may_enter(outbox) else wire.LOST)
    answers.flush()
    while (request := wire.receive(requests)) is not None:
        if not _serve(answering, request, answers):
            return 1
    return 0


def _may_enter(folder: Path) -> bool:
    """Whether the folder was there when this process gave up all others, and is the same one still."""
    try:
        os.listdir(folder)
    except OSError:
        return False
    return True


def _die_with(parent: int) -> None:
    """Ask the kernel for a kill when the parent is gone, and notice if it already was."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _own_standard_output() -> BinaryIO:
    """Keep the pipe for answers; whatever an engine prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _serve(answering: Answering, request: wire.Message, answers: BinaryIO) -> bool:
    """Answer one request; False when this process should not be used again."""
    _limit_cpu(float(request["seconds"]))
    limit_memory(int(request["memory_bytes"]))
    try:
        for message in answering(request):
            wire.send(answers, message)
    except DocmillError as error:
        return _refuse(answers, error)
    except MemoryError:
        return _refuse(answers, ReaderTooLarge())
    except RecursionError:
        return _refuse(answers, DamagedFile("The document is nested too deeply to be read."))
    wire.send(answers, {"end": True})
    return True


def _refuse(answers: BinaryIO, error: DocmillError) -> bool:
    message = {"error": [error.code, error.message]}
    wire.send(answers, message)
    return wire.ends(message)


def _limit_cpu(seconds: float) -> None:
    """The limit counts from the birth of the process, so it is moved on for each document."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + CPU_GRACE_SECONDS, resource.RLIM_INFINITY))
