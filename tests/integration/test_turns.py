"""What is urgent passes a task that takes long, which loses nothing by it and is never starved."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import Engine
from tests.pipelines import (
    CountingStage,
    NotedDispatcher,
    counting_stages,
    events,
    execute,
    make_runner,
    put_in_line,
    results,
    task_row,
)

from docmill.db.control import Scope, Verb
from docmill.domain.states import StageName
from docmill.pipeline.control import Control
from docmill.pipeline.owner import Owner, this_host
from docmill.pipeline.recovery import Recovery
from docmill.pipeline.runner import Runner

EVERYTHING_ONCE = [(stage.value, number) for stage in StageName for number in range(3)]
AT_ONCE = 0.0  # seconds until a turn is over


@dataclass
class Pair:
    """A large document, and the stages its runner carries it through."""

    engine: Engine
    large: UUID
    stages: dict[StageName, CountingStage]
    dispatcher: NotedDispatcher

    def urgent(self, *, small: bool = True) -> UUID:
        """Another document, one priority above the large one."""
        task = put_in_line(self.engine, run_on=small)
        execute(self.engine, "UPDATE document_tasks SET priority = 6 WHERE id = :id", id=task)
        return task

    def runner(self, aside: Runner | None = None) -> Runner:
        """The runner of the large document, whose turns are over at once."""
        return make_runner(self.engine, self.stages, self.dispatcher, aside=aside, turn_seconds=AT_ONCE)

    def status(self, task: UUID) -> str:
        return str(task_row(self.engine, task).status)


@pytest.fixture
def pair(engine: Engine) -> Pair:
    return Pair(engine, put_in_line(engine), counting_stages(), NotedDispatcher())


@pytest.mark.parametrize("stage", list(StageName))
def test_a_small_urgent_document_passes_between_two_steps(pair: Pair, stage: StageName) -> None:
    arrived: list[UUID] = []
    seen: list[str] = []

    def arrive(number: int) -> None:
        if number == 0:
            arrived.append(pair.urgent())
        else:
            seen.append(pair.status(arrived[0]))

    pair.stages[stage].before_step = arrive
    aside = make_runner(pair.engine, counting_stages())
    pair.runner(aside).run(pair.large, StageName.EXTRACT)

    assert seen[0] == "succeeded"
    assert results(pair.engine, arrived[0]) == results(pair.engine, pair.large) == EVERYTHING_ONCE
    assert events(pair.engine, pair.large).count("claimed") == 1


def test_a_large_urgent_document_gets_the_worker_at_the_next_step(pair: Pair) -> None:
    def arrive(number: int) -> None:
        pair.urgent(small=False)

    pair.stages[StageName.EMBED].before_step = arrive
    pair.runner().run(pair.large, StageName.EXTRACT)

    row = task_row(pair.engine, pair.large)
    assert (row.status, row.stage, row.owner) == ("queued", "embed", None)
    assert pair.dispatcher.sent == [(StageName.EMBED, pair.large, 5)]
    assert events(pair.engine, pair.large)[-1] == "yielded"


def test_a_task_that_yields_makes_a_step_each_turn(pair: Pair) -> None:
    pair.urgent(small=False)
    pair.runner().run(pair.large, StageName.EXTRACT)  # a reading is not broken off: it would begin anew
    turns = 1
    while pair.status(pair.large) != "succeeded":
        turns += 1
        pair.runner().run(pair.large, StageName(task_row(pair.engine, pair.large).stage))
    assert turns <= 9
    assert results(pair.engine, pair.large) == EVERYTHING_ONCE


def test_what_is_as_urgent_waits(pair: Pair) -> None:
    equal = put_in_line(pair.engine)
    pair.runner(make_runner(pair.engine, counting_stages())).run(pair.large, StageName.EXTRACT)
    assert (pair.status(pair.large), pair.status(equal)) == ("succeeded", "queued")


def test_what_passes_takes_a_turn_at_most(pair: Pair) -> None:
    urgent = pair.urgent()
    aside = make_runner(pair.engine, counting_stages(), pair.dispatcher, is_aside=True, turn_seconds=AT_ONCE)
    aside.run(urgent, StageName.EXTRACT)
    row = task_row(pair.engine, urgent)
    assert (row.status, row.stage) == ("queued", "ocr")
    assert results(pair.engine, urgent)[-1] == ("ocr", 0)
    assert pair.dispatcher.sent == [(StageName.OCR, urgent, 6)]


def test_a_pause_reaches_an_engine_that_computes_long(pair: Pair) -> None:
    runner = pair.runner()

    def compute_until_told(number: int) -> None:
        if number == 1:
            document = task_row(pair.engine, pair.large).document_id
            Control(pair.engine, NotedDispatcher()).say(Verb.PAUSE, Scope.DOCUMENT, "default", document)
            while True:
                runner.look_up()

    pair.stages[StageName.EXTRACT].before_step = compute_until_told
    runner.run(pair.large, StageName.EXTRACT)
    assert pair.status(pair.large) == "paused"
    assert results(pair.engine, pair.large) == [("extract", 0)]


def test_a_small_document_passes_an_engine_that_computes_long(pair: Pair) -> None:
    aside = make_runner(pair.engine, counting_stages())
    runner = pair.runner(aside)

    def compute_until_it_passed(number: int) -> None:
        urgent = pair.urgent()
        while pair.status(urgent) != "succeeded":
            runner.look_up()

    pair.stages[StageName.EXTRACT].before_step = compute_until_it_passed
    runner.run(pair.large, StageName.EXTRACT)
    assert results(pair.engine, pair.large) == EVERYTHING_ONCE


def test_a_death_is_held_against_the_document_in_hand_and_not_the_one_that_waited(pair: Pair) -> None:
    urgent = pair.urgent()
    dead = str(Owner(this_host(), 2**22 + 1, 1.0))
    for task in (pair.large, urgent):
        execute(
            pair.engine,
            """UPDATE document_tasks SET status = 'running', owner = :owner, updated_at = clock_timestamp(),
            lease_until = now() + interval '1 hour' WHERE id = :id""",
            owner=dead,
            id=task,
        )
    assert Recovery(pair.engine, NotedDispatcher(), crash_limit=2).sweep().freed == 2
    assert task_row(pair.engine, urgent).crashes == 1
    assert task_row(pair.engine, pair.large).crashes == 0
