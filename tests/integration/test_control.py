"""People's verbs on a real PostgreSQL: at once, once, and exact to the step."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import Engine
from tests.pipelines import (
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
from docmill.pipeline.recovery import Recovery

EVERYTHING_ONCE = [(stage.value, number) for stage in StageName for number in range(3)]


@pytest.fixture
def dispatcher() -> NotedDispatcher:
    return NotedDispatcher()


@pytest.fixture
def control(engine: Engine, dispatcher: NotedDispatcher) -> Control:
    return Control(engine, dispatcher)


def say(control: Control, verb: Verb, engine: Engine, task: UUID) -> int:
    """How many tasks the verb moved."""
    document = task_row(engine, task).document_id
    return len(control.say(verb, Scope.DOCUMENT, "default", document))


def test_a_document_in_line_is_paused_at_once_and_goes_on_when_resumed(
    engine: Engine, control: Control, dispatcher: NotedDispatcher
) -> None:
    task = put_in_line(engine)
    runner = make_runner(engine, counting_stages())
    assert say(control, Verb.PAUSE, engine, task) == 1
    runner.run(task, StageName.EXTRACT)
    assert (task_row(engine, task).status, results(engine, task)) == ("paused", [])

    assert say(control, Verb.RESUME, engine, task) == 1
    assert dispatcher.sent == [(StageName.EXTRACT, task, 5)]
    runner.run(task, StageName.EXTRACT)
    assert results(engine, task) == EVERYTHING_ONCE
    assert events(engine, task)[:3] == ["paused", "resumed", "claimed"]


def test_a_document_in_work_is_paused_at_its_next_step_and_resume_repeats_nothing(
    engine: Engine, control: Control
) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def pause_at_the_second(number: int) -> None:
        if number == 1:
            say(control, Verb.PAUSE, engine, task)

    stages[StageName.EMBED].before_step = pause_at_the_second
    runner = make_runner(engine, stages)
    runner.run(task, StageName.EXTRACT)
    row = task_row(engine, task)
    assert (row.status, row.owner, results(engine, task)[-1]) == ("paused", None, ("embed", 1))

    stages[StageName.EMBED].before_step = lambda number: None
    say(control, Verb.RESUME, engine, task)
    runner.run(task, StageName.EMBED)
    assert results(engine, task) == EVERYTHING_ONCE
    assert stages[StageName.EMBED].computed == [0, 1, 2]


def test_a_pause_taken_back_in_time_loses_nothing(engine: Engine, control: Control) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def change_your_mind(number: int) -> None:
        say(control, Verb.PAUSE, engine, task)
        say(control, Verb.RESUME, engine, task)

    stages[StageName.CHUNK].before_step = change_your_mind
    make_runner(engine, stages).run(task, StageName.EXTRACT)
    assert task_row(engine, task).status == "succeeded"
    assert results(engine, task) == EVERYTHING_ONCE


def test_a_pause_outlives_the_death_of_the_worker(engine: Engine, control: Control) -> None:
    task = put_in_line(engine)
    execute(engine, "UPDATE document_tasks SET status = 'running', owner = 'a/1/1.0', lease_until = now()")
    say(control, Verb.PAUSE, engine, task)
    Recovery(engine, NotedDispatcher(), crash_limit=2).sweep()
    make_runner(engine, counting_stages()).run(task, StageName.EXTRACT)
    assert results(engine, task) == []

    assert say(control, Verb.RESUME, engine, task) == 1
    make_runner(engine, counting_stages()).run(task, StageName.EXTRACT)
    assert results(engine, task) == EVERYTHING_ONCE


def test_a_cancel_ends_the_run_whatever_the_worker_does(engine: Engine, control: Control) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def cancel_at_the_second(number: int) -> None:
        if number == 1:
            say(control, Verb.CANCEL, engine, task)

    stages[StageName.CHUNK].before_step = cancel_at_the_second
    make_runner(engine, stages).run(task, StageName.EXTRACT)
    row = task_row(engine, task)
    assert (row.status, row.owner) == ("cancelled", None)
    assert results(engine, task)[-1] == ("chunk", 0)
    with engine.begin() as connection:
        (status,) = connection.exec_driver_sql("SELECT status FROM document_versions").scalars()
    assert status == "discarded"


def test_a_failed_document_goes_on_from_its_cursor_when_retried(engine: Engine, control: Control) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def break_down(number: int) -> None:
        if number == 2:
            raise ZeroDivisionError

    stages[StageName.EMBED].before_step = break_down
    runner = make_runner(engine, stages)
    runner.run(task, StageName.EXTRACT)
    assert task_row(engine, task).status == "failed"

    stages[StageName.EMBED].before_step = lambda number: None
    assert say(control, Verb.RETRY, engine, task) == 1
    runner.run(task, StageName.EMBED)
    assert results(engine, task) == EVERYTHING_ONCE


@pytest.mark.parametrize("verb", list(Verb))
def test_saying_it_twice_does_no_more_than_once(engine: Engine, control: Control, verb: Verb) -> None:
    task = put_in_line(engine)
    if verb is Verb.RESUME:
        say(control, Verb.PAUSE, engine, task)
    if verb is Verb.RETRY:
        execute(engine, "UPDATE document_tasks SET status = 'failed'")
    assert [say(control, verb, engine, task) for _ in range(3)] == [1, 0, 0]


@pytest.mark.parametrize("verb", list(Verb))
def test_what_is_published_cannot_be_moved(engine: Engine, control: Control, verb: Verb) -> None:
    task = put_in_line(engine)
    make_runner(engine, counting_stages()).run(task, StageName.EXTRACT)
    assert say(control, verb, engine, task) == 0


def test_a_verb_can_be_said_of_a_whole_dataset(engine: Engine, control: Control) -> None:
    mine, other = put_in_line(engine), put_in_line(engine)
    dataset = task_row(engine, mine).dataset_id
    moved = control.say(Verb.PAUSE, Scope.DATASET, "default", dataset)
    assert [task.task_id for task in moved] == [mine]
    assert task_row(engine, other).status == "queued"


def test_nobody_moves_the_documents_of_another_tenant(engine: Engine, control: Control) -> None:
    task = put_in_line(engine)
    assert control.say(Verb.CANCEL, Scope.DOCUMENT, "stranger", task_row(engine, task).document_id) == []
