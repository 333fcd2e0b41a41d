"""The reading child: `python -m docmill.adapters.readers.child`.

Reads one document after another at its parent's request. It may hang, grow or crash: the parent
(sandbox.py) sees to that. It dies with its parent, and holds no secret and no connection. Whatever else
has to open a stranger's file is a child of the same kind: `main` takes what answers a request.
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
from docmill.adapters.readers.bounds import bounded
from docmill.adapters.readers.registry import reader_for
from docmill.domain.documents import ReadInfo
from docmill.domain.errors import DamagedFile, DocmillError, ReaderTooLarge

PR_SET_PDEATHSIG = 1
RESERVED_BYTES = 1024**3
CPU_GRACE_SECONDS = 5
OPEN_FILES = 128
COLLECT_AFTER = 50_000  # new objects; by default, collecting takes a third of the time of a large document
WRITTEN_BYTES = 64 * 1024 * 1024


Answering = Callable[[wire.Message], Iterator[wire.Message]]


def main(answering: Answering) -> int:
    """Serve requests on standard input until it ends. `answering` may raise DocmillError."""
    parent, memory_bytes = int(sys.argv[1]), int(sys.argv[2])
    _die_with(parent)
    _limit(memory_bytes)
    gc.set_threshold(COLLECT_AFTER)
    requests, answers = sys.stdin.buffer, _own_standard_output()
    while (request := wire.receive(requests)) is not None:
        if not _serve(answering, request, answers):
            return 1
    return 0


def _die_with(parent: int) -> None:
    """Ask the kernel for a kill when the parent is gone, and notice if it already was."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _limit(memory_bytes: int) -> None:
    """The PDF engine reserves a gigabyte of addresses without using it; that is not held against it."""
    addresses = memory_bytes + RESERVED_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
    resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN_BYTES, WRITTEN_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _own_standard_output() -> BinaryIO:
    """Keep the pipe for answers; whatever an engine prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _serve(answering: Answering, request: wire.Message, answers: BinaryIO) -> bool:
    """Answer one request; False when this process should not be used again."""
    _limit_cpu(float(request["seconds"]))
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


def _read(request: wire.Message) -> Iterator[wire.Message]:
    media_type = str(request["media_type"])
    reader = reader_for(media_type, int(request["attempt"]))
    for item in reader.read(Path(str(request["path"])), media_type):
        if isinstance(item, ReadInfo):
            yield wire.info_message(item)
            continue
        for part in bounded(item):
            yield wire.part_message(part)


def _refuse(answers: BinaryIO, error: DocmillError) -> bool:
    message = {"error": [error.code, error.message]}
    wire.send(answers, message)
    return wire.ends(message)


def _limit_cpu(seconds: float) -> None:
    """The limit counts from the birth of the process, so it is moved on for each document."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + CPU_GRACE_SECONDS, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.exit(main(_read))
