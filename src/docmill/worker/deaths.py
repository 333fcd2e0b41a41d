"""Whether a process of this worker has died: what it had in hand need not wait for the next sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psutil


class Deaths:
    """Asked several times a second; `processes` names those that take messages, dead ones until replaced."""

    def __init__(self, processes: Callable[[], Sequence[int]]) -> None:
        self._processes = processes
        self._living: set[int] = set()

    def is_new(self) -> bool:
        """Whether any that lived at the last question does not now; one that was replaced is gone too."""
        living = {pid for pid in self._processes() if not _is_dead(pid)}
        gone = self._living - living
        self._living = living
        return bool(gone)


def _is_dead(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
