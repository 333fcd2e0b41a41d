"""The live state of the installation as small facts, to be copied to where monitors look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine

from docmill.db import monitoring as rows
from docmill.domain.live_state import LiveFact
from docmill.services.monitoring import Monitoring, Queue, Worker

_NO_TENANT = ""


class LiveState:
    """Gathers what the workers work on, the workers, and the queues; ids and numbers only, of all tenants."""

    def __init__(self, engine: Engine, monitoring: Monitoring) -> None:
        self._engine = engine
        self._monitoring = monitoring

    def is_my_turn(self, seconds: float) -> bool:
        """Whether nobody gathered it within so many seconds; then this one does, and nobody else."""
        with self._engine.begin() as connection:
            return rows.take_turn(connection, seconds)

    def facts(self) -> list[LiveFact]:
        """Everything, as it is now."""
        with self._engine.begin() as connection:
            tasks = rows.in_work(connection)
        return [
            *(LiveFact("task", str(row["id"]), _known(row)) for row in tasks),
            *map(_of_worker, self._monitoring.workers(_NO_TENANT)),
            *map(_of_queue, self._monitoring.queues()),
        ]


def _of_worker(worker: Worker) -> LiveFact:
    row = worker.row
    fields = {
        "host": row.host,
        "version": row.version,
        "queues": ",".join(row.queues),
        "alive": int(worker.row.is_living),
        "processes": len(worker.processes),
        "busy": sum(process.work is not None for process in worker.processes),
        "started_at": row.started_at,
        "seen_at": row.seen_at,
    }
    return LiveFact("worker", row.id, _known(fields))


def _of_queue(queue: Queue) -> LiveFact:
    counts = queue.counts
    fields = {
        "messages": queue.messages,
        "runnable": counts.runnable,
        "held": counts.held,
        "retrying": counts.retrying,
        "running": counts.running,
        "oldest_since": counts.oldest_since,
        "per_minute": queue.per_minute,
        "workers": queue.workers,
    }
    return LiveFact("queue", queue.name, _known(fields))


def _known(fields: Mapping[str, object]) -> dict[str, str | int | float]:
    """The fields that have a value, as Redis takes them; times in ISO 8601."""
    return {name: _plain(value) for name, value in fields.items() if value is not None and name != "id"}


def _plain(value: object) -> str | int | float:
    if isinstance(value, int | float):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)
