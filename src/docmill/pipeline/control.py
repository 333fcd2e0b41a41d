"""Pause, resume, cancel, retry: one transaction each, whatever any worker does meanwhile.

Pausing is a wish that the runner reads at the next step; nothing waiting needs to be told. Cancelling needs
nobody's help: the fence is raised, so the worker's next write moves no row.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Engine

from docmill.db.control import Moved, Scope, Verb, move
from docmill.db.engine import reaching_database
from docmill.logs import get_logger
from docmill.ports import Dispatcher

log = get_logger(__name__)


class Control:
    """Says a verb of documents. Repeating one does nothing more."""

    def __init__(self, engine: Engine, dispatcher: Dispatcher) -> None:
        self._engine = engine
        self._dispatcher = dispatcher

    @reaching_database
    def say(self, verb: Verb, scope: Scope, tenant: str, target: UUID) -> list[Moved]:
        """Move what the verb may move; what can run now is announced after the commit."""
        with self._engine.begin() as connection:
            moved = move(connection, verb, scope, tenant, target)
        for task in moved:
            if task.runnable:
                self._dispatcher.send(task.stage, task.task_id, task.priority)
        log.info("control", verb=verb.value, scope=scope.value, target=str(target), moved=len(moved))
        return moved
