"""What goes on in the installation: tasks, workers, queues."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Engine

from docmill.db import monitoring as rows
from docmill.db import workers as worker_rows
from docmill.db.engine import reaching_database
from docmill.db.monitoring import InHand, StageCounts, TaskListing, TaskRow
from docmill.domain.cursors import Page, by_time, page_of, time_in
from docmill.domain.states import MAINTENANCE_QUEUE, QUEUE_OF_STAGE, Desired, Status, TaskStatus
from docmill.domain.status import task_status
from docmill.pipeline.owner import Owner
from docmill.ports import Dispatcher

RATE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Task:
    """A task as stored, and what it is called outside."""

    row: TaskRow
    task_status: TaskStatus


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a worker; `work` is None while it rests."""

    pid: int
    work: InHand | None


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker and its processes."""

    row: worker_rows.Worker
    processes: tuple[Process, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue. `messages` is None while the broker is away; `workers` counts those alive that serve it."""

    name: str
    messages: int | None
    counts: StageCounts
    per_minute: float
    workers: int


class Monitoring:
    """Tells what goes on; changes nothing."""

    def __init__(self, engine: Engine, dispatcher: Dispatcher) -> None:
        self._engine = engine
        self._dispatcher = dispatcher

    @reaching_database
    def tasks(self, tenant: str, listing: TaskListing, cursor: str | None = None) -> Page[Task]:
        """A page of a tenant's tasks in the order of their making. Raises InvalidCursor."""
        kind = f"tasks {'oldest' if listing.oldest_first else 'newest'}"
        one_more = replace(listing, beyond=time_in(kind, cursor), limit=listing.limit + 1)
        with self._engine.begin() as connection:
            found = rows.tasks(connection, tenant, one_more)
        page = page_of(kind, found, listing.limit, by_time)
        return Page(tuple(_task(row) for row in page.items), page.next_cursor)

    @reaching_database
    def workers(self, tenant: str) -> list[Worker]:
        """Every worker, with the documents of this tenant that its processes work on."""
        with self._engine.begin() as connection:
            known = worker_rows.workers(connection)
            in_hand = {_process(work.owner): work for work in rows.in_hand(connection, tenant)}
        return [self._worker(row, in_hand) for row in known]

    def _worker(self, row: worker_rows.Worker, in_hand: dict[tuple[str, int], InHand]) -> Worker:
        processes = tuple(Process(pid, in_hand.get((row.host, pid))) for pid in row.processes)
        return Worker(row, processes)

    @reaching_database
    def queues(self) -> list[Queue]:
        """Every queue in the order a document passes them, over all tenants."""
        with self._engine.begin() as connection:
            counts = rows.stages(connection, RATE_SECONDS)
            known = worker_rows.workers(connection)
        serving = [queue for row in known if row.is_living for queue in row.queues]
        names = [*dict.fromkeys(QUEUE_OF_STAGE.values()), MAINTENANCE_QUEUE]
        return [self._queue(name, counts, serving.count(name)) for name in names]

    def _queue(self, name: str, counts: dict[str, StageCounts], workers: int) -> Queue:
        of_queue = [
            counts[stage] for stage, queue in QUEUE_OF_STAGE.items() if queue == name and stage in counts
        ]
        per_minute = sum(each.finished * 60 / each.seconds for each in of_queue if each.finished)
        return Queue(name, self._dispatcher.waiting(name), _together(of_queue), round(per_minute, 1), workers)


def _task(row: TaskRow) -> Task:
    return Task(row, task_status(Status(row.status), Desired(row.desired), row.started))


def _process(owner: str) -> tuple[str, int]:
    process = Owner.parse(owner)
    return process.host, process.pid


def _together(counts: list[StageCounts]) -> StageCounts:
    """The counts of a queue that serves more than one stage."""
    waiting_since = [each.oldest_since for each in counts if each.oldest_since is not None]
    return StageCounts(
        runnable=sum(each.runnable for each in counts),
        held=sum(each.held for each in counts),
        retrying=sum(each.retrying for each in counts),
        running=sum(each.running for each in counts),
        oldest_since=min(waiting_since, default=None),
        finished=sum(each.finished for each in counts),
    )
