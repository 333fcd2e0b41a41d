"""Forks worker, Beat and API from one process that has loaded what they need: each starts at once.

The program of `docmill.local.forks`, which sends its orders through this one's standard input.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper

from docmill.local.child import die_with
from docmill.local.forks import LONGEST_ORDER

_PR_SET_NAME = 15
_OUTPUTS = (1, 2)


def main() -> None:
    """Load, say so, and fork until the other side closes; in each fork, be the command it was ordered for."""
    orders = socket.socket(fileno=os.dup(0))
    _load()
    orders.send(json.dumps({"pid": os.getpid()}).encode())
    if words := _serve(orders):
        _be_named(f"docmill {words[0]}")
        sys.argv = ["docmill", *words]
        runpy.run_module("docmill", run_name="__main__", alter_sys=True)


def _load() -> None:
    """What a part would load first: nothing of it holds a connection, or a thread of ours."""
    gc.disable()  # nothing of it is garbage
    import docmill.api.serve
    import docmill.cli.app
    import docmill.cli.processes
    import docmill.worker.beat
    import docmill.worker.main  # noqa: F401
    from docmill.bootstrap import load_shared

    load_shared()
    gc.freeze()  # what is never looked through stays shared by all
    gc.enable()


def _serve(orders: socket.socket) -> Sequence[str]:
    """Answer orders until there are no more. Returns the words of a command in its fork, else none."""
    server = os.getpid()
    while (received := socket.recv_fds(orders, LONGEST_ORDER, len(_OUTPUTS)))[0]:
        order, handles = json.loads(received[0]), received[1]
        if not handles:
            answer = {"code": _exit_code(order["ended"])}
        elif (child := os.fork()) == 0:
            orders.close()
            _settle(server, handles, order["environment"], order["folder"])
            return list(order["words"])
        else:
            os.setpgid(child, child)  # here too, so that it can be ended with all below it once it is told
            answer = {"pid": child}
        for handle in handles:
            os.close(handle)
        orders.send(json.dumps(answer).encode())
    return ()


def _exit_code(pid: int) -> int | None:
    """How a fork ended, which is forgotten then; None while it runs."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _settle(server: int, handles: Sequence[int], environment: Mapping[str, str], folder: str) -> None:
    """Make this fork a process of its own that cannot outlive the server."""
    os.setpgid(0, 0)
    die_with(server, signal.SIGKILL)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    for handle, number in zip(handles, _OUTPUTS, strict=True):
        os.dup2(handle, number)
        os.close(handle)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(write_through=True)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)


def _be_named(name: str) -> None:
    """Take the name that `ps` and `top` show; the command line they show stays the server's."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


if __name__ == "__main__":
    main()
