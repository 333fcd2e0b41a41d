"""What carrying costs: processor time of a document over stages that do nothing, and steps a second."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import redis
from benchmarks import bare_celery
from benchmarks.figures import Figure, at_least, at_most, info
from benchmarks.installation import as_environment, count_workers, eventually, temporary_home
from benchmarks.noop_worker import Nothing
from benchmarks.processes import cpu_seconds, running
from benchmarks.scale import Scale
from celery import Celery
from sqlalchemy import Engine, make_url, text

from docmill.adapters.broker import CeleryDispatcher
from docmill.db.engine import connect
from docmill.db.migrate import upgrade
from docmill.domain.states import StageName
from docmill.local.postgres import Cluster
from docmill.local.servers import start_postgres, start_redis
from docmill.pipeline.runner import Runner, RunnerSettings
from docmill.stages.contract import Stage

STAGES = len(StageName)
OVER_SIX = 6 / STAGES  # the goal is set for six stages
_WARM_UP = 40

_ROWS = (
    "INSERT INTO datasets (id, tenant_id, name) VALUES (:dataset, 'default', :name)",
    """INSERT INTO documents (id, tenant_id, dataset_id, name, sha256, size_bytes, media_type, storage_key)
    VALUES (:document, 'default', :dataset, 'nothing.txt', :name, 1, 'text/plain', :name)""",
    """INSERT INTO document_versions (id, tenant_id, document_id, number, status, settings)
    VALUES (:version, 'default', :document, 1, 'building',
            '{"chunking": {"size": 200, "overlap": 0, "unit": "tokens"}}')""",
    """INSERT INTO document_tasks
      (id, tenant_id, dataset_id, document_id, version_id, status, stage, run_on, dispatched_at)
    VALUES (:task, 'default', :dataset, :document, :version, 'queued', 'extract', :run_on, now())""",
)
_LEFT = text("SELECT count(*) FROM document_tasks WHERE status <> 'succeeded'")


def measure(scale: Scale) -> list[Figure]:
    """CPU milliseconds a document over no-op stages, beside bare Celery; and steps a second."""
    with temporary_home() as home, start_postgres(home) as cluster, start_redis(home) as broker_url:
        upgrade(cluster.url)
        with _carriers(home, cluster, broker_url) as carriers:
            _round(carriers, _WARM_UP)
            rounds = [_round(carriers, scale.noop_documents) for _ in range(scale.repeat)]
            steps = [_steps_a_second(carriers.engine, scale.noop_steps) for _ in range(scale.repeat)]
    hops, run_on, bare = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    return [
        at_most("orchestration_cpu_ms_over_six", hops * OVER_SIX, 25, f"bare Celery {bare * OVER_SIX:.3g}"),
        info("orchestration_cpu_ms_as_measured", hops, f"bare Celery {bare:.3g}"),
        info("orchestration_cpu_ms_run_on_over_six", run_on * OVER_SIX),
        at_least("runner_steps_per_second", statistics.median(steps), 300),
    ]


def _round(carriers: Carriers, count: int) -> tuple[float, float, float]:
    """By hops, run on, bare: one right after the other."""
    hops = carriers.documents(count, run_on=False)
    return hops, carriers.documents(count, run_on=True), carriers.bare(count)


@dataclass(frozen=True, slots=True)
class Carriers:
    """The processes that carry documents; all figures are CPU milliseconds a document."""

    engine: Engine
    dispatcher: CeleryDispatcher
    bare_broker: str
    workers: list[int]
    bare_workers: list[int]
    servers: list[int]

    def documents(self, count: int, *, run_on: bool) -> float:
        """Documents through all stages of the product, which do nothing."""
        tasks = put_in_line(self.engine, count, run_on)

        def carry() -> None:
            for task in tasks:
                self.dispatcher.send(StageName.EXTRACT, task, 5)
            eventually(lambda: _left(self.engine) == 0, 120.0, pause=0.1)

        return self._spent(self.workers, count, carry)

    def bare(self, count: int) -> float:
        """As many chains of bare hops."""
        producer = Celery("bare", broker=self.bare_broker)
        with redis.Redis.from_url(self.bare_broker) as client:
            client.set(bare_celery.ARRIVED, 0)

            def carry() -> None:
                for _ in range(count):
                    producer.send_task("bare.hop", args=(STAGES,))
                eventually(lambda: client.get(bare_celery.ARRIVED) == str(count).encode(), 120.0, pause=0.1)

            return self._spent(self.bare_workers, count, carry)

    def _spent(self, workers: list[int], count: int, carry: Callable[[], None]) -> float:
        """What workers, servers and this process, which sends the first message, used meanwhile."""
        pids = [*workers, *self.servers]
        before, own = cpu_seconds(pids), time.process_time()
        carry()
        return (cpu_seconds(pids) - before + time.process_time() - own) / count * 1000


@contextlib.contextmanager
def _carriers(home: Path, cluster: Cluster, broker_url: str) -> Iterator[Carriers]:
    """Two worker processes of each kind, and Beat."""
    ours = as_environment(
        {"home": home, "database_url": cluster.url, "broker_url": broker_url, "worker_processes": 2}
    )
    bare_broker = make_url(broker_url).set(database="1").render_as_string(hide_password=False)
    bare_words = ["celery", "-A", "benchmarks.bare_celery", "worker", "--without-gossip", "--without-mingle"]
    with contextlib.ExitStack() as stack:
        start = partial(_start, stack, home)
        workers = [
            start("worker", ["benchmarks.noop_worker"], ours),
            start("beat", ["docmill", "beat"], ours),
        ]
        bare = start("bare", bare_words, {bare_celery.BROKER_VARIABLE: bare_broker})
        engine = connect(cluster.url)
        stack.callback(engine.dispose)
        eventually(lambda: count_workers(engine), 60.0)
        servers = [postmaster(cluster), _redis_process(broker_url)]
        yield Carriers(engine, CeleryDispatcher(broker_url), bare_broker, workers, [bare], servers)


def _start(
    stack: contextlib.ExitStack, home: Path, name: str, words: list[str], settings: dict[str, str]
) -> int:
    return stack.enter_context(running(words, settings, home / f"{name}.log")).pid


def postmaster(cluster: Cluster) -> int:
    """The process of PostgreSQL from which all its others descend."""
    return int((cluster.data / "postmaster.pid").read_text().split()[0])


def _redis_process(broker_url: str) -> int:
    with redis.Redis.from_url(broker_url) as client:
        facts: dict[str, int] = client.info("server")
    return facts["process_id"]


def put_in_line(engine: Engine, count: int, run_on: bool) -> list[UUID]:
    """Documents whose tasks wait at the first stage; returns the tasks."""
    names = ("dataset", "document", "version", "task")
    rows = [{name: uuid4() for name in names} for _ in range(count)]
    values = [{**row, "name": str(row["dataset"]), "run_on": run_on} for row in rows]
    with engine.begin() as connection:
        for statement in _ROWS:
            connection.execute(text(statement), values)
    return [row["task"] for row in rows]


def _left(engine: Engine) -> int:
    with engine.begin() as connection:
        return int(connection.execute(_LEFT).scalar_one())


@dataclass(frozen=True, slots=True)
class Silent:
    """Nobody is told: the runner goes on by itself."""

    def send(self, stage: StageName, task_id: UUID, priority: int) -> bool:  # noqa: ARG002
        return False

    def waiting(self, queue: str) -> int | None:  # noqa: ARG002
        return None


def _steps_a_second(engine: Engine, steps: int) -> float:
    """One document whose first stage has so many steps, through the runner in this process."""
    stages: dict[StageName, Stage] = {StageName.EXTRACT: Nothing(StageName.EXTRACT, steps)}
    runner = Runner(engine, stages, Silent(), RunnerSettings(queues=frozenset({"extract"})), lambda: False)
    [task] = put_in_line(engine, 1, run_on=True)
    started = time.perf_counter()
    runner.run(task, StageName.EXTRACT)
    return steps / (time.perf_counter() - started)
