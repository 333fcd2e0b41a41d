"""Commits that do not wait for the disk: a crash of PostgreSQL undoes them, and nobody was told of them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from sqlalchemy import Engine, text
from tests.pipelines import counting_stages, make_runner, put_in_line, results, task_row
from tests.pipelines import events as kinds_of
from tests.servers import IN_A_HURRY, temporary_home

from docmill.db import events, tasks
from docmill.db.engine import alone, connect
from docmill.db.migrate import upgrade
from docmill.domain.events import Position
from docmill.domain.states import EventKind, StageName
from docmill.local.postgres import Cluster
from docmill.local.servers import start_postgres

# Nothing but a commit that waits for the disk brings the log there.
LAZY = {**IN_A_HURRY, "synchronous_commit": "on", "wal_writer_delay": "10s", "autovacuum": "off"}
BEGINNING = Position(0, 0)


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as home:
        with start_postgres(home, settings=LAZY) as cluster:
            upgrade(cluster.url)
        yield home


@contextlib.contextmanager
def running(home: Path) -> Iterator[tuple[Cluster, Engine]]:
    """PostgreSQL on this data directory, and an engine as workers have it."""
    with start_postgres(home, settings=LAZY) as cluster:
        engine = connect(cluster.url, one_plan=True)
        try:
            yield cluster, engine
        finally:
            engine.dispose()


def crash(cluster: Cluster) -> None:
    """What is in memory only is gone."""
    server = psutil.Process(int((cluster.data / "postmaster.pid").read_text().splitlines()[0]))
    os.kill(server.pid, signal.SIGQUIT)
    server.wait(10)


def is_on_disk(engine: Engine) -> bool:
    with alone(engine) as connection:
        return bool(
            connection.execute(
                text("SELECT pg_current_wal_flush_lsn() = pg_current_wal_insert_lsn()")
            ).scalar()
        )


def claim(engine: Engine, task: UUID) -> None:
    with alone(engine) as connection:
        assert tasks.claim(connection, task, StageName.EXTRACT, "host/1/1", 30.0)


@pytest.mark.parametrize("told", ["to a listener", "in a history"])
def test_what_was_told_stays_told(home: Path, told: str) -> None:
    with running(home) as (cluster, engine):
        task = put_in_line(engine)
        assert is_on_disk(engine)
        claim(engine, task)
        assert not is_on_disk(engine)

        with alone(engine) as connection:
            if told == "to a listener":
                (event,) = events.of_everybody(connection, BEGINNING, 10)
            else:
                (event,) = events.task_history(connection, "default", task, 0, 10)
        crash(cluster)

    with running(home) as (_, engine), alone(engine) as connection:
        assert events.of_everybody(connection, BEGINNING, 10) == [event]


def test_what_a_crash_undid_is_done_again_and_once(home: Path) -> None:
    with running(home) as (cluster, engine):
        task = put_in_line(engine)
        claim(engine, task)
        crash(cluster)

    with running(home) as (_, engine):
        assert (task_row(engine, task).status, kinds_of(engine, task)) == ("queued", [])
        make_runner(engine, counting_stages()).run(task, StageName.EXTRACT)
        assert results(engine, task) == [(stage.value, number) for stage in StageName for number in range(3)]
        assert task_row(engine, task).status == "succeeded"


def test_a_stage_that_a_crash_undid_is_let_go_by_who_had_it(home: Path) -> None:
    with running(home) as (cluster, engine):
        task = put_in_line(engine)
        with alone(engine) as connection:
            first = tasks.claim(connection, task, StageName.EXTRACT, "host/1/1", 30.0)
            assert first
            events.horizon(connection)  # so this claim is on the disk
        with alone(engine) as connection:
            second = tasks.run_on(connection, first, StageName.OCR, 30.0, None)
            assert second
            assert second.fence > first.fence
        crash(cluster)

    with running(home) as (_, engine):
        assert (task_row(engine, task).stage, task_row(engine, task).fence) == ("extract", first.fence)
        other = replace(second, owner="host/2/2")
        with alone(engine) as connection:
            assert not tasks.let_go(connection, other, EventKind.LET_GO)
            assert tasks.let_go(connection, second, EventKind.LET_GO)
        assert (task_row(engine, task).status, task_row(engine, task).owner) == ("queued", None)


def test_what_happens_after_a_crash_comes_after_what_was_told_before(home: Path) -> None:
    with running(home) as (cluster, engine):
        claim(engine, put_in_line(engine))
        with alone(engine) as connection:
            place = events.horizon(connection)
        crash(cluster)

    with running(home) as (_, engine):
        claim(engine, put_in_line(engine))
        with alone(engine) as connection:
            (event,) = events.of_everybody(connection, place, 10)
        assert event.position > place


def test_a_published_document_is_on_disk(home: Path) -> None:
    with running(home) as (cluster, engine):
        task = put_in_line(engine)
        make_runner(engine, counting_stages()).run(task, StageName.EXTRACT)
        crash(cluster)

    with running(home) as (_, engine):
        assert task_row(engine, task).status == "succeeded"
        assert kinds_of(engine, task)[-1] == "published"
