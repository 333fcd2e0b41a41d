"""What each process of a worker does, in memory that all of them share with the main process."""

from __future__ import annotations

import ctypes
import mmap
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_PID, _FREE_SINCE, _TOOK = 0, 1, 2  # the last one begins a number a queue
_NUMBER = ctypes.sizeof(ctypes.c_double)


class Activity:
    """A row of numbers for each process, written by that process alone: no lock, no write to a database.

    Times are seconds of the monotonic clock, which all processes of a host share; 0 means never.
    """

    def __init__(self, processes: int, queues: Sequence[str]) -> None:
        self._columns = {queue: _TOOK + place for place, queue in enumerate(queues)}
        self._width = _TOOK + len(queues)
        self._places = range(processes)
        self._place = 0
        count = processes * self._width
        self._numbers = (ctypes.c_double * count).from_buffer(mmap.mmap(-1, count * _NUMBER))

    def enter(self, place: int) -> None:
        """This process is the one at `place`, from 0; it does not take messages yet."""
        self._place = min(place, self._places[-1])
        self._write(_PID, os.getpid())
        self._write(_FREE_SINCE, 0.0)

    def free(self) -> None:
        """This process has nothing to do from now on."""
        self._write(_FREE_SINCE, time.monotonic())

    @contextmanager
    def working(self, queue: str) -> Iterator[None]:
        """A message of this queue is in hand for as long as the block lasts."""
        self._write(_FREE_SINCE, 0.0)
        self._write(self._columns[queue], time.monotonic())
        try:
            yield
        finally:
            self.free()

    def took(self, queue: str) -> float:
        """When any process last took a message of this queue."""
        return max(self._column(self._columns[queue]))

    def free_since(self) -> float | None:
        """Since when the process that is free for longest has been so; None while all are at work."""
        return min(filter(None, self._column(_FREE_SINCE)), default=None)

    def is_all_free(self) -> bool:
        """Whether no process has a message in hand."""
        return all(self._column(_FREE_SINCE))

    def processes(self) -> list[int]:
        """The process ids of those that have entered."""
        return [int(pid) for pid in self._column(_PID) if pid]

    def _column(self, column: int) -> list[float]:
        return [self._numbers[place * self._width + column] for place in self._places]

    def _write(self, column: int, value: float) -> None:
        self._numbers[self._place * self._width + column] = value
