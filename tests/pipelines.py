"""What tests of the pipeline stand on: a document in line, stages of their own, a dispatcher that notes."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, text

from docmill.domain.states import StageName
from docmill.pipeline.runner import Runner, RunnerSettings
from docmill.ports import Result
from docmill.stages.contract import Stage, Step, Work

ALL_BUT_OCR = [stage.value for stage in StageName if stage is not StageName.OCR]  # what a text passes
ALL_QUEUES = frozenset({"extract", "ocr", "text", "embed", "index", "maintenance"})


class OneByOne(ABC):
    """A broker's place to which messages that are sent together come one by one."""

    @abstractmethod
    def send(self, stage: StageName, task_id: UUID, priority: int) -> bool: ...

    def send_all(self, stage: StageName, tasks: Sequence[tuple[UUID, int]]) -> bool:
        return all(self.send(stage, task_id, priority) for task_id, priority in tasks)


@dataclass
class NotedDispatcher(OneByOne):
    """Keeps what was sent; `backlog` is how many messages it says are waiting."""

    sent: list[tuple[StageName, UUID, int]] = field(default_factory=list)
    backlog: int | None = 0

    def send(self, stage: StageName, task_id: UUID, priority: int) -> bool:
        self.sent.append((stage, task_id, priority))
        return True

    def waiting(self, queue: str) -> int | None:
        return self.backlog


@dataclass
class CountingStage:
    """Yields `steps` steps. Each writes one event row, so that doubled or lost work can be seen."""

    name: StageName
    steps: int = 3
    before_step: Callable[[int], None] = lambda number: None
    computed: list[int] = field(default_factory=list)

    def run(self, work: Work) -> Iterator[Step]:
        for number in range(int(work.cursor.get("next", 0)), self.steps):
            self.before_step(number)
            self.computed.append(number)
            done = number + 1
            results = [self._result(work, number)]
            yield Step({"next": done}, done, self.steps, results, last=done == self.steps)

    def _result(self, work: Work, number: int) -> Result:
        sql = """INSERT INTO document_task_events (tenant_id, document_id, task_id, kind, stage, data)
            SELECT 'default', :result_document, :result_task, 'result', :result_stage,
              CAST(:result_data AS jsonb) FROM moved"""
        values = {
            "result_document": work.version.document_id,
            "result_task": work.task_id,
            "result_stage": self.name.value,
            "result_data": json.dumps({"number": number}),
        }
        return Result(sql, values)


def counting_stages() -> dict[StageName, CountingStage]:
    """One counting stage for each of the real ones."""
    return {name: CountingStage(name) for name in StageName}


def make_runner(
    engine: Engine,
    stages: Mapping[StageName, Stage],
    dispatcher: NotedDispatcher | None = None,
    *,
    queues: frozenset[str] = ALL_QUEUES,
    is_stopping: Callable[[], bool] = lambda: False,
    aside: Runner | None = None,
    **settings: Any,
) -> Runner:
    """A runner over these stages."""
    return Runner(
        engine,
        stages,
        dispatcher or NotedDispatcher(),
        RunnerSettings(queues=queues, **settings),
        is_stopping,
        aside,
    )


def put_in_line(engine: Engine, *, run_on: bool = True) -> UUID:
    """A document whose task waits at the first stage; returns the task's id."""
    ids = {name: uuid4() for name in ("dataset", "document", "version", "task")}
    with engine.begin() as connection:
        for statement in _ROWS:
            connection.execute(text(statement), {**ids, "name": str(ids["dataset"]), "run_on": run_on})
    return ids["task"]


_ROWS = (
    "INSERT INTO datasets (id, tenant_id, name) VALUES (:dataset, 'default', :name)",
    """INSERT INTO documents (id, tenant_id, dataset_id, name, sha256, size_bytes, media_type, storage_key)
    VALUES (:document, 'default', :dataset, 'a.txt', 'x', 1, 'text/plain', 'k')""",
    """INSERT INTO document_versions (id, tenant_id, document_id, number, status, settings)
    VALUES (:version, 'default', :document, 1, 'building',
            '{"chunking": {"size": 200, "overlap": 0, "unit": "tokens"}}')""",
    """INSERT INTO document_tasks
      (id, tenant_id, dataset_id, document_id, version_id, status, stage, run_on, dispatched_at)
    VALUES (:task, 'default', :dataset, :document, :version, 'queued', 'extract', :run_on, now())""",
)


def sign_of_life(engine: Engine, queues: frozenset[str] = ALL_QUEUES) -> None:
    """As a worker that serves these queues gives it; it holds for a day."""
    execute(
        engine,
        """INSERT INTO workers (id, host, queues, version, seen_at)
        VALUES (:id, 'elsewhere', :queues, '0', now() + interval '1 day')""",
        id=str(uuid4()),
        queues=sorted(queues),
    )


def task_row(engine: Engine, task_id: UUID) -> Any:
    """The task as it is stored."""
    with engine.begin() as connection:
        return connection.execute(text("SELECT * FROM document_tasks WHERE id = :id"), {"id": task_id}).one()


def results(engine: Engine, task_id: UUID) -> list[tuple[str, int]]:
    """(stage, number) of every result a task wrote, in the order of writing."""
    with engine.begin() as connection:
        rows = connection.execute(
            text(
                """SELECT stage, data->>'number' FROM document_task_events
                WHERE task_id = :id AND kind = 'result' ORDER BY id"""
            ),
            {"id": task_id},
        )
        return [(stage, int(number)) for stage, number in rows]


def events(engine: Engine, task_id: UUID) -> list[str]:
    """The kinds of what happened to a task, in order, without the results."""
    with engine.begin() as connection:
        rows = connection.execute(
            text(
                """SELECT kind FROM document_task_events
                WHERE task_id = :id AND kind <> 'result' ORDER BY id"""
            ),
            {"id": task_id},
        )
        return list(rows.scalars())


def execute(engine: Engine, statement: str, **values: Any) -> None:
    """Run one statement, as somebody else would."""
    with engine.begin() as connection:
        connection.execute(text(statement), values)
