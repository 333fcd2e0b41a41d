"""Whether this worker still takes messages, judged from outside of Celery's own view of it.

After its broker died and came back, a worker may be connected and take nothing. One that is busy is never
called deaf: the verdict needs a process that had nothing to do for the whole time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docmill.worker.activity import Activity


@dataclass
class _Suspicion:
    """Since when a queue seems not to be heard, and when a ping was sent to be sure."""

    since: float
    pinged: float | None = None


class Hearing:
    """Asked again and again; the time between two questions must stay below `patience`, in seconds.

    `waiting` counts a queue's messages (None: the broker does not answer), `ping` sends one more.
    """

    def __init__(
        self,
        activity: Activity,
        queues: Sequence[str],
        waiting: Callable[[str], int | None],
        ping: Callable[[str], object],
        patience: float,
    ) -> None:
        self._activity = activity
        self._waiting = waiting
        self._ping = ping
        self._patience = patience
        self._asked = time.monotonic()
        self._suspicions: dict[str, _Suspicion | None] = dict.fromkeys(queues)

    def deaf_on(self) -> str | None:
        """The first queue that this worker does not hear; None while there is no reason to say so.

        Messages waited in it, a process had nothing to do and took nothing from it for the whole of
        `patience`, and for a third of it more after a ping.
        """
        now = time.monotonic()
        if now - self._asked > self._patience:  # this process itself was stopped: what it saw is stale
            self._suspicions = dict.fromkeys(self._suspicions)
        self._asked = now
        for queue in self._suspicions:
            self._suspicions[queue] = self._suspect(queue, now)
        return next((queue for queue, one in self._suspicions.items() if self._is_proven(one, now)), None)

    def _suspect(self, queue: str, now: float) -> _Suspicion | None:
        suspicion = self._suspicions[queue] or _Suspicion(now)
        if self._has_excuse(queue, suspicion.since) or not self._waiting(queue):
            return None
        if suspicion.pinged is None and now - suspicion.since >= self._patience:
            suspicion.pinged = now
            self._ping(queue)
        return suspicion

    def _has_excuse(self, queue: str, since: float) -> bool:
        free = self._activity.free_since()
        return free is None or free > since or self._activity.took(queue) > since

    def _is_proven(self, suspicion: _Suspicion | None, now: float) -> bool:
        if suspicion is None or suspicion.pinged is None:
            return False
        return now - suspicion.pinged >= self._patience / 3
