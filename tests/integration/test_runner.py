"""The runner on a real PostgreSQL: every result once, whatever happens between two steps."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import psycopg
import pytest
from psycopg.errors import DiskFull, QueryCanceled, SerializationFailure
from sqlalchemy import Engine, text
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

from docmill.domain.errors import DatabaseUnavailable
from docmill.domain.reading_errors import PasswordRequired
from docmill.domain.retries import RetryPolicy
from docmill.domain.states import StageName
from docmill.pipeline.owner import Owner, is_gone, this_host, this_process
from docmill.pipeline.recovery import Recovery
from docmill.ports import Result
from docmill.stages.contract import Stage, Step, Work

EVERYTHING_ONCE = [(stage.value, number) for stage in StageName for number in range(3)]


def test_a_small_document_passes_every_stage_in_one_go(engine: Engine) -> None:
    task = put_in_line(engine)
    dispatcher = NotedDispatcher()
    make_runner(engine, counting_stages(), dispatcher).run(task, StageName.EXTRACT)

    assert results(engine, task) == EVERYTHING_ONCE
    assert task_row(engine, task).status == "succeeded"
    assert dispatcher.sent == []
    assert events(engine, task) == ["claimed", *["stage_finished"] * len(StageName), "published"]


def test_a_large_document_is_handed_on_by_message_after_each_stage(engine: Engine) -> None:
    task = put_in_line(engine, run_on=False)
    dispatcher = NotedDispatcher()
    runner = make_runner(engine, counting_stages(), dispatcher)

    for stage in StageName:
        runner.run(task, stage)

    assert [stage for stage, _, _ in dispatcher.sent] == list(StageName)[1:]
    assert results(engine, task) == EVERYTHING_ONCE


def test_who_finds_its_stage_undone_by_a_crash_of_the_database_lets_go_of_the_one_before(
    engine: Engine,
) -> None:
    task = put_in_line(engine)
    stages = counting_stages()
    stages[StageName.OCR].before_step = lambda _number: execute(
        engine,  # as PostgreSQL finds it again where the log on disk ends before this stage was opened
        "UPDATE document_tasks SET stage = 'extract', fence = fence - 1 WHERE id = :id AND stage = 'ocr'",
        id=task,
    )

    make_runner(engine, stages).run(task, StageName.EXTRACT)

    row = task_row(engine, task)
    assert (row.stage, row.status, row.owner, row.crashes) == ("extract", "queued", None, 0)
    assert events(engine, task)[-1] == "let_go"


def test_a_worker_goes_on_only_with_queues_it_serves(engine: Engine) -> None:
    task = put_in_line(engine)
    dispatcher = NotedDispatcher()
    make_runner(engine, counting_stages(), dispatcher, queues=frozenset({"extract", "ocr", "text"})).run(
        task, StageName.EXTRACT
    )
    assert dispatcher.sent == [(StageName.EMBED, task, 5)]
    assert task_row(engine, task).stage == "embed"


def test_a_duplicate_or_stale_message_changes_nothing(engine: Engine) -> None:
    task = put_in_line(engine)
    runner = make_runner(engine, counting_stages())
    runner.run(task, StageName.EMBED)  # not there yet
    assert results(engine, task) == []
    for _ in range(3):
        runner.run(task, StageName.EXTRACT)
    assert results(engine, task) == EVERYTHING_ONCE


def test_publishing_shows_the_new_version_and_retires_the_old_one_in_one_moment(engine: Engine) -> None:
    task = put_in_line(engine)
    row = task_row(engine, task)
    make_runner(engine, counting_stages()).run(task, StageName.EXTRACT)
    with engine.begin() as connection:
        active = connection.exec_driver_sql("SELECT active_version_id FROM documents").scalar_one()
    assert active == row.version_id


def test_a_permanent_error_ends_the_task_with_its_code(engine: Engine) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def refuse(number: int) -> None:
        raise PasswordRequired

    stages[StageName.EXTRACT].before_step = refuse
    make_runner(engine, stages).run(task, StageName.EXTRACT)

    row = task_row(engine, task)
    assert (row.status, row.error["code"]) == ("failed", "password_required")
    assert events(engine, task) == ["claimed", "failed"]


def test_an_unexpected_error_is_not_hidden(engine: Engine) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def break_down(number: int) -> None:
        raise ZeroDivisionError

    stages[StageName.CHUNK].before_step = break_down
    make_runner(engine, stages).run(task, StageName.EXTRACT)
    row = task_row(engine, task)
    assert (row.status, row.stage, row.error["code"]) == ("failed", "chunk", "internal_error")


def test_a_transient_error_is_tried_again_later_from_its_cursor(engine: Engine) -> None:
    task = put_in_line(engine)
    stages = counting_stages()
    failing = [True]

    def stumble_once(number: int) -> None:
        if number == 1 and failing:
            failing.clear()
            raise DatabaseUnavailableElsewhere

    stages[StageName.EMBED].before_step = stumble_once
    runner = make_runner(engine, stages)
    runner.run(task, StageName.EXTRACT)

    row = task_row(engine, task)
    assert (row.status, row.errors) == ("queued", 1)
    assert row.next_attempt_at is not None
    runner.run(task, StageName.EMBED)  # too early: nothing happens
    assert task_row(engine, task).status == "queued"

    execute(engine, "UPDATE document_tasks SET next_attempt_at = now()")
    runner.run(task, StageName.EMBED)
    assert task_row(engine, task).status == "succeeded"
    assert results(engine, task) == EVERYTHING_ONCE


@pytest.mark.parametrize(
    ("error", "code"),
    [(DiskFull, "database_busy"), (QueryCanceled, "database_busy"), (SerializationFailure, "database_busy")],
)
def test_what_the_driver_says_of_a_full_server_passes(
    engine: Engine, error: type[psycopg.Error], code: str
) -> None:
    """Vectors pass by SQLAlchemy, and so do the driver's errors."""
    task = put_in_line(engine)
    stages = counting_stages()

    def fail_once(number: int) -> None:
        if not stages[StageName.CHUNK].computed:
            raise error("could not extend file: No space left on device")

    stages[StageName.CHUNK].before_step = fail_once
    make_runner(engine, stages).run(task, StageName.EXTRACT)

    row = task_row(engine, task)
    assert (row.status, row.errors, row.error["code"]) == ("queued", 1, code)


