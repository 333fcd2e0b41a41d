"""Workers that halt before every transaction, step and message, and go on as a test tells them.

Each is a real runner in a thread of its own; only one thread moves at a time, so a test can put any other
event between two transactions, and get the same run again from the same orders.
"""

from __future__ import annotations

import hashlib
import os
import queue
import socket
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import numpy as np
import psycopg
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import SQLAlchemyError

from docmill.adapters.storage.directory import DirectoryStorage
from docmill.adapters.vectors.pgvector import PgVectorStore
from docmill.db.engine import connect
from docmill.db.results import write
from docmill.domain.ids import chunk_id
from docmill.domain.retries import RetryPolicy
from docmill.domain.states import QUEUE_OF_STAGE, StageName
from docmill.pipeline.control import Control
from docmill.pipeline.owner import process_here
from docmill.pipeline.recovery import Recovery
from docmill.pipeline.runner import Runner, RunnerSettings
from docmill.ports import Result, VectorEntry
from docmill.services.documents import Documents
from docmill.services.holds import Holds
from docmill.services.intake import Arrival, Intake
from docmill.services.revisions import Revisions
from docmill.services.steering import Steering
from docmill.stages.contract import Step, Work
from tests.pipelines import OneByOne

STEPS = 2  # of each stage
TENANT = "default"
SMALL, LARGE = b"A short note.", b"A long note. " * 9
MODEL = "counting"
PATIENCE = 30.0

Order = Callable[[Connection | None], None]


class Died(BaseException):
    """The worker's process is gone: nothing more of it happens."""


@dataclass
class Mailbox(OneByOne):
    """The broker's place: messages are hints, so a test may lose, double, delay and reorder them."""

    messages: list[tuple[StageName, UUID]] = field(default_factory=list)
    refusals: int = 0  # so often it does not answer before it is back

    def send(self, stage: StageName, task_id: UUID, priority: int) -> bool:
        if taken := self._answers():
            self.messages.append((stage, task_id))
        return taken

    def waiting(self, queue: str) -> int | None:
        return self.count(queue) if self._answers() else None

    def count(self, queue: str) -> int:
        """The messages in this queue, also while nobody else is answered."""
        return sum(QUEUE_OF_STAGE[stage] == queue for stage, _ in self.messages)

    def _answers(self) -> bool:
        self.refusals -= 1
        return self.refusals < 0


class Worker:
    """One process: a runner, and a real process whose life says whether the owner is alive."""

    def __init__(self, url: str, mailbox: Mailbox) -> None:
        self.engine = connect(url)
        self.mailbox = mailbox
        self.halted_at: str | None = None  # None: it waits for a message
        self.stopping = False
        self.deliveries = self.deaths = self.escapes = 0
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._halts: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._losing_answer = False
        event.listen(self.engine, "begin", lambda connection: self.halt("transaction", connection))
        self._commit = self.engine.dialect.do_commit
        setattr(self.engine.dialect, "do_commit", self._do_commit)  # noqa: B010
        settings = RunnerSettings(
            queues=frozenset(QUEUE_OF_STAGE.values()), lease_seconds=600.0, retries=RetryPolicy(60.0, 2)
        )
        stages = {name: HaltingStage(name, self) for name in StageName}
        self._runner = Runner(self.engine, stages, self, settings, lambda: self.stopping)
        self.be_born()

    # -- what the test says

    def take(self, stage: StageName, task_id: UUID) -> None:
        """Hand it a message; it goes as far as its first halt."""
        self.deliveries += 1
        self._thread = threading.Thread(target=self._run, args=(stage, task_id), daemon=True)
        self._thread.start()
        self._wait()

    def go_on(self, order: Order) -> None:
        """Give it an order where it halted; it goes as far as the next halt, or to its end."""
        self._orders.put(order)
        self._wait()

    def be_born(self) -> None:
        """Begin as a new process."""
        self._process = subprocess.Popen(["sleep", "infinity"])
        self.owner = str(process_here(self._process.pid))
        self._runner._owner = self.owner
        self.stopping = False

    def die(self) -> None:
        """Lose the process, wherever it halts; a supervisor starts another one."""
        self.end()
        self.be_born()

    def end(self) -> None:
        """Be gone for good."""
        self.stopping = False
        self._process.kill()
        self._process.wait()
        if self.halted_at is not None:
            self.go_on(dying)

    # -- what its thread does

    def _run(self, stage: StageName, task_id: UUID) -> None:
        try:
            self._runner.run(task_id, stage)
        except Died:
            self.deaths += 1
        except SQLAlchemyError:
            self.escapes += 1  # Celery logs it and goes on with the next message
        finally:
            self._halts.put(None)

    def _wait(self) -> None:
        self.halted_at = self._halts.get(timeout=PATIENCE)
        if self.halted_at is None and self.stopping:
            self.die()

    def halt(self, where: str, connection: Connection | None = None) -> None:
        """Wait here for an order; not when another thread calls, such as the heartbeat's."""
        if threading.current_thread() is self._thread:
            self._halts.put(where)
            self._orders.get()(connection)

    def _do_commit(self, connection: Any) -> None:
        self._commit(connection)
        if self._losing_answer:
            self._losing_answer = False
            connection.driver_connection.close()
            raise psycopg.OperationalError("the connection is lost")

    # -- the dispatcher's place: a message is sent after its transaction, and death may come between

    def send(self, stage: StageName, task_id: UUID, priority: int) -> bool:
        self.halt("message")
        return self.mailbox.send(stage, task_id, priority)

    def waiting(self, queue: str) -> int | None:
        return self.mailbox.waiting(queue)

    # -- orders that only this worker can carry out

    def lose_answer(self, _connection: Connection | None) -> None:
        """The next commit happens, and its answer is lost with the connection."""
        self._losing_answer = True


