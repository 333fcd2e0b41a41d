"""Holding a stage, or everything: nothing new begins, what runs lets go at a step, nothing is lost."""

from __future__ import annotations

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

from docmill.domain.states import StageName
from docmill.pipeline.recovery import Recovery
from docmill.services.holds import Holds

EVERYTHING_ONCE = [(stage.value, number) for stage in StageName for number in range(3)]


@pytest.mark.parametrize("stage", [StageName.EXTRACT, None])
def test_nothing_begins_in_a_held_stage_until_it_is_released(engine: Engine, stage: StageName | None) -> None:
    task, holds = put_in_line(engine), Holds(engine)
    runner = make_runner(engine, counting_stages())
    holds.hold(stage)
    runner.run(task, StageName.EXTRACT)
    assert results(engine, task) == []

    holds.release(stage)
    runner.run(task, StageName.EXTRACT)
    assert results(engine, task) == EVERYTHING_ONCE


def test_a_run_stops_in_front_of_a_held_stage_and_goes_on_from_there(engine: Engine) -> None:
    task, holds = put_in_line(engine), Holds(engine)
    runner = make_runner(engine, counting_stages())
    holds.hold(StageName.EMBED)
    runner.run(task, StageName.EXTRACT)
    assert (task_row(engine, task).status, task_row(engine, task).stage) == ("queued", "embed")

    holds.release(StageName.EMBED)
    runner.run(task, StageName.EMBED)
    assert results(engine, task) == EVERYTHING_ONCE


@pytest.mark.parametrize("stage", [StageName.CHUNK, None])
def test_what_runs_in_a_held_stage_lets_go_at_its_next_step(engine: Engine, stage: StageName | None) -> None:
    task, holds = put_in_line(engine), Holds(engine)
    stages = counting_stages()
    stages[StageName.CHUNK].before_step = lambda number: None if number == 0 else hold()

    def hold() -> None:
        holds.hold(stage)

    runner = make_runner(engine, stages)
    runner.run(task, StageName.EXTRACT)
    row = task_row(engine, task)
    assert (row.status, row.stage, row.owner, row.errors, row.crashes) == ("queued", "chunk", None, 0, 0)
    assert results(engine, task)[-1] == ("chunk", 1)
    assert events(engine, task)[-1] == "held"

    holds.release(stage)
    stages[StageName.CHUNK].before_step = lambda number: None
    runner.run(task, StageName.CHUNK)
    assert results(engine, task) == EVERYTHING_ONCE
    assert stages[StageName.CHUNK].computed == [0, 1, 2]


def test_recovery_sends_nothing_for_a_held_stage_and_everything_after_it(engine: Engine) -> None:
    tasks, holds = {put_in_line(engine) for _ in range(3)}, Holds(engine)
    execute(engine, "UPDATE document_tasks SET dispatched_at = NULL")
    dispatcher = NotedDispatcher()
    recovery = Recovery(engine, dispatcher, crash_limit=2)
    holds.hold(StageName.EXTRACT)
    assert recovery.sweep().sent == 0

    holds.release(StageName.EXTRACT)
    assert recovery.relay() == 3
    assert {task for _, task, _ in dispatcher.sent} == tasks


def test_the_state_tells_what_is_held_why_and_what_waits(engine: Engine) -> None:
    put_in_line(engine)
    holds = Holds(engine)
    for reason in ("The model moves.", "Said again: the first reason stays."):
        held = holds.hold(StageName.EXTRACT, reason)
        shown = held.stages[0]
        assert (shown.held, shown.reason, shown.queued, shown.running) == (True, "The model moves.", 1, 0)
        assert not any(stage.held for stage in held.stages[1:])

    drained = holds.hold(None, "An upgrade.")
    assert drained.draining
    assert [stage.reason for stage in drained.stages] == [
        "The model moves.",
        *["An upgrade."] * (len(StageName) - 1),
    ]
    assert [stage.held for stage in holds.release(None).stages] == [True, *[False] * (len(StageName) - 1)]
