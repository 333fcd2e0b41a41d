"""Recovery: puts every task that lost its way back on it.

It may run anywhere, any number of times, and be wrong without harm: freeing is fenced, and a message too
many is a claim that moves no row.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Engine

from docmill.db import line, owners, workers
from docmill.db.holds import open_stages
from docmill.domain.errors import WorkerDied
from docmill.domain.states import QUEUE_OF_STAGE, StageName
from docmill.logs import get_logger
from docmill.pipeline.owner import Owner, is_gone
from docmill.ports import Dispatcher

log = get_logger(__name__)

RECOVERED_PRIORITY = 9  # what lost time already goes first


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one run of recovery did."""

    freed: int
    sent: int


class Recovery:
    """Frees what belongs to dead owners and sends the messages that are missing."""

    def __init__(self, engine: Engine, dispatcher: Dispatcher, crash_limit: int) -> None:
        self._engine = engine
        self._dispatcher = dispatcher
        self._crash_limit = crash_limit

    def sweep(self) -> Sweep:
        """One round: free, then send the deficit of each queue."""
        freed = self._free_dead()
        sent = self.relay()
        with self._engine.begin() as connection:
            workers.note(connection, "recovery")
        if freed or sent:
            log.info("recovered", freed=freed, sent=sent)
        return Sweep(freed, sent)

    def relay(self) -> int:
        """Send the messages that are missing on each queue; how many that were."""
        return sum(self._send_deficit(queue, stages) for queue, stages in _stages_by_queue().items())

    def seconds_since_sweep(self) -> float | None:
        """How long ago recovery last ran, anywhere; None if never."""
        with self._engine.begin() as connection:
            return workers.ages(connection).get("recovery")

    def _free_dead(self) -> int:
        with self._engine.begin() as connection:
            dead = [
                task
                for task in owners.running(connection)
                if task.expired or is_gone(Owner.parse(task.owner))
            ]
        return sum(self._free(task, in_hand) for task, in_hand in _with_blame(dead))

    def _free(self, task: owners.Running, in_hand: bool) -> bool:
        """A living owner whose lease ended was cut off, not killed: that is no mark against the document."""
        died = in_hand and is_gone(Owner.parse(task.owner)) is not False
        with self._engine.begin() as connection:
            status = owners.free(connection, task, died, self._crash_limit, WorkerDied().as_row())
        if status is not None:
            log.warning("owner_lost", task_id=str(task.task_id), owner=task.owner, died=died, now=status)
        return status is not None

    def _send_deficit(self, queue: str, stages: list[StageName]) -> int:
        waiting = self._dispatcher.waiting(queue)
        if waiting is None:
            return 0
        with self._engine.begin() as connection:
            stages = open_stages(connection, stages)
            missing = line.count_runnable(connection, stages) - waiting
            due = line.take_runnable(connection, stages, missing) if missing > 0 else []
        return sum(self._send(task) for task in due)

    def _send(self, task: line.Announced) -> bool:
        priority = RECOVERED_PRIORITY if task.recovered else task.priority
        return self._dispatcher.send(task.stage, task.task_id, priority)


def _with_blame(dead: list[owners.Running]) -> list[tuple[owners.Running, bool]]:
    """Each task, and whether its owner had it in hand: of several it was the one touched last.

    A process holds a second task while an urgent one passes the long one that it works on.
    """
    last: dict[str, owners.Running] = {}
    for task in sorted(dead, key=lambda task: task.touched_at):
        last[task.owner] = task
    return [(task, last[task.owner] is task) for task in dead]


def _stages_by_queue() -> dict[str, list[StageName]]:
    queues: dict[str, list[StageName]] = defaultdict(list)
    for stage, queue in QUEUE_OF_STAGE.items():
        queues[queue].append(stage)
    return queues
