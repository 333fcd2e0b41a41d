"""Pause, resume, cancel, retry: one transaction each, whatever any worker does meanwhile.

Pausing is a wish that the runner reads at the next step; nothing waiting needs to be told. Cancelling needs
nobody's help: the fence is raised, so the worker's next write moves no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from uuid import UUID

from sqlalchemy import Connection, Engine

from docmill.db.control import Moved, Scope, Verb, move, prioritize
from docmill.db.engine import alone, reaching_database
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
        with self._moving(verb) as connection:
            moved = move(connection, verb, scope, tenant, target)
        self._announce(moved)
        log.info("control", verb=verb.value, scope=scope.value, target=str(target), moved=len(moved))
        return moved

    def _moving(self, verb: Verb) -> AbstractContextManager[Connection]:
        """Only a retry takes two statements; the others do not wait for the way there and back of a BEGIN."""
        return self._engine.begin() if verb is Verb.RETRY else alone(self._engine)

    @reaching_database
    def prioritize(self, tenant: str, document_id: UUID, priority: int) -> bool:
        """Give a document another priority (0-9, 9 first), also where it waits; whether that changed it."""
        with alone(self._engine) as connection:
            moved = prioritize(connection, tenant, document_id, priority)
        self._announce([moved] if moved else [])
        log.info("prioritized", document_id=str(document_id), priority=priority, changed=moved is not None)
        return moved is not None

    def _announce(self, moved: Sequence[Moved]) -> None:
        """A message that was sent before stays where it is, and is stale when its turn comes."""
        for task in moved:
            if task.runnable:
                self._dispatcher.send(task.stage, task.task_id, task.priority)
