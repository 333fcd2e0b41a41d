"""A worker that is connected and takes nothing is noticed and started again; a dead broker costs nothing."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from celery import Celery
from tests.installations import Installation, children_of, installation
from tests.polling import eventually
from tests.servers import temporary_home

from docmill.adapters.broker import QUEUES, celery_options
from docmill.domain.states import MAINTENANCE_QUEUE, StageName
from docmill.local import redis
from docmill.local.addresses import choose_port
from docmill.local.process import Process, stop_together
from docmill.local.servers import wait_until_ready
from docmill.local.state import prepare_home
from docmill.services.pings import ping_all


def texts(count: int, *, at: int = 0) -> list[tuple[str, bytes]]:
    return [(f"{at + n}.txt", f"Text {at + n} tells of token{at + n}. ".encode() * 20) for n in range(count)]


def stop_hearing(url: str, queue: str) -> None:
    """Tell every worker, as an operator can, to take nothing more from a queue, and wait until it obeys."""
    with Celery("test") as celery:
        celery.conf.update(celery_options(url))
        assert celery.control.cancel_consumer(queue, reply=True, timeout=5, limit=1)


def test_a_deaf_worker_ends_and_the_next_one_does_the_work(
    fresh_database: str, broker: str, tmp_path: Path
) -> None:
    with installation(fresh_database, broker, tmp_path, worker_deaf_seconds=1.5) as here:
        worker = here.start("worker")
        eventually(lambda: here.rows("SELECT id FROM workers"))
        stop_hearing(broker, "extract")

        accepted = [here.accept(*text) for text in texts(3)]
        assert worker.wait(30) == os.EX_TEMPFAIL
        assert here.rows("SELECT id FROM workers") == []
        assert {row.crashes for row in here.rows("SELECT crashes FROM document_tasks")} == {0}

        here.start("worker")  # as systemd, Kubernetes or `docmill up` do
        assert set(here.wait_until_ended(*(one.task_id for one in accepted))) == {"succeeded"}


def test_a_worker_whose_processes_all_hang_ends_too(fresh_database: str, broker: str, tmp_path: Path) -> None:
    with installation(fresh_database, broker, tmp_path, worker_deaf_seconds=1.5) as here:
        worker = here.start("worker")
        eventually(lambda: here.rows("SELECT id FROM workers WHERE cardinality(processes) = 2"))
        for child in children_of(worker):
            child.suspend()
        for text in texts(6):
            here.accept(*text)
        assert worker.wait(30) == os.EX_TEMPFAIL


def test_every_queue_answers_a_ping(fresh_database: str, broker: str, tmp_path: Path) -> None:
    with installation(fresh_database, broker, tmp_path, worker_queues="extract,text,embed,index") as here:
        worker = here.start("worker")
        eventually(lambda: here.rows("SELECT id FROM workers"))
        heard = ping_all(here.app.engine, here.app.dispatcher.ping, QUEUES[:-1], seconds=10)
        assert [ping.queue for ping in heard] == list(QUEUES[:-1])
        assert all(ping.seconds is not None and ping.seconds < 10 for ping in heard)
        assert {str(ping.worker_id).rpartition("/")[2] for ping in heard} == {str(worker.pid)}

        [nobody] = ping_all(here.app.engine, here.app.dispatcher.ping, [MAINTENANCE_QUEUE], seconds=0.3)
        assert nobody.seconds is None


def test_a_killed_worker_is_forgotten_by_the_next_one_on_its_host(
    fresh_database: str, broker: str, tmp_path: Path
) -> None:
    with installation(fresh_database, broker, tmp_path) as here:
        first = here.start("worker")
        eventually(lambda: here.rows("SELECT id FROM workers"))
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        second = here.start("worker")
        eventually(
            lambda: (
                [int(row.id.rpartition("/")[2]) for row in here.rows("SELECT id FROM workers")]
                == [second.pid]
            )
        )


@dataclass
class MortalBroker:
    """A broker that a test kills and starts again without anything it knew."""

    where: redis.Broker
    logs: Path
    process: Process

    @classmethod
    def start(cls, home: Path) -> MortalBroker:
        prepare_home(home)
        where = redis.broker(home, choose_port(0, "DOCMILL_BROKER_PORT"))
        return cls(where, home / "logs", _running(where, home / "logs"))

    def start_again_empty(self) -> None:
        self.process.kill()
        stop_together([self.process])
        shutil.rmtree(self.where.folder / "appendonlydir", ignore_errors=True)
        self.process = _running(self.where, self.logs)


def _running(where: redis.Broker, logs: Path) -> Process:
    process = Process(redis.part(where), logs)
    wait_until_ready(process)
    return process


@pytest.fixture
def mortal() -> Iterator[MortalBroker]:
    with temporary_home() as home:
        broker = MortalBroker.start(home)
        yield broker
        stop_together([broker.process])


def test_a_broker_that_dies_and_comes_back_empty_costs_no_document(
    fresh_database: str, mortal: MortalBroker, tmp_path: Path
) -> None:
    settings = {"worker_deaf_seconds": 3, "run_on_bytes": 0}
    with installation(fresh_database, mortal.where.url, tmp_path, **settings) as here:
        here.start("beat")
        here.start("worker")
        eventually(lambda: here.rows("SELECT id FROM workers"))
        for number in range(2):
            accepted = [here.accept(*text) for text in texts(25, at=100 * number)]
            eventually(lambda at=25 * number + 3: _published(here) >= at, 30)  # type: ignore[misc]
            mortal.start_again_empty()
            ends = here.wait_until_ended(*(one.task_id for one in accepted))
            assert set(ends) == {"succeeded"}
        claims = here.rows("SELECT task_id, stage FROM document_task_events WHERE kind = 'stage_finished'")
        assert len(claims) == len(set(claims)) == 2 * 25 * len(StageName)


def _published(here: Installation) -> int:
    return int(here.rows("SELECT count(*) AS n FROM document_tasks WHERE status = 'succeeded'")[0].n)
