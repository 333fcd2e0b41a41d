"""Landlock: a process without privileges gives up the files it does not need, for good.

The kernel knows it since 5.13, in versions that cover more and more; what a kernel does not know yet
stays allowed, so `restrict` says which version it found.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1

WRITE_FILE, READ_FILE, READ_DIR, REMOVE_FILE, MAKE_REG, TRUNCATE = (1 << bit for bit in (1, 2, 3, 5, 8, 14))
READ = READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | REMOVE_FILE | MAKE_REG | TRUNCATE
_OF_A_FILE = READ_FILE | WRITE_FILE | TRUNCATE
# The last right that each version knows: moving between folders, truncating, controlling devices.
_RIGHTS = {1: 12, 2: 13, 3: 14, 4: 14}
_ALL_RIGHTS = 15
_NO_CONNECTION = 0b11  # neither to bind nor to connect a TCP socket, since version 4
_NO_REACH = 0b11  # neither abstract sockets nor signals of processes outside, since version 6


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """The version of Landlock that this kernel has; 0 where it has none."""
    return max(_call(_CREATE_RULESET, None, 0, _VERSION_FLAG), 0)


def restrict(readable: Iterable[Path], writable: Iterable[Path]) -> int:
    """Leave this thread only these files and folders; the version that saw to it, 0 where none did.

    Needs no_new_privs. Nothing may be executed, and no folder, link or device made, anywhere.
    """
    found = version()
    if not found:
        return 0
    handled = (1 << _RIGHTS.get(found, _ALL_RIGHTS) + 1) - 1
    size = 8 if found < 4 else 16 if found < 6 else 24
    wanted = _Ruleset(handled, _NO_CONNECTION, _NO_REACH)
    ruleset = _call(_CREATE_RULESET, ctypes.byref(wanted), size, 0)
    if ruleset < 0:
        return 0
    try:
        for paths, rights in ((readable, READ), (writable, WRITE)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        return found if _call(_RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """What is not there need not be allowed."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = _Beneath(rights if path.is_dir() else rights & _OF_A_FILE, place)
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(place)


def _call(number: int, *values: object) -> int:
    return int(ctypes.CDLL(None).syscall(number, *values))
