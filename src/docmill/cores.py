"""How many processor cores this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")
_FEWEST, _MOST = 2, 16  # more want a larger PostgreSQL than the one that `docmill up` starts


def worker_processes(root: Path = _ROOT) -> int:
    """How many processes a worker has unless it is told: as many as cores, between 2 and 16."""
    return max(_FEWEST, min(usable_cores(root), _MOST))


def usable_cores(root: Path = _ROOT) -> int:
    """The cores this process may run on, or what its control groups give it of them, rounded up."""
    return min([len(os.sched_getaffinity(0)), *_given(root)])


def _given(root: Path) -> Iterator[int]:
    """What each control group above this process limits it to, in cores (man 7 cgroups, both versions)."""
    for folder in _groups(root):
        for quota, period in _limits(folder):
            if quota > 0 and period > 0:  # -1 is no limit
                yield -(-quota // period)


def _groups(root: Path) -> Iterator[Path]:
    """Folders of the groups that may limit processor time: this process' own and those they lie in."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for _, controllers, place in (line.split(":", 2) for line in lines):
        if not controllers or "cpu" in controllers.split(","):
            top, own = root / "sys/fs/cgroup" / ("cpu" if controllers else ""), Path(place.lstrip("/"))
            # A container sees its own group at the top, whatever path the file names.
            yield from (top / group for group in (own, *own.parents))


def _limits(folder: Path) -> Iterator[tuple[int, int]]:
    """Microseconds a group may compute in a period, and the period."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            quota, period = " ".join((folder / name).read_text() for name in names).split()
        except OSError:
            continue
        if quota != "max":
            yield int(quota), int(period)
