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
from tests.installations import Installation, Program, children_of, installation
from tests.pipelines import ALL_BUT_OCR
from tests.polling import eventually
from tests.servers import temporary_home

from docmill.adapters.broker import QUEUES, celery_options
from docmill.domain.findings import Cause, Finding
from docmill.domain.states import MAINTENANCE_QUEUE
from docmill.local import redis
from docmill.local.addresses import choose_port
from docmill.local.doctor import examine
from docmill.local.process import Process, stop_together
from docmill.local.repair import repair
from docmill.local.servers import wait_until_ready
from docmill.local.state import RunningPart, State, prepare_home
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
        eventually(lambda: here.rows("SELECT id FROM workers"), 60)
        stop_hearing(broker, "extract")

        accepted = [here.accept(*text) for text in texts(3)]
        assert worker.wait(60) == os.EX_TEMPFAIL
        assert here.rows("SELECT id FROM workers") == []
        assert {row.crashes for row in here.rows("SELECT crashes FROM document_tasks")} == {0}

        here.start("worker")  # as systemd, Kubernetes or `docmill up` do
        assert set(here.wait_until_ended(*(one.task_id for one in accepted))) == {"succeeded"}


def test_a_worker_whose_processes_all_hang_ends_too(fresh_database: str, broker: str, tmp_path: Path) -> None:
    with installation(fresh_database, broker, tmp_path, worker_deaf_seconds=1.5) as here:
        worker = here.start("worker")
        eventually(lambda: here.rows("SELECT id FROM workers WHERE cardinality(processes) = 2"), 60)
        for child in children_of(worker):
            child.suspend()
        for text in texts(6):
            here.accept(*text)
        assert worker.wait(60) == os.EX_TEMPFAIL


def test_the_doctor_names_a_deaf_worker_and_ends_the_one_that_is_ours(
    fresh_database: str, broker: str, tmp_path: Path
) -> None:
    with installation(fresh_database, broker, tmp_path, worker_deaf_seconds=60) as here:
        worker = here.start("worker")
        eventually(lambda: here.rows("SELECT id FROM workers"), 60)
        stop_hearing(broker, "extract")
        accepted = here.accept(*texts(1)[0])
        impatient = here.settings.model_copy(update={"worker_deaf_seconds": 1.0})

        def deaf() -> list[Finding]:
            found = examine(impatient, accepted.document_id).findings
            return [finding for finding in found if finding.cause is Cause.WORKER_DEAF]

        [finding] = eventually(deaf, 60)
        assert finding.subject.endswith(f"/{worker.pid}")
        ours = State(os.getpid(), 0.0, "", fresh_database, broker, (RunningPart("worker", worker.pid, ""),))
        [unknown] = repair(impatient, None, [finding])
        assert not unknown.done
        [ended] = repair(impatient, ours, [finding])
        assert ended.done
        assert worker.wait(60) == 0


def test_every_queue_answers_a_ping_and_a_killed_worker_is_forgotten_by_the_next(
    fresh_database: str, broker: str, tmp_path: Path
) -> None:
    with installation(fresh_database, broker, tmp_path, worker_queues="extract,ocr,text,embed,index") as here:
        first = here.start("worker")
        eventually(lambda: here.rows("SELECT id FROM workers"), 60)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        second = here.start("worker")

        def known() -> list[int]:
            return [int(row.id.rpartition("/")[2]) for row in here.rows("SELECT id FROM workers")]

        eventually(lambda: known() == [second.pid], 60)

        heard = ping_all(here.app.engine, here.app.dispatcher.ping, QUEUES[:-1], seconds=30)
        assert [ping.queue for ping in heard] == list(QUEUES[:-1])
        assert all(ping.seconds is not None for ping in heard)
        assert {str(ping.worker_id).rpartition("/")[2] for ping in heard} == {str(second.pid)}
        [nobody] = ping_all(here.app.engine, here.app.dispatcher.ping, [MAINTENANCE_QUEUE], seconds=0.3)
        assert nobody.seconds is None


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


@dataclass
class Kept:
    """A worker that is started again when it ends, as systemd, Kubernetes or `docmill up` do."""

    here: Installation
    process: Program

    def published(self) -> int:
        """How many documents are published, after a look at the worker."""
        if self.process.poll() is not None:
            self.process = self.here.start("worker")
        rows = self.here.rows("SELECT count(*) AS n FROM document_tasks WHERE status = 'succeeded'")
        return int(rows[0].n)


def test_a_broker_that_dies_and_comes_back_empty_costs_no_document(
    fresh_database: str, mortal: MortalBroker, tmp_path: Path
) -> None:
    """Celery may come back, end with an error of its own, or stay and take nothing."""
    settings = {"worker_deaf_seconds": 5, "run_on_bytes": 0}
    with installation(fresh_database, mortal.where.url, tmp_path, **settings) as here:
        here.start("beat")
        worker = Kept(here, here.start("worker"))
        eventually(lambda: here.rows("SELECT id FROM workers"), 60)
        for total in (25, 50):
            for text in texts(25, at=total):
                here.accept(*text)
            eventually(lambda some=total - 22: worker.published() >= some, 60)  # type: ignore[misc]
            mortal.start_again_empty()
            eventually(lambda all_=total: worker.published() == all_, 90)  # type: ignore[misc]
        done = here.rows("SELECT task_id, stage FROM document_task_events WHERE kind = 'stage_finished'")
        assert len(done) == len(set(done)) == 50 * len(ALL_BUT_OCR)
