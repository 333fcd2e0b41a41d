"""Runs one program that cannot outlive the supervisor: `child.py PARENT SIGNAL UID GID PROGRAM [WORD…]`.

Started by path with `-I -S` and built on the standard library alone, so that it costs a few milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
OURSELVES = -1  # as UID: keep the account


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def die_with(parent: int, death_signal: int) -> None:
    """Ask for a signal at the parent's death. A change of account undoes it, so this comes after."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        sys.exit(1)  # it died before we asked


def main(words: list[str]) -> None:
    """Become the program named by `words`; never returns."""
    parent, death_signal, uid, gid = (int(word) for word in words[:4])
    if uid != OURSELVES:
        _become(uid, gid)
    die_with(parent, death_signal)
    os.umask(0o077)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and that would be inherited
    os.execv(words[4], words[4:])  # noqa: S606 - the programs this package starts, never a shell


if __name__ == "__main__":
    main(sys.argv[1:])
