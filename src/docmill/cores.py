"""How many worker processes fit what this process may use of the machine: its cores and its memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")
_FEWEST, _MOST = 2, 16  # more want a larger PostgreSQL than the one that `docmill up` starts
_MEMORY = 1024**3  # bytes for a process with its model and its reading child, in bad hours


def worker_processes(root: Path = _ROOT) -> int:
    """How many processes a worker has unless it is told: as many as cores, between 2 and 16.

    Fewer where there is not a GiB of memory for each.
    """
    return max(_FEWEST, min(usable_cores(root), usable_memory(root) // _MEMORY, _MOST))


def usable_cores(root: Path = _ROOT) -> int:
    """The cores this process may run on, or what its control groups give it of them, rounded up."""
    # Microseconds of computing in a period, and the period: one file in version 2, two in version 1.
    shares = (
        _numbers(group / "cpu.max")
        or _numbers(group / "cpu.cfs_quota_us") + _numbers(group / "cpu.cfs_period_us")
        for group in _groups(root, "cpu")
    )
    limited = (share for share in shares if len(share) == 2 and min(share) > 0)  # -1 is no limit
    given = (-(-quota // period) for quota, period in limited)
    return min([len(os.sched_getaffinity(0)), *given])


def usable_memory(root: Path = _ROOT) -> int:
    """Bytes of the machine's memory, or what the control groups give of it."""
    limits = (
        _numbers(group / "memory.max") or _numbers(group / "memory.limit_in_bytes")
        for group in _groups(root, "memory")
    )
    given = (limit[0] for limit in limits if limit)
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *given])


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Folders of the groups that may limit this process: its own and those they lie in (man 7 cgroups)."""
    top = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        controllers, _, place = line.partition(":")[2].partition(":")
        own = Path(place.lstrip("/"))
        # A container sees its own group at the top, whatever path the file names.
        for group in (own, *own.parents):
            if not controllers:
                yield top / group
            elif controller in controllers.split(","):
                yield from (top / controllers / group, top / controller / group)


def _numbers(path: Path) -> tuple[int, ...]:
    """The numbers in a file; none where it is not there, or says that there is no limit."""
    try:
        return tuple(map(int, _text(path).split()))
    except ValueError:
        return ()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
