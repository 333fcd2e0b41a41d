"""`percent_complete` never goes back within a run, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.installations import Installation, installation
from tests.made_files import pdf
from tests.pipelines import NotedDispatcher, execute, make_runner, put_in_line, task_row

from docmill.adapters.storage.directory import DirectoryStorage
from docmill.adapters.vectors.pgvector import PgVectorStore
from docmill.bootstrap import make_reading, make_recognizer, make_stages
from docmill.db.control import Scope, Verb
from docmill.domain.errors import StorageUnavailable
from docmill.domain.interruptions import WorkerStopping
from docmill.domain.retries import RetryPolicy
from docmill.domain.states import StageName
from docmill.pipeline.control import Control
from docmill.pipeline.recovery import Recovery
from docmill.services.documents import Documents
from docmill.stages.contract import Step, Work


class Died(BaseException):
    """The process ends here, and its task is left in its hands."""


@dataclass
class Sitting:
    """One claim of a stage: what its steps say of `done` and `total`, and how it ends."""

    steps: list[tuple[int, int | None]]
    ending: str


@dataclass
class ScriptedStage:
    """A stage that works one sitting after another and lets somebody look between the steps."""

    name: StageName
    sittings: list[Sitting]
    look: Callable[[], None] = lambda: None
    pause: Callable[[], None] = lambda: None
    sat: int = field(default=0)

    def run(self, work: Work) -> Iterator[Step]:
        sitting = self.sittings[self.sat]
        self.sat += 1
        for done, total in sitting.steps:
            yield Step({}, done, total)
            self.look()
        if sitting.ending == "pause":
            self.pause()
            yield Step({}, 0, None)
        if sitting.ending in _ENDINGS:
            raise _ENDINGS[sitting.ending]


_ENDINGS = {"error": StorageUnavailable(), "stop": WorkerStopping(), "death": Died()}


# Totals that grow, shrink or are not known, and stages that begin again: all of it happens.
steps = st.lists(st.tuples(st.integers(0, 30), st.none() | st.integers(0, 30)), max_size=5)
interrupted = st.lists(st.builds(Sitting, steps, st.sampled_from(["pause", *_ENDINGS])), max_size=3)
way = st.builds(lambda cut, last: [*cut, Sitting(last, "end")], interrupted, steps)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ways=st.tuples(*[way] * len(StageName)))
def test_percent_never_goes_back(engine: Engine, tmp_path: Path, ways: tuple[list[Sitting], ...]) -> None:
    task = put_in_line(engine)
    document: UUID = task_row(engine, task).document_id
    documents = Documents(engine, DirectoryStorage(tmp_path), PgVectorStore(engine), NotedDispatcher())
    control = Control(engine, NotedDispatcher())
    seen = [0.0]

    def look() -> None:
        seen.append(documents.get("default", document).state.percent_complete)

    def pause() -> None:
        control.say(Verb.PAUSE, Scope.DOCUMENT, "default", document)
        look()

    stages = {
        name: ScriptedStage(name, list(sittings), look, pause)
        for name, sittings in zip(StageName, ways, strict=True)
    }
    runner = make_runner(engine, stages, retries=RetryPolicy(limit=100))
    while (row := task_row(engine, task)).status != "succeeded":
        with suppress(Died):
            runner.run(task, StageName(row.stage))
        look()
        control.say(Verb.RESUME, Scope.DOCUMENT, "default", document)
        execute(
            engine,
            "UPDATE document_tasks SET next_attempt_at = NULL, lease_until = now() WHERE id = :id",
            id=task,
        )
        Recovery(engine, NotedDispatcher(), crash_limit=100).sweep()
        look()

    assert seen == sorted(seen)
    assert max(seen[:-2]) < 100 == seen[-1]


@pytest.fixture
def here(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(fresh_database, broker, tmp_path, step_seconds=0.000001) as running:
        yield running


def test_reading_that_is_cut_twice_keeps_every_page_once(here: Installation) -> None:
    pages = [f"Page {number} is about the river." for number in range(1, 101)]  # in five parts
    accepted = here.accept("river.pdf", pdf(pages))

    with closing(make_reading(here.settings)) as reading:
        stages = make_stages(here.app, reading, make_recognizer(here.settings))
        for steps in (3, 1):  # the second is cut while it still reads again what the first has kept
            left = iter([False] * (steps - 1) + [True])
            cut = make_runner(here.app.engine, stages, is_stopping=left.__next__)
            cut.run(accepted.task_id, StageName.EXTRACT)
        make_runner(here.app.engine, stages).run(accepted.task_id, StageName.EXTRACT)

    kept = here.rows("SELECT text FROM blocks ORDER BY ordinal")
    assert [row.text for row in kept] == pages
