"""A step that takes too long is kept and tried again later; one that never returns ends with its process."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from tests.pipelines import (
    NotedDispatcher,
    counting_stages,
    events,
    make_runner,
    put_in_line,
    results,
    task_row,
)

from docmill.domain.limits import StepLimits, parse_limits
from docmill.domain.states import StageName
from docmill.pipeline.recovery import Recovery
from docmill.settings import load_settings

AT_ONCE = StepLimits({StageName.CHUNK: 0.0}, {})


def test_a_slow_step_is_kept_and_the_document_tried_again_later(engine: Engine) -> None:
    task = put_in_line(engine)
    make_runner(engine, counting_stages(), limits=AT_ONCE).run(task, StageName.EXTRACT)
    row = task_row(engine, task)
    assert (row.status, row.stage, row.errors, row.error["code"]) == ("queued", "chunk", 1, "step_too_slow")
    assert row.next_attempt_at is not None
    assert results(engine, task)[-1] == ("chunk", 0)


def test_an_engine_that_looks_up_is_stopped_at_its_soft_limit(engine: Engine) -> None:
    task, stages = put_in_line(engine), counting_stages()
    runner = make_runner(engine, stages, limits=AT_ONCE)

    def compute_until_told(number: int) -> None:
        while True:
            runner.look_up()

    stages[StageName.CHUNK].before_step = compute_until_told
    runner.run(task, StageName.EXTRACT)
    assert task_row(engine, task).error["code"] == "step_too_slow"
    assert results(engine, task)[-1] == ("ocr", 2)


def test_a_step_that_never_returns_ends_its_process_and_in_the_end_the_document(
    engine: Engine, fresh_database: str
) -> None:
    task = put_in_line(engine)
    recovery = Recovery(engine, NotedDispatcher(), crash_limit=2)
    for deaths in (1, 2):
        assert hang(fresh_database, task) == -signal.SIGKILL
        assert recovery.sweep().freed == 1
        assert task_row(engine, task).crashes == deaths
    row = task_row(engine, task)
    assert (row.status, row.stage, row.error["code"]) == ("failed", "chunk", "step_hung")
    assert events(engine, task)[-3:] == ["owner_lost", "claimed", "failed"]
    assert results(engine, task) == [(stage, number) for stage in ("extract", "ocr") for number in range(3)]


def hang(database_url: str, task: UUID) -> int:
    """How a worker process ended that ran this task."""
    return subprocess.run(
        [sys.executable, "-m", "tests.hanging", database_url, str(task)], timeout=60, check=False
    ).returncode


def test_a_reading_has_the_time_of_its_own_limit(tmp_path: Path) -> None:
    patient = load_settings(home=tmp_path, read_timeout_seconds=5000.0).limits
    assert patient.hard_of(StageName.EXTRACT) > patient.soft_of(StageName.EXTRACT) > 5000
    assert patient.soft_of(StageName.EMBED) == 300


def test_limits_are_written_as_a_table() -> None:
    assert parse_limits("extract=360, embed=0.5") == {StageName.EXTRACT: 360, StageName.EMBED: 0.5}
    for wrong in ("", "reading=5", "embed", "embed=0", "embed=soon", "embed=inf"):
        with pytest.raises(ValueError, match=r"."):
            parse_limits(wrong)
