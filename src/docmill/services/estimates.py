"""How long documents will take: rates and the line as they were a moment ago, kept in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from docmill.db import estimates as rows
from docmill.db.estimates import OpenTask
from docmill.domain.estimates import Evidence, Line, Rank, Rates, Size, Waiter, learn, part_done, work_left
from docmill.domain.states import StageName, Status

_SECONDS = 2.0
_LEARNED_SECONDS = 10.0  # that stages which ended are known for; those in work show a change at once
_SHARE = 0.02  # of the time that looking anew may take at most


@dataclass(frozen=True, slots=True)
class _Outlook:
    """How fast work goes, and the line, as they were at this moment of the monotonic clock."""

    rates: Rates
    line: Line
    at: float


class Estimates:
    """Seconds of work, and of waiting for it. Cheap to ask, also with thousands in line."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._outlook: _Outlook | None = None
        self._until = 0.0
        self._finished: Sequence[Evidence] = ()
        self._finished_until = 0.0

    def expected(self, size: Size) -> Mapping[StageName, float]:
        """Seconds that each stage should take a document of this size; empty before anything was learned."""
        return self._seen().rates.expected(size)

    def starts_in(self, priority: int, created_at: datetime) -> float:
        """Seconds until a task that waits with this priority since then is taken up."""
        seen = self._seen()
        return max(0.0, seen.line.starts_in(_rank(priority, created_at)) - (time.monotonic() - seen.at))

    def _seen(self) -> _Outlook:
        """The outlook; while one caller looks anew, the others get the one before."""
        before = self._outlook
        if before is not None and time.monotonic() < self._until:
            return before
        if not self._lock.acquire(blocking=before is None):
            return before or self._look()
        try:
            return self._look()
        finally:
            self._lock.release()

    def _look(self) -> _Outlook:
        started = time.monotonic()
        with self._engine.begin() as connection:
            tasks = rows.open_tasks(connection)
            finished = self._learned(connection, started)
            milestones = rows.milestones(connection)
            processes = max(1, rows.processes(connection))
        rates = learn([*_shown_by(tasks), *finished])
        now = time.monotonic()
        line = _line(
            tasks,
            rates,
            processes,
            [(_rank(priority, since), place) for priority, since, place in milestones],
        )
        self._outlook = _Outlook(rates, line, now)
        self._until = now + max(_SECONDS, (now - started) / _SHARE)
        return self._outlook

    def _learned(self, connection: Connection, now: float) -> Sequence[Evidence]:
        """The stages that ended last: by far the most there is to read, and what changes least."""
        if not self._finished or now > self._finished_until:
            self._finished = rows.finished_stages(connection)
            self._finished_until = now + _LEARNED_SECONDS
        return self._finished


def _shown_by(tasks: Sequence[OpenTask]) -> list[Evidence]:
    running = (task for task in tasks if task.status is Status.RUNNING)
    return [part_done(task.stage, task.size, task.progress) for task in running]


def _line(
    tasks: Sequence[OpenTask], rates: Rates, processes: int, milestones: Sequence[tuple[Rank, int]]
) -> Line:
    seconds = [(task, _seconds(task, rates)) for task in tasks]
    in_work = [left for task, left in seconds if task.status is Status.RUNNING]
    waiters = [
        Waiter(_rank(task.priority, task.created_at), left)
        for task, left in seconds
        if task.status is Status.QUEUED
    ]
    return Line(in_work, waiters, processes, milestones)


def _rank(priority: int, created_at: datetime) -> Rank:
    return (-priority, created_at.timestamp())


def _seconds(task: OpenTask, rates: Rates) -> float:
    left = work_left(task.stage, {task.stage: task.progress}, rates.expected(task.size))
    return 0.0 if left is None else left
