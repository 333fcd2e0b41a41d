"""Forks worker, Beat and API from one process that has loaded what they need: each starts at once.

The program of `docmill.local.forks`, which sends its orders through this one's standard input.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from docmill.cli.processes import loading
from docmill.local.child import die_with
from docmill.local.forks import LONGEST_ORDER

_PR_SET_NAME = 15
_OUTPUTS = (1, 2)


def main() -> None:
    """Load, say so, and fork until the other side closes; in each fork, be the command it was ordered for."""
    end = _End()
    atexit.register(end)  # the first is called last
    orders = socket.socket(fileno=os.dup(0))
    _load()
    orders.send(json.dumps({"pid": os.getpid()}).encode())
    with end.noted():
        if words := _serve(orders):
            _be_named(f"docmill {words[0]}")
            sys.argv = ["docmill", *words]
            runpy.run_module("docmill", run_name="__main__", alter_sys=True)


class _End:
    """Ends a fork without taking its modules apart, which would copy all that it shares."""

    _code = 1

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Learn how the program ends."""
        try:
            yield
            self._code = 0
        except SystemExit as ended:
            self._code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
            raise

    def __call__(self) -> None:
        """End at once."""
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(self._code)


def _load() -> None:
    """What a part would load first: nothing of it holds a connection, or a thread of ours."""
    with loading():
        import docmill.api.serve
        import docmill.cli.app
        import docmill.worker.beat
        import docmill.worker.main  # noqa: F401
        from docmill.bootstrap import load_shared

        load_shared()
    gc.freeze()  # what is never looked through stays shared by all


def _serve(orders: socket.socket) -> Sequence[str]:
    """Carry out orders until there are no more. Returns the words of a command in its fork, else none."""
    server = os.getpid()
    while (received := socket.recv_fds(orders, LONGEST_ORDER, len(_OUTPUTS)))[0]:
        order, handles = json.loads(received[0]), received[1]
        if "forget" in order:
            with suppress(ChildProcessError):  # another server's, which it outlived
                os.waitpid(order["forget"], os.WNOHANG)
            continue
        child = _fork(orders)
        if child == 0:
            orders.close()
            _settle(server, handles, order["environment"], order["folder"])
            return list(order["words"])
        for handle in handles:
            os.close(handle)
    return ()


def _fork(orders: socket.socket) -> int:
    """Fork and tell whom, or why not; 0 in the fork, and a negative number where there is none."""
    try:
        child = os.fork()
    except OSError as error:
        orders.send(json.dumps({"errno": error.errno}).encode())
        return -1
    if child != 0:
        os.setpgid(child, child)  # here too, so that it can be ended with all below it once it is told
        orders.send(json.dumps({"pid": child}).encode())
    return child


def _settle(server: int, handles: Sequence[int], environment: Mapping[str, str], folder: str) -> None:
    """Make this fork a process of its own that cannot outlive the server."""
    os.setpgid(0, 0)
    die_with(server, signal.SIGKILL)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    for handle, number in zip(handles, _OUTPUTS, strict=True):
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)


def _be_named(name: str) -> None:
    """Take the name that `ps` and `top` show; the command line they show stays the server's."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


if __name__ == "__main__":
    main()
