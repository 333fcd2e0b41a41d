"""What stands in the way of tasks now: holds, queues without a worker, a broker that does not answer."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from docmill.db import surroundings as rows
from docmill.domain.states import MAINTENANCE_QUEUE
from docmill.domain.waiting import Surroundings
from docmill.ports import Dispatcher

_BROKER_SECONDS = 2.0  # that its last answer stands for


class Outlook:
    """Looks around for who asks what a task waits for."""

    def __init__(self, engine: Engine, dispatcher: Dispatcher) -> None:
        self._engine = engine
        self._dispatcher = dispatcher
        self._answered = True
        self._asked_at = float("-inf")

    def around(self) -> Surroundings:
        """The holds and workers there are now; the broker as it was seconds ago, at most."""
        if time.monotonic() > self._asked_at + _BROKER_SECONDS:
            self._asked_at = time.monotonic()
            self._answered = self._dispatcher.waiting(MAINTENANCE_QUEUE) is not None
        with self._engine.begin() as connection:
            return rows.surroundings(connection, self._answered)
