"""What forks the workers of tests.nursery: `python -m tests.nursery_main` answers each line with another."""

from __future__ import annotations

import gc
import json
import os
import random
import sys
from collections.abc import Mapping
from typing import IO

import docmill.cli.app
import docmill.cli.processes
import docmill.worker.main  # noqa: F401 - what `docmill worker` loads
from docmill.bootstrap import load_shared
from docmill.cli import main


def _fork(environment: Mapping[str, str], log: str) -> int:
    child = os.fork()
    if child == 0:
        _be_born(environment, log)
    os.setpgid(child, child)  # here, so that it can be killed with all below it once its number is told
    return child


def _be_born(environment: Mapping[str, str], log: str) -> None:
    """Become what `python -m docmill worker` is."""
    nothing, output = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for handle, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(handle, number)
    os.environ.clear()
    os.environ.update(environment)
    random.seed()
    sys.argv = ["docmill", "worker"]
    main()
    sys.exit()


def _ended(pid: int) -> int | None:
    """The exit code of a worker, who is forgotten then; None while it runs."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def serve(orders: IO[str], answers: IO[str]) -> None:
    """Fork a worker for each order with an environment; tell of one that may have ended for any other."""
    load_shared()
    gc.freeze()
    for line in orders:
        order = json.loads(line)
        answer = {"code": _ended(order["ended"])} if "ended" in order else {"pid": _fork(**order)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