def test_a_connection_that_is_lost_while_vectors_are_written_gives_the_task_back(engine: Engine) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def break_off(number: int) -> None:
        raise psycopg.OperationalError("consuming input failed: server closed the connection unexpectedly")

    stages[StageName.CHUNK].before_step = break_off
    make_runner(engine, stages).run(task, StageName.EXTRACT)

    row = task_row(engine, task)
    assert (row.status, row.errors, row.owner) == ("queued", 0, None)


NO_ROOM = """CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"""


def test_an_end_that_cannot_be_written_gives_the_task_back(engine: Engine) -> None:
    """The row that would say how it ended finds no room; that it is in line again does."""
    task = put_in_line(engine)
    execute(engine, NO_ROOM)
    execute(
        engine,
        """CREATE TRIGGER no_room BEFORE UPDATE ON document_tasks FOR EACH ROW
        WHEN (NEW.error IS NOT NULL) EXECUTE FUNCTION no_room()""",
    )
    stages = counting_stages()

    def refuse(number: int) -> None:
        raise PasswordRequired

    stages[StageName.CHUNK].before_step = refuse
    make_runner(engine, stages).run(task, StageName.EXTRACT)

    assert task_row(engine, task).status == "queued"
    assert events(engine, task)[-1] == "let_go"

    execute(engine, "DROP TRIGGER no_room ON document_tasks")
    make_runner(engine, stages).run(task, StageName.CHUNK)
    assert task_row(engine, task).error["code"] == "password_required"


class DatabaseUnavailableElsewhere(PasswordRequired):
    """A store that is not our database does not answer."""

    retryable = True


def test_retries_end(engine: Engine) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def stumble(number: int) -> None:
        raise DatabaseUnavailableElsewhere

    stages[StageName.EXTRACT].before_step = stumble
    runner = make_runner(engine, stages, retries=RetryPolicy(limit=2))
    for _ in range(3):
        runner.run(task, StageName.EXTRACT)
        execute(engine, "UPDATE document_tasks SET next_attempt_at = now() WHERE status = 'queued'")
    assert task_row(engine, task).status == "failed"


def test_when_the_database_goes_away_the_task_is_given_back(engine: Engine) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def lose_database(number: int) -> None:
        raise DatabaseUnavailable

    stages[StageName.EXTRACT].before_step = lose_database
    make_runner(engine, stages).run(task, StageName.EXTRACT)
    row = task_row(engine, task)
    assert (row.status, row.errors, row.owner) == ("queued", 0, None)


