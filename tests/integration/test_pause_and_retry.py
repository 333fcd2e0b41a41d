"""A pause, a retry and a resume repeat nothing: every part is read and every chunk embedded once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from tests.installations import Installation, installation
from tests.made_files import chapters
from tests.pipelines import (
    NotedDispatcher,
    counting_stages,
    execute,
    make_runner,
    put_in_line,
    results,
    task_row,
)

from docmill.adapters.embedders.hashing import Hashing
from docmill.bootstrap import make_reading, make_recognizer, make_stages
from docmill.db.control import Scope, Verb
from docmill.domain.documents import Part, ReadInfo
from docmill.domain.errors import Unavailable
from docmill.domain.states import StageName
from docmill.pipeline.control import Control
from docmill.pipeline.recovery import Recovery
from docmill.pipeline.runner import Runner
from docmill.ports import Embedded, Reading, ReadRequest

EVERYTHING_ONCE = [(stage.value, number) for stage in StageName for number in range(3)]
TEXT = chapters(40)


@dataclass
class CountedReading:
    """Counts the parts that the engine reads."""

    reading: Reading
    parts: int = 0

    def read(self, request: ReadRequest) -> Iterator[ReadInfo | Part]:
        for item in self.reading.read(request):
            self.parts += isinstance(item, Part)
            yield item

    def start(self) -> None:
        self.reading.start()

    def close(self) -> None:
        self.reading.close()


class CountedEmbedder(Hashing):
    """Counts how often each text is embedded; `before` is called with the number of the call."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[int], None] = lambda number: None
        self.texts: Counter[str] = Counter()
        self.calls = 0

    def embed(self, texts: Sequence[str]) -> Embedded:
        self.calls += 1
        self.before(self.calls)
        embedded = super().embed(texts)
        self.texts.update(texts)
        return embedded


@dataclass
class Counted:
    """An installation whose engines are counted, with a document in line."""

    here: Installation
    reading: CountedReading
    embedder: CountedEmbedder
    task: UUID
    document: UUID

    def runner(self) -> Runner:
        """A worker process's runner, started anew."""
        stages = make_stages(
            replace(self.here.app, embedder=self.embedder), self.reading, make_recognizer(self.here.settings)
        )
        return make_runner(self.here.app.engine, stages)

    def say(self, verb: Verb) -> None:
        control = Control(self.here.app.engine, self.here.app.dispatcher)
        assert len(control.say(verb, Scope.DOCUMENT, "default", self.document)) == 1

    def was_done_once(self) -> bool:
        """Whether it is published, and no engine saw anything twice."""
        row = task_row(self.here.app.engine, self.task)
        chunks = self.here.rows("SELECT text FROM chunks")
        once = Counter(chunk.text for chunk in chunks) == self.embedder.texts
        return row.status == "succeeded" and len(chunks) > 8 and once and self.reading.parts == 1


@pytest.fixture
def counted(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Counted]:
    with (
        installation(fresh_database, broker, tmp_path, step_seconds=1e-6) as here,
        closing(make_reading(here.settings)) as reading,
    ):
        accepted = here.accept("long.md", TEXT)
        yield Counted(
            here, CountedReading(reading), CountedEmbedder(), accepted.task_id, accepted.document_id
        )


def test_pausing_again_and_again_repeats_no_page_and_no_chunk(counted: Counted) -> None:
    counted.embedder.before = lambda number: counted.say(Verb.PAUSE)
    counted.runner().run(counted.task, StageName.EXTRACT)
    pauses = 0
    while task_row(counted.here.app.engine, counted.task).status == "paused":
        pauses += 1
        counted.say(Verb.RESUME)
        counted.runner().run(counted.task, StageName.EMBED)

    assert pauses > 2
    assert counted.was_done_once()


def test_a_retry_after_a_failure_goes_on_from_the_failed_stages_cursor(counted: Counted) -> None:
    def break_down_once(number: int) -> None:
        if number == 2:
            raise ZeroDivisionError

    counted.embedder.before = break_down_once
    counted.runner().run(counted.task, StageName.EXTRACT)
    assert task_row(counted.here.app.engine, counted.task).status == "failed"

    counted.say(Verb.RETRY)
    counted.runner().run(counted.task, StageName.EMBED)
    assert counted.was_done_once()


def test_a_retry_by_itself_goes_on_from_there_too(counted: Counted) -> None:
    def be_busy_once(number: int) -> None:
        if number == 2:
            raise Unavailable("The model is busy.", retry_after_seconds=1000)

    counted.embedder.before = be_busy_once
    counted.runner().run(counted.task, StageName.EXTRACT)
    (row,) = counted.here.rows(
        """SELECT extract(epoch FROM next_attempt_at - updated_at) AS wait, errors,
        (SELECT data FROM document_task_events WHERE kind = 'retry_scheduled') AS told FROM document_tasks"""
    )
    assert (round(row.wait), row.errors, row.told["attempt"]) == (1000, 1, 1)
    assert row.told["next_attempt_at"]

    execute(counted.here.app.engine, "UPDATE document_tasks SET next_attempt_at = now()")
    counted.runner().run(counted.task, StageName.EMBED)
    assert counted.was_done_once()


# -- wherever a pause meets a document ---------------------------------------------------------------------


def pause_and_resume(engine: Engine, task: UUID) -> None:
    """A pause while it waits takes effect at once; no message and no sweep moves it until it is resumed."""
    control, dispatcher = Control(engine, NotedDispatcher()), NotedDispatcher()
    document = task_row(engine, task).document_id
    control.say(Verb.PAUSE, Scope.DOCUMENT, "default", document)
    stage = StageName(task_row(engine, task).stage)
    make_runner(engine, counting_stages()).run(task, stage)
    Recovery(engine, dispatcher, crash_limit=2).sweep()
    assert (task_row(engine, task).status, dispatcher.sent) == ("paused", [])
    control.say(Verb.RESUME, Scope.DOCUMENT, "default", document)


def test_a_pause_in_line(engine: Engine) -> None:
    task = put_in_line(engine)
    pause_and_resume(engine, task)
    make_runner(engine, counting_stages()).run(task, StageName.EXTRACT)
    assert results(engine, task) == EVERYTHING_ONCE


def test_a_pause_between_two_stages(engine: Engine) -> None:
    task = put_in_line(engine, run_on=False)
    runner = make_runner(engine, counting_stages())
    for stage in StageName:
        pause_and_resume(engine, task)
        runner.run(task, stage)
    assert results(engine, task) == EVERYTHING_ONCE


def test_a_pause_while_a_retry_is_due_keeps_its_time(engine: Engine) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def be_away_once(number: int) -> None:
        if number == 1 and task_row(engine, task).errors == 0:
            raise Unavailable

    stages[StageName.EMBED].before_step = be_away_once
    runner = make_runner(engine, stages)
    runner.run(task, StageName.EXTRACT)
    due = task_row(engine, task).next_attempt_at
    pause_and_resume(engine, task)
    runner.run(task, StageName.EMBED)
    row = task_row(engine, task)
    assert (row.status, row.next_attempt_at, row.errors) == ("queued", due, 1)

    execute(engine, "UPDATE document_tasks SET next_attempt_at = now()")
    runner.run(task, StageName.EMBED)
    assert results(engine, task) == EVERYTHING_ONCE
    assert stages[StageName.EMBED].computed == [0, 1, 2]
