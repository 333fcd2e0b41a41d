"""What goes on: tasks and their history, workers, queues. Tasks are the key's tenant's alone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field

from docmill.api.dependencies import Cursor, PageSize, Storable, Tenant, UseCases, known_id
from docmill.api.history import EventList
from docmill.api.models import DOCUMENT_ID, NEXT_CURSOR, TASK_ID, TIME, ReasonView, example, example_of
from docmill.api.problems import problems
from docmill.db.monitoring import TaskListing
from docmill.domain.errors import TaskNotFound
from docmill.domain.states import StageName, TaskStatus
from docmill.services.monitoring import Process, Queue, Task, Worker

router = APIRouter(prefix="/admin", tags=["admin"])

_HOST = "mill-1:2f1c6a1e-8a5e-4f0e-9b0c-0a4b7a8e1d22:4026531836"


class TaskView(BaseModel):
    """One processing of one document."""

    model_config = example(
        id=TASK_ID,
        document_id=DOCUMENT_ID,
        document="handbook.pdf",
        dataset="default",
        version=1,
        task_status="STARTED",
        current_stage="embed",
        priority=5,
        errors=0,
        crashes=0,
        error=None,
        next_attempt_at=None,
        owner=f"{_HOST}/4312/1772357390.51",
        created_at=TIME,
        started_at=TIME,
        updated_at=TIME,
        finished_at=None,
    )

    id: UUID
    document_id: UUID
    document: str = Field(description="File name of the document.")
    dataset: str
    version: int = Field(description="Number of the version it makes.")
    task_status: TaskStatus
    current_stage: StageName
    priority: int = Field(description="0 to 9, 9 first.")
    errors: int = Field(description="Errors in this stage that are tried again.")
    crashes: int = Field(description="Deaths of a worker in this stage.")
    error: ReasonView | None = Field(description="Why it failed, or is tried again.")
    next_attempt_at: datetime | None
    owner: str | None = Field(
        description="The process that works on it: host/pid/start; null while none does."
    )
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, task: Task) -> TaskView:
        """The view of a task."""
        values = {name: getattr(task.row, name) for name in cls.model_fields if hasattr(task.row, name)}
        values["error"] = task.row.error and ReasonView.model_validate(dict(task.row.error))
        return cls(**values, task_status=task.task_status, current_stage=StageName(task.row.stage))


class TaskList(BaseModel):
    """A page of tasks."""

    model_config = example(items=[example_of(TaskView)], next_cursor=None)

    items: list[TaskView]
    next_cursor: str | None = Field(description=NEXT_CURSOR)


class ProcessView(BaseModel):
    """A process of a worker and what it works on; the ids and the name only where they are yours."""

    model_config = example(
        pid=4312,
        busy=True,
        stage="embed",
        since=TIME,
        task_id=TASK_ID,
        document_id=DOCUMENT_ID,
        document="handbook.pdf",
    )

    pid: int
    busy: bool
    stage: str | None = None
    since: datetime | None = Field(default=None, description="When it took the document.")
    task_id: UUID | None = None
    document_id: UUID | None = None
    document: str | None = None

    @classmethod
    def of(cls, process: Process) -> ProcessView:
        """The view of a process."""
        if process.work is None:
            return cls(pid=process.pid, busy=False)
        names = ("stage", "since", "task_id", "document_id", "document")
        return cls(pid=process.pid, busy=True, **{name: getattr(process.work, name) for name in names})


class WorkerView(BaseModel):
    """A worker with its processes."""

    model_config = example(
        id=f"{_HOST}/4301",
        host=_HOST,
        queues=["extract", "ocr", "text", "embed", "index", "maintenance"],
        version="0.1.0",
        alive=True,
        started_at=TIME,
        seen_at=TIME,
        processes=[example_of(ProcessView)],
    )

    id: str = Field(description="host/pid of its main process.")
    host: str = Field(description="Host, boot and process namespace: a pid means something only inside.")
    queues: list[str]
    version: str
    alive: bool = Field(description="Whether it gave a sign of life lately.")
    started_at: datetime
    seen_at: datetime = Field(description="Its last sign of life.")
    processes: list[ProcessView]

    @classmethod
    def of(cls, worker: Worker) -> WorkerView:
        """The view of a worker."""
        names = ("id", "host", "queues", "version", "started_at", "seen_at")
        processes = [ProcessView.of(process) for process in worker.processes]
        return cls(
            alive=worker.row.is_living,
            processes=processes,
            **{name: getattr(worker.row, name) for name in names},
        )


class WorkerList(BaseModel):
    """Every worker that did not say goodbye."""

    model_config = example(items=[example_of(WorkerView)])

    items: list[WorkerView]


class QueueView(BaseModel):
    """How a queue stands, over all tenants."""

    model_config = example(
        name="embed",
        messages=12,
        runnable=12,
        held=0,
        retrying=1,
        running=2,
        oldest_since=TIME,
        per_minute=41.2,
        workers=1,
    )

    name: str
    messages: int | None = Field(description="Waiting in the broker; null while it does not answer.")
    runnable: int = Field(description="Tasks that a worker may take up now.")
    held: int = Field(description="Tasks that wait until a hold of their stage ends.")
    retrying: int = Field(description="Tasks that wait for the time of their next attempt.")
    running: int = Field(description="Tasks that a process works on.")
    oldest_since: datetime | None = Field(description="When the one that waits longest began to wait.")
    per_minute: float = Field(description="Documents that passed it a minute, over the last five minutes.")
    workers: int = Field(description="Workers alive that serve it.")

    @classmethod
    def of(cls, queue: Queue) -> QueueView:
        """The view of a queue."""
        counts = ("runnable", "held", "retrying", "running", "oldest_since")
        return cls(
            name=queue.name,
            messages=queue.messages,
            per_minute=queue.per_minute,
            workers=queue.workers,
            **{name: getattr(queue.counts, name) for name in counts},
        )


class QueueList(BaseModel):
    """Every queue in the order a document passes them."""

    model_config = example(items=[example_of(QueueView)])

    items: list[QueueView]


@router.get("/tasks", operation_id="list_tasks", summary="List tasks", responses=problems(404, 422))
def list_tasks(
    services: UseCases,
    tenant: Tenant,
    task_status: Annotated[TaskStatus | None, Query(description="What it is called outside.")] = None,
    stage: Annotated[StageName | None, Query(description="Where it stands.")] = None,
    dataset: Annotated[Storable | None, Query(description="Name or id of a dataset.")] = None,
    document: Annotated[UUID | None, Query(description="Id of a document.")] = None,
    worker: Annotated[
        Storable | None, Query(description="Id of a worker, or an owner: what it has in hand.")
    ] = None,
    older_than: Annotated[
        float | None, Query(description="Made at least so many seconds ago.", ge=0, le=1e9)
    ] = None,
    order: Annotated[Literal["newest", "oldest"], Query(description="Which come first.")] = "newest",
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> TaskList:
    """Tasks that pass every filter, by the time they were made, a page at a time."""
    listing = TaskListing(
        task_status=task_status,
        stage=stage,
        dataset_id=services.datasets.id_of(tenant, dataset) if dataset else None,
        document_id=document,
        worker=worker,
        older_than=older_than,
        oldest_first=order == "oldest",
        limit=limit,
    )
    page = services.monitoring.tasks(tenant, listing, cursor)
    return TaskList(items=[TaskView.of(task) for task in page.items], next_cursor=page.next_cursor)


@router.get(
    "/tasks/{task_id}/history",
    operation_id="get_task_history",
    summary="What happened to a task?",
    responses=problems(404, 422),
)
def get_task_history(
    task_id: Annotated[str, PathParameter(description="Id of the task.", examples=[TASK_ID])],
    services: UseCases,
    tenant: Tenant,
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> EventList:
    """Every change, the oldest first, a page at a time. It stays when the document is deleted."""
    known = known_id(task_id, TaskNotFound)
    page = services.history.task_page(tenant, known, cursor=cursor, limit=limit)
    return EventList.of(page)


@router.get("/workers", operation_id="list_workers", summary="List workers", responses=problems())
def list_workers(services: UseCases, tenant: Tenant) -> WorkerList:
    """Every worker of the installation, its processes, and which of your documents each works on."""
    return WorkerList(items=[WorkerView.of(worker) for worker in services.monitoring.workers(tenant)])


@router.get("/queues", operation_id="list_queues", summary="List queues", responses=problems())
def list_queues(services: UseCases) -> QueueList:
    """Every queue of the installation: what waits in the broker, what waits in the database, and how fast."""
    return QueueList(items=[QueueView.of(queue) for queue in services.monitoring.queues()])
