"""How soon a document is in work again after its worker, its host or the broker failed; what is redone."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import Any

import psutil
from benchmarks.figures import Figure, at_most, info, percentile
from benchmarks.installation import eventually, temporary_home
from benchmarks.scale import Scale
from pydantic import SecretStr
from sqlalchemy import Engine, text
from tests.chaos.keeper import Keeper
from tests.pipelines import put_in_line

from docmill.adapters.broker import CeleryDispatcher
from docmill.db.engine import connect
from docmill.db.migrate import upgrade
from docmill.domain.states import QUEUE_OF_STAGE, StageName
from docmill.local import postgres, product, redis
from docmill.local.addresses import choose_port
from docmill.local.process import Part
from docmill.local.state import prepare_home
from docmill.pipeline.owner import Owner
from docmill.settings import Settings, load_settings

_CHECKOUT = Path(__file__).parent.parent
_SHORT_LEASE = 5.0
_BACKLOG = 200
_RUNNING = "SELECT id, owner, fence FROM document_tasks WHERE status = 'running'"
_CLAIMED = """SELECT extract(epoch FROM at)::float8 AS at FROM document_task_events
WHERE task_id = :id AND kind = 'claimed' AND (data->>'fence')::int > :fence ORDER BY id LIMIT 1"""
_LEFT = "SELECT count(*) AS n FROM document_tasks WHERE status IN ('queued', 'running')"
_RUNNABLE = "SELECT count(*) AS n FROM document_tasks WHERE status = 'queued' AND desired = 'run'"
_CRASHES = (
    "SELECT task_id::text AS id, count(*) AS n FROM document_task_events WHERE kind = 'owner_lost' GROUP BY 1"
)


def measure(scale: Scale) -> list[Figure]:
    """Over PostgreSQL, a broker, Beat and workers of two processes, with documents of many short steps."""
    return [*_after_deaths(scale.kills), *_after_hangs(scale.hangs), *_after_an_empty_broker(scale.repeat)]


@dataclass(frozen=True, slots=True)
class Place:
    """What runs, and the ways to it."""

    keeper: Keeper
    settings: Settings
    engine: Engine
    dispatcher: CeleryDispatcher
    broker_folder: Path

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """What a query finds now."""
        with self.engine.begin() as connection:
            return list(connection.execute(text(statement), values))

    def put_in_line(self, documents: int) -> None:
        """So many documents more."""
        tasks = [put_in_line(self.engine, run_on=number % 2 == 0) for number in range(documents)]
        for task in tasks:
            self.dispatcher.send(StageName.EXTRACT, task, 5)

    def a_running_task(self) -> Any:
        """The one that a worker has in hand, a new one where there is none: its id, owner and fence."""
        if not self.rows(_LEFT)[0].n:
            self.put_in_line(1)
        return eventually(lambda: self.rows(_RUNNING), 60.0)[0]

    def seconds_until_claimed(self, task: Any, since: float) -> float:
        """From `since` (as time.time) until the task has another owner."""
        again = eventually(lambda: self.rows(_CLAIMED, id=task.id, fence=task.fence), 120.0, pause=0.02)
        return float(again[0].at - since)

    def waiting(self) -> int:
        """Messages in the queues of all stages."""
        return sum(self.dispatcher.waiting(queue) or 0 for queue in set(QUEUE_OF_STAGE.values()))


@contextlib.contextmanager
def _place(workers: int, **chosen: object) -> Iterator[Place]:
    with temporary_home() as home:
        keeper = _prepared(home)
        try:
            yield _start(home, keeper, workers, chosen)
        finally:
            keeper.stop()


def _prepared(home: Path) -> Keeper:
    prepare_home(home)
    return Keeper(home / "logs")


def _start(home: Path, keeper: Keeper, workers: int, chosen: dict[str, object]) -> Place:
    database = postgres.cluster(home, choose_port(0, "DOCMILL_DATABASE_PORT"))
    broker = redis.broker(home, choose_port(0, "DOCMILL_BROKER_PORT"))
    keeper.keep(postgres.part(database), redis.part(broker))
    keeper.wait_until_ready("postgres", "redis")
    postgres.prepare(database)
    upgrade(database.url)
    urls = {"database_url": SecretStr(database.url), "broker_url": SecretStr(broker.url)}
    settings = load_settings(home=home, **urls, **{"crash_limit": 1000, "embedder": "hashing", **chosen})
    names = [f"worker-{number}" for number in range(workers)]
    keeper.keep(product.beat(settings), *(_worker(name, settings) for name in names))
    keeper.wait_until_ready(*names)
    return Place(keeper, settings, connect(database.url), CeleryDispatcher(broker.url), broker.folder)


def _worker(name: str, settings: Settings) -> Part:
    command = [sys.executable, "-m", "benchmarks.noting_worker"]
    return replace(product.worker(settings), name=name, command=command, folder=_CHECKOUT)


def _after_deaths(kills: int) -> list[Figure]:
    """One worker with one document; the process that has it is killed, the other one has nothing to do."""
    draw = random.Random(1)
    with _place(1) as place:
        seconds = [_killed(place, draw) for _ in range(kills)]
        redone = _redone_steps(place)
    ended = f"{kills} kills"
    return [
        at_most("recovery_process_death_p50_s", percentile(seconds, 0.5), 1.0, ended),
        at_most("recovery_process_death_p95_s", percentile(seconds, 0.95), 2.0, ended),
        info("recovery_process_death_max_s", max(seconds), ended),
        at_most("recovery_redone_steps_a_crash", redone, 1, ended),
    ]


def _killed(place: Place, draw: random.Random) -> float:
    time.sleep(draw.uniform(0.2, 1.5))
    task = place.a_running_task()
    killed = time.time()
    os.kill(Owner.parse(task.owner).pid, SIGKILL)
    return place.seconds_until_claimed(task, killed)


def _redone_steps(place: Place) -> float:
    """The most steps that any task computed again for each death of its owner."""
    times = Counter((place.settings.home / "notes").read_text().splitlines())
    redone: Counter[str] = Counter()
    for line, count in times.items():
        redone[line.split()[0]] += count - 1
    crashes = {row.id: row.n for row in place.rows(_CRASHES)}
    return max((count / crashes.get(task, 1) for task, count in redone.items()), default=0.0)


def _after_hangs(hangs: int) -> list[Figure]:
    """Two workers and one document; its worker stops with all processes, as a host that hangs does."""
    with _place(2, lease_seconds=_SHORT_LEASE) as place:
        seconds = [_hung(place) for _ in range(hangs)]
    ended = f"{hangs} hangs, lease {_SHORT_LEASE:g} s"
    return [
        at_most("recovery_host_hang_beyond_lease_s", max(seconds) - _SHORT_LEASE, 3.0, ended),
        info("recovery_host_hang_p50_s", percentile(seconds, 0.5), ended),
    ]


def _hung(place: Place) -> float:
    task = place.a_running_task()
    worker = psutil.Process(Owner.parse(task.owner).pid).parent()
    hung = [worker, *worker.children()]
    for process in hung:
        os.kill(process.pid, SIGSTOP)
    try:
        [still] = place.rows("SELECT id, owner, fence FROM document_tasks WHERE id = :id", id=task.id)
        return place.seconds_until_claimed(still, time.time()) if still.owner == task.owner else 0.0
    finally:
        for process in hung:
            os.kill(process.pid, SIGCONT)


def _after_an_empty_broker(repeat: int) -> list[Figure]:
    """Two workers and a long line; the broker dies and comes back with nothing."""
    with _place(2) as place:
        place.put_in_line(_BACKLOG)
        seconds = [_emptied(place) for _ in range(repeat)]
    return [at_most("recovery_empty_broker_s", max(seconds), 10.0, f"{_BACKLOG} documents in line")]


def _emptied(place: Place) -> float:
    """From the first answer of the new broker until there is a message for all that could run."""
    with place.keeper.down("redis"):
        shutil.rmtree(place.broker_folder / "appendonlydir")
    place.keeper.wait_until_ready("redis")
    answered = time.monotonic()
    eventually(lambda: place.waiting() >= place.rows(_RUNNABLE)[0].n, 60.0, pause=0.1)
    return time.monotonic() - answered