def going_on(_connection: Connection | None) -> None:
    """Nothing happens."""


def dying(_connection: Connection | None) -> NoReturn:
    """The process ends here."""
    raise Died


def losing_connection(connection: Connection | None) -> None:
    """The connection breaks before its transaction."""
    assert connection is not None
    driver: Any = connection.connection.driver_connection
    with socket.socket(fileno=os.dup(driver.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def failing(error: Exception) -> Order:
    """The step in work raises this."""

    def fail(_connection: Connection | None) -> NoReturn:
        raise error

    return fail


MAKE_RESULTS = """CREATE TABLE results (version_id uuid, task_id uuid, stage text, number int, fence bigint,
owner_then text, saved_by text, delivery int)"""

_SAVE = """INSERT INTO results SELECT CAST(:r_version AS uuid), t.id, :r_stage, CAST(:r_number AS integer),
  t.fence, t.owner, :r_saver, CAST(:r_delivery AS integer)
FROM moved, document_tasks t WHERE t.id = :r_task"""
_SAVE_BLOCK = """INSERT INTO blocks (version_id, ordinal, tenant_id, kind, text, lead, char_start, char_end)
SELECT CAST(:b_version AS uuid), CAST(:b_number AS integer), :b_tenant, 'paragraph', 'x', '', 0, 1
FROM moved"""


class HaltingStage:
    """Halts before each step; each writes one result, and what its stage writes into the other tables.

    The stage that recognises writes in several statements, as the real one does.
    """

    def __init__(self, name: StageName, worker: Worker) -> None:
        self.name = name
        self._worker = worker
        self._vectors = PgVectorStore(worker.engine)

    def run(self, work: Work) -> Iterator[Step]:
        for number in range(int(work.cursor.get("next", 0)), STEPS):
            self._worker.halt("step")
            if self.name is StageName.INDEX:
                self._vectors.upsert(MODEL, [_entry(work, number)])
            results = self._results(work, number)
            save = partial(self._save, results) if self.name is StageName.OCR else None
            yield Step(
                {"next": number + 1},
                number + 1,
                STEPS,
                () if save else results,
                save,
                self._knows_its_last(number),
            )

    def _knows_its_last(self, number: int) -> bool:
        """Some stages know which step is their last, others learn it when none follows."""
        return number + 1 == STEPS and self.name in {StageName.EXTRACT, StageName.INDEX}

    def _results(self, work: Work, number: int) -> list[Result]:
        version = work.version
        values = {
            "r_version": version.version_id,
            "r_task": work.task_id,
            "r_stage": self.name,
            "r_number": number,
            "r_saver": self._worker.owner,
            "r_delivery": self._worker.deliveries,
        }
        results = [Result(_SAVE, values)]
        if self.name is StageName.EXTRACT:
            block = {"b_version": version.version_id, "b_number": number, "b_tenant": version.tenant}
            results.append(Result(_SAVE_BLOCK, block))
        return results

    def _save(self, results: Sequence[Result], connection: Connection) -> None:
        write(connection, *results)


def _entry(work: Work, number: int) -> VectorEntry:
    version = work.version
    return VectorEntry(
        chunk_id=chunk_id(version.version_id, number),
        version_id=version.version_id,
        document_id=version.document_id,
        dataset_id=version.dataset_id,
        tenant=version.tenant,
        language=None,
        vector=np.ones(3, np.float32),
    )


class World:
    """The services over one database, and the workers. It outlives the examples."""

    def __init__(self, url: str, folder: Path) -> None:
        self.engine = connect(url)
        self.folder = folder
        self.mailbox = Mailbox()
        self.storage = DirectoryStorage(folder)
        self.vectors = PgVectorStore(self.engine)
        self.recovery = Recovery(self.engine, self.mailbox, crash_limit=2)
        self.control = Control(self.engine, self.mailbox)
        self.documents = Documents(self.engine, self.storage, self.vectors, self.mailbox)
        self.intake = Intake(
            self.engine, self.storage, self.mailbox, max_file_bytes=1000, run_on_bytes=len(SMALL)
        )
        self.revisions = Revisions(self.engine, self.mailbox, run_on_bytes=len(SMALL))
        self.holds = Holds(self.engine)
        self.steering = Steering(self.control, self.documents, self.intake, self.revisions)
        self.workers = [Worker(url, self.mailbox) for _ in range(3)]
        self.execute(MAKE_RESULTS)
        self.reading = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self.written = ""
        self.kinds: Counter[str] = Counter()

    def execute(self, statement: str, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def rows(self, statement: str) -> list[Any]:
        return list(self.reading.execute(text(statement)))

    def is_changed(self) -> bool:
        """Whether anything was written since the last time somebody asked."""
        before, (row,) = self.written, self.rows("SELECT pg_current_wal_insert_lsn() AS at")
        self.written = row.at
        return before != self.written

    def begin(self) -> None:
        """Nothing is there, and nothing is known."""
        self.mailbox.messages.clear()
        self.mailbox.refusals = 0
        for table in (
            "datasets",
            "document_task_events",
            "vector_entries",
            "erasures",
            "results",
            "stage_holds",
            "stage_outages",
        ):
            self.execute(f"DELETE FROM {table}")

    def upload(self, content: bytes) -> None:
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
            file.write(content)
        sha256 = hashlib.sha256(content).hexdigest()
        self.intake.accept(TENANT, Arrival(Path(file.name), "note.txt", len(content), sha256))

    def close(self) -> None:
        for worker in self.workers:
            worker.end()
            worker.engine.dispose()
        self.reading.close()
        self.engine.dispose()
