"""What a child gives up before it opens a stranger's file: privileges, network, other files and processes.

`python -m docmill.adapters.readers.confinement` does it to itself and says what this kernel granted.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from docmill.adapters.readers import landlock, seccomp

WRITTEN_BYTES = 256 * 1024 * 1024  # to one file, and to the scratch folder of one document
OPEN_FILES = 128
ADDRESSES_BEYOND = 4 * 1024**3  # mapped files and stacks that are not in use
_PR_SET_NO_NEW_PRIVS, _PR_SET_DUMPABLE = 38, 4
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_CAPABILITIES_3 = 0x20080522
_PROBE_SECONDS = 20
_SYSTEM = (
    "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/mime.types",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/dev/urandom", "/dev/null",
)  # fmt: skip


class Protection(StrEnum):
    """What stands between a hostile file and this machine."""

    PRIVILEGES = "no new privileges"
    CAPABILITIES = "no capabilities"
    NETWORK = "a network namespace of its own"
    CALLS = "no sockets, programs or processes (seccomp)"
    FILES = "no other files (Landlock)"


def confine(readable: Iterable[Path], outbox: Path) -> Mapping[Protection, bool]:
    """Give up, for good, all but reading these and Python's own files, and writing files into `outbox`.

    To be called by a process with one thread. Says of each protection whether the kernel granted it; the
    limits of memory, file size and open files are granted by every kernel.
    """
    libc = ctypes.CDLL(None)
    _limit_files()
    granted = {
        Protection.NETWORK: _leave_network(libc),
        Protection.PRIVILEGES: libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0,
        Protection.CAPABILITIES: _drop_capabilities(libc),
    }
    libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # a change of credentials hides the process from its parent
    places = (*map(Path, _SYSTEM), *_python_places(), *readable)
    granted[Protection.FILES] = landlock.restrict(places, (outbox, Path(os.devnull))) > 0
    granted[Protection.CALLS] = seccomp.refuse()
    return granted


def granted_here() -> Mapping[Protection, bool]:
    """What a child of this process is granted. None of it where the child cannot even say so."""
    command = [sys.executable, "-P", "-m", __name__]
    said = subprocess.run(command, capture_output=True, timeout=_PROBE_SECONDS, check=False)
    answer = json.loads(said.stdout) if said.returncode == 0 else {}
    return {protection: bool(answer.get(protection)) for protection in Protection}


def limit_memory(memory_bytes: int) -> None:
    """Memory is what can be written to, so addresses that an engine only reserves are not held against it."""
    for kind, amount in (
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_AS, memory_bytes + ADDRESSES_BEYOND),
    ):
        resource.setrlimit(kind, (amount, resource.RLIM_INFINITY))


def _limit_files() -> None:
    for kind, amount in (
        (resource.RLIMIT_FSIZE, WRITTEN_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (amount, amount))


def _leave_network(libc: ctypes.CDLL) -> bool:
    """Into an empty network: by privilege, or inside a user namespace where the kernel gives one to all."""
    return any(libc.unshare(flags) == 0 for flags in (_NEW_NETWORK, _NEW_USER | _NEW_NETWORK))


def _drop_capabilities(libc: ctypes.CDLL) -> bool:
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    return bool(libc.capset(header, (ctypes.c_uint32 * 6)()) == 0)


def _python_places() -> list[Path]:
    """Where modules and their libraries are loaded from; with -P the current folder is none of them."""
    places = {sys.prefix, sys.base_prefix, *sys.path}
    return [Path(place) for place in places if place and os.path.isabs(place) and os.path.exists(place)]


def _main() -> None:
    nowhere = Path(os.devnull)
    json.dump(confine((), nowhere), sys.stdout)


if __name__ == "__main__":
    _main()