@pytest.mark.parametrize(
    ("statement", "status", "code"),
    [
        ("SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)", "queued", "database_busy"),
        ("SELECT repeat('x', 2000000000)", "failed", "internal_error"),
    ],
)
def test_what_the_database_refuses_is_not_taken_for_its_absence(
    engine: Engine, statement: str, status: str, code: str
) -> None:
    task = put_in_line(engine)
    stages = counting_stages()
    stages[StageName.EXTRACT].before_step = lambda number: execute(engine, statement)
    make_runner(engine, stages).run(task, StageName.EXTRACT)
    row = task_row(engine, task)
    assert (row.status, row.error["code"]) == (status, code)


def test_pause_takes_effect_at_the_next_step_and_resume_repeats_nothing(engine: Engine) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def ask_for_pause(number: int) -> None:
        if number == 1:
            execute(engine, "UPDATE document_tasks SET desired = 'pause'")

    stages[StageName.CHUNK].before_step = ask_for_pause
    runner = make_runner(engine, stages)
    runner.run(task, StageName.EXTRACT)
    assert task_row(engine, task).status == "paused"
    assert results(engine, task)[-1] == ("chunk", 1)

    stages[StageName.CHUNK].before_step = lambda number: None
    execute(engine, "UPDATE document_tasks SET desired = 'run', status = 'queued'")
    runner.run(task, StageName.CHUNK)
    assert results(engine, task) == EVERYTHING_ONCE
    assert stages[StageName.CHUNK].computed == [0, 1, 2]


def test_a_worker_that_stops_lets_go_at_the_next_step(engine: Engine) -> None:
    task = put_in_line(engine)
    stopping: list[bool] = []
    stages = counting_stages()

    def stop(number: int) -> None:
        stopping.append(True)

    stages[StageName.CHUNK].before_step = stop
    make_runner(engine, stages, is_stopping=lambda: bool(stopping)).run(task, StageName.EXTRACT)
    row = task_row(engine, task)
    assert (row.status, row.stage, row.crashes) == ("queued", "chunk", 0)
    assert results(engine, task)[-1] == ("chunk", 0)


def test_an_owner_whose_lease_was_taken_writes_nothing_more(engine: Engine) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def be_overtaken(number: int) -> None:
        if number == 1:
            execute(engine, "UPDATE document_tasks SET fence = fence + 1")

    stages[StageName.EXTRACT].before_step = be_overtaken
    make_runner(engine, stages).run(task, StageName.EXTRACT)
    assert results(engine, task) == [("extract", 0)]


def test_a_deleted_document_stops_its_run(engine: Engine) -> None:
    task = put_in_line(engine)
    stages = counting_stages()

    def delete(number: int) -> None:
        if number == 1:
            execute(engine, "DELETE FROM documents")

    stages[StageName.EXTRACT].before_step = delete
    make_runner(engine, stages).run(task, StageName.EXTRACT)
    assert results(engine, task) == [("extract", 0)]


def test_a_long_step_keeps_its_lease(engine: Engine) -> None:
    task = put_in_line(engine)
    stages = counting_stages()
    seen: list[bool] = []

    def outlast_the_lease(number: int) -> None:
        if number == 0:
            first = task_row(engine, task).lease_until
            while task_row(engine, task).lease_until == first:
                pass
            seen.append(True)

    stages[StageName.EXTRACT].before_step = outlast_the_lease
    make_runner(engine, stages, lease_seconds=0.6).run(task, StageName.EXTRACT)
    assert seen == [True]
    assert task_row(engine, task).status == "succeeded"


# -- recovery ---------------------------------------------------------------------------------------------


def dead_owner() -> str:
    """A process of this host that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    return str(Owner(this_host(), child.pid, 1.0))


def own(engine: Engine, owner: str, lease: str = "1 hour") -> None:
    execute(
        engine,
        """UPDATE document_tasks SET status = 'running', owner = :owner, fence = fence + 1,
        lease_until = now() + CAST(:lease AS interval)""",
        owner=owner,
        lease=lease,
    )


def test_a_task_of_a_dead_process_is_freed_at_once_and_goes_first(engine: Engine) -> None:
    task = put_in_line(engine)
    own(engine, dead_owner())
    dispatcher = NotedDispatcher()
    sweep = Recovery(engine, dispatcher, crash_limit=2).sweep()

    assert (sweep.freed, sweep.sent) == (1, 1)
    assert dispatcher.sent == [(StageName.EXTRACT, task, 9)]
    make_runner(engine, counting_stages()).run(task, StageName.EXTRACT)
    assert results(engine, task) == EVERYTHING_ONCE


def test_a_task_of_a_living_process_is_left_alone(engine: Engine) -> None:
    put_in_line(engine)
    own(engine, str(this_process()))
    assert Recovery(engine, NotedDispatcher(), crash_limit=2).sweep().freed == 0


def test_a_process_that_hangs_in_a_commit_holds_up_its_own_task_alone(engine: Engine) -> None:
    hung, other = put_in_line(engine), put_in_line(engine)
    own(engine, dead_owner())
    recovery = Recovery(engine, NotedDispatcher(), crash_limit=2)
    with engine.begin() as connection:
        connection.execute(text("UPDATE document_tasks SET updated_at = now() WHERE id = :id"), {"id": hung})
        assert recovery.sweep().freed == 1
        assert task_row(engine, other).status == "queued"
    assert recovery.sweep().freed == 1
    assert task_row(engine, hung).status == "queued"


def test_a_living_process_that_was_cut_off_is_no_mark_against_its_document(engine: Engine) -> None:
    task = put_in_line(engine)
    recovery = Recovery(engine, NotedDispatcher(), crash_limit=2)
    for _ in range(3):
        own(engine, str(this_process()), lease="-1 second")
        assert recovery.sweep().freed == 1
    row = task_row(engine, task)
    assert (row.status, row.crashes) == ("queued", 0)


def test_a_task_of_another_host_is_freed_when_its_lease_has_ended(engine: Engine) -> None:
    put_in_line(engine)
    own(engine, "elsewhere:boot:1/77/5.00")
    recovery = Recovery(engine, NotedDispatcher(), crash_limit=2)
    assert recovery.sweep().freed == 0
    own(engine, "elsewhere:boot:1/77/5.00", lease="-1 second")
    assert recovery.sweep().freed == 1


def test_a_document_that_kills_its_worker_twice_is_set_aside(engine: Engine) -> None:
    task = put_in_line(engine)
    recovery = Recovery(engine, NotedDispatcher(), crash_limit=2)
    for _ in range(2):
        own(engine, dead_owner())
        recovery.sweep()
    row = task_row(engine, task)
    assert (row.status, row.error["code"], row.crashes) == ("failed", "worker_died", 2)


@pytest.mark.parametrize(("backlog", "sent"), [(0, 3), (2, 1), (3, 0), (50, 0), (None, 0)])
def test_only_missing_messages_are_sent_again(engine: Engine, backlog: int | None, sent: int) -> None:
    for _ in range(3):
        put_in_line(engine)
    execute(engine, "UPDATE document_tasks SET dispatched_at = now() - interval '1 minute'")
    dispatcher = NotedDispatcher(backlog=backlog)
    assert Recovery(engine, dispatcher, crash_limit=2).sweep().sent == sent
    assert len(dispatcher.sent) == sent


def test_a_message_just_sent_is_not_sent_again(engine: Engine) -> None:
    put_in_line(engine)
    assert Recovery(engine, NotedDispatcher(), crash_limit=2).sweep().sent == 0


def test_an_owner_can_be_told_from_another_with_its_number(engine: Engine) -> None:
    me = this_process()
    assert is_gone(me) is False
    assert is_gone(Owner(me.host, os.getpid(), me.started - 100)) is True
    assert Owner.parse(str(me)).pid == me.pid


def test_a_clock_that_is_set_makes_no_living_owner_a_dead_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a host's clock is set by an hour, so is the moment at which it booted, as the kernel tells it."""
    me = this_process()
    booted = psutil.boot_time()
    for module in (psutil, psutil._pslinux):
        monkeypatch.setattr(module, "boot_time", lambda: booted + 3600)
    assert psutil.Process().create_time() > booted + 3600
    assert is_gone(me) is False
    assert str(this_process()) == str(me)


class SlowToWrite(CountingStage):
    """A stage that computes nothing; PostgreSQL takes its time to write what it says."""

    def run(self, work: Work) -> Iterator[Step]:
        slow = Result(
            """INSERT INTO document_task_events (tenant_id, document_id, task_id, kind)
SELECT 'default', document_id, id, 'slow' FROM moved, pg_sleep(0.2)""",
            {},
        )
        yield Step({}, 1, 1, [slow], last=True)


def test_the_time_that_writing_takes_is_a_step_s_too(engine: Engine) -> None:
    stages: dict[StageName, Stage] = dict(counting_stages())
    stages[StageName.INDEX] = SlowToWrite(StageName.INDEX)
    task = put_in_line(engine)

    make_runner(engine, stages).run(task, StageName.EXTRACT)

    with engine.begin() as connection:
        took = connection.execute(
            text("SELECT busy_seconds FROM stage_progress WHERE task_id = :id AND stage = 'index'"),
            {"id": task},
        ).scalar_one()
    assert took >= 0.2
