"""How late live events arrive with many listeners, and what events and status cost the throughput."""

from __future__ import annotations

import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from benchmarks.figures import Figure, at_most, info, percentile
from benchmarks.installation import Installation, product, temporary_home
from benchmarks.latency import only_the_api
from benchmarks.noop_worker import Nothing
from benchmarks.orchestration import Silent, postmaster, put_in_line
from benchmarks.processes import cpu_seconds
from benchmarks.scale import Scale
from benchmarks.words import Writer
from sqlalchemy import Engine, text

from docmill.db.engine import connect
from docmill.db.migrate import upgrade
from docmill.domain.states import QUEUE_OF_STAGE, StageName
from docmill.local.postgres import Cluster
from docmill.local.product import api_url
from docmill.local.servers import start_postgres
from docmill.pipeline.runner import Runner, RunnerSettings
from docmill.stages.contract import Stage, Step, Work

_IN_PROGRESS = 50
_STEP_SECONDS = 0.5
_STEPS = 8

# Swallows each row before it is written: no row, no index entry, no log of it.
_WITHOUT = (
    """CREATE OR REPLACE FUNCTION no_row() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RETURN NULL; END'""",
    "DROP TRIGGER IF EXISTS no_row ON document_task_events",
    """CREATE TRIGGER no_row BEFORE INSERT ON document_task_events
    FOR EACH ROW EXECUTE FUNCTION no_row()""",
)
_SETTINGS = RunnerSettings(queues=frozenset(QUEUE_OF_STAGE.values()))
_BACKENDS = text(
    "SELECT pid FROM pg_stat_activity WHERE client_port = ANY(:ports) AND pid <> pg_backend_pid()"
)
_WITH = ("DROP TRIGGER IF EXISTS no_row ON document_task_events",)


def measure(scale: Scale) -> list[Figure]:
    """Seconds from an event's transaction to each of 500 listeners; CPU of events and status, in percent."""
    return [*_lags(scale), *_overhead(scale)]


@dataclass(frozen=True)
class Paced:
    """A stage that only takes its time, as one that computes elsewhere."""

    name: StageName
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, work: Work) -> Iterator[Step]:
        """Go on from the cursor, as every stage does."""
        for number in range(int(work.cursor.get("next", 0)), _STEPS):
            self.stopping.wait(random.uniform(0.5, 1.5) * _STEP_SECONDS)
            yield Step({"next": number + 1}, number + 1, _STEPS, last=number + 1 == _STEPS)


def _lags(scale: Scale) -> list[Figure]:
    with only_the_api() as (place, apis):
        assert place.settings.api_key is not None
        key = place.settings.api_key.get_secret_value()
        with _listeners(api_url(place.settings), key, scale.listeners) as told:
            before = cpu_seconds(apis)
            _carry(place.settings.database, scale.listening_seconds)
            busy = (cpu_seconds(apis) - before) / scale.listening_seconds
    if not (told["alike"] and told["once"]):
        raise RuntimeError("listeners were told different things, or one thing twice")
    lags, events = told["lags"], told["events"]
    ended = f"{scale.listeners} listeners, {_IN_PROGRESS} documents in work, {events} events"
    return [
        at_most("event_lag_p99_s", percentile(lags, 0.99), 1.0, ended),
        info("event_lag_p50_s", percentile(lags, 0.5)),
        info("event_api_cores_busy", busy),
    ]


@contextlib.contextmanager
def _listeners(url: str, key: str, count: int) -> Iterator[dict[str, Any]]:
    """So many listeners while the block runs; what they were told is there after it."""
    told: dict[str, Any] = {}
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.event_listeners", url, str(count)],
        env={**os.environ, "DOCMILL_API_KEY": key},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the listeners could not connect")
        try:
            yield told
        finally:
            told |= json.loads(process.communicate("stop\n", timeout=60)[0])


def _carry(database_url: str, seconds: float) -> None:
    """Documents that pass all stages, fifty at a time, by the product's own runner."""
    engine = connect(database_url, pool_size=_IN_PROGRESS)
    stopping = threading.Event()
    timer = threading.Timer(seconds, stopping.set)
    timer.start()
    with ThreadPoolExecutor(_IN_PROGRESS) as pool:
        for carried in [pool.submit(_carry_one_after_another, engine, stopping) for _ in range(_IN_PROGRESS)]:
            carried.result()
    timer.join()
    engine.dispose()
    time.sleep(2)  # what was committed last is still on its way to the listeners


def _carry_one_after_another(engine: Engine, stopping: threading.Event) -> None:
    stages: dict[StageName, Stage] = {name: Paced(name, stopping) for name in StageName}
    runner = Runner(engine, stages, Silent(), _SETTINGS, stopping.is_set)
    while not stopping.is_set():
        [task] = put_in_line(engine, 1, run_on=True)
        runner.run(task, StageName.EXTRACT)


def _overhead(scale: Scale) -> list[Figure]:
    """What is written and asked only so that people can watch, beside all that a one-page document costs.

    The two parts are measured apart, where nothing else runs: together they would drown in the noise.
    """
    rows = _cost_of_rows(scale)
    watching, everything = _cost_of_watching(scale)
    extra = (rows + watching) / (everything - rows - watching) * 100
    return [
        at_most("events_and_status_cpu_percent", extra, 5, f"of {everything:.4g} ms a document"),
        info("event_rows_cpu_ms", rows),
        info("watching_cpu_ms", watching),
    ]


def _cost_of_rows(scale: Scale) -> float:
    """CPU milliseconds of a document's event rows: stages that do nothing, with and without them."""
    with temporary_home() as home, start_postgres(home) as cluster:
        upgrade(cluster.url)
        engine = connect(cluster.url)
        _carried(engine, cluster, 20)
        extra = [_rows_of_one_round(engine, cluster, scale.noop_documents) for _ in range(scale.repeat)]
        engine.dispose()
    return statistics.median(extra)


def _rows_of_one_round(engine: Engine, cluster: Cluster, count: int) -> float:
    _execute(engine, _WITHOUT)
    bare = _carried(engine, cluster, count)
    _execute(engine, _WITH)
    return _carried(engine, cluster, count) - bare


def _carried(engine: Engine, cluster: Cluster, count: int) -> float:
    """CPU milliseconds a document, here and in PostgreSQL, of carrying it through empty stages."""
    stages: dict[StageName, Stage] = {name: Nothing(name) for name in StageName}
    runner = Runner(engine, stages, Silent(), _SETTINGS, lambda: False)
    tasks = put_in_line(engine, count, run_on=True)
    servers = [postmaster(cluster)]
    before = cpu_seconds(servers) + time.process_time()
    for task in tasks:
        runner.run(task, StageName.EXTRACT)
    return (cpu_seconds(servers) + time.process_time() - before) / count * 1000


def _cost_of_watching(scale: Scale) -> tuple[float, float]:
    """CPU milliseconds a document: of the API, which only serves those who watch, and of everything."""
    with _pages(scale.watched_documents) as pages, product(worker_processes=2) as installation:
        installation.ingest(pages[:8], "warm-up")
        with _watching(installation):
            runs = [_watched(installation, pages, f"watched-{number}") for number in range(scale.repeat)]
    watching, everything = (statistics.median(column) for column in zip(*runs, strict=True))
    return watching, everything


def _watched(installation: Installation, pages: Sequence[Path], dataset: str) -> tuple[float, float]:
    watching, everything = _serving(installation), cpu_seconds([installation.state.pid])
    installation.ingest(pages, dataset)
    spent = _serving(installation) - watching, cpu_seconds([installation.state.pid]) - everything
    return spent[0] / len(pages) * 1000, spent[1] / len(pages) * 1000


def _serving(installation: Installation) -> float:
    """CPU seconds of the API and of PostgreSQL's processes that work for it."""
    apis = [part.pid for part in installation.state.parts if part.name.startswith("api") and part.pid]
    places = [place for api in apis for place in psutil.Process(api).net_connections("tcp")]
    ports = [place.laddr.port for place in places if place.raddr]
    with installation.engine.begin() as connection:
        backends = connection.execute(_BACKENDS, {"ports": ports}).scalars()
        return cpu_seconds([*apis, *backends])


@contextlib.contextmanager
def _pages(count: int) -> Iterator[list[Path]]:
    """Plain text files of one page: nothing is cheaper to process, so what is added weighs most."""
    with tempfile.TemporaryDirectory(prefix="docmill-bench-pages-") as folder:
        paths = [Path(folder) / f"page-{number:04}.txt" for number in range(count)]
        for number, path in enumerate(paths):
            path.write_text(Writer(7_000_000 + number).text(380))
        yield paths


@contextlib.contextmanager
def _watching(installation: Installation) -> Iterator[None]:
    """One listener, and one who asks every second how far a document is."""
    assert installation.settings.api_key is not None
    key = installation.settings.api_key.get_secret_value()
    stop = threading.Event()
    asking = threading.Thread(target=_ask, args=(installation.state.api_url, key, stop))
    with _listeners(installation.state.api_url, key, 1):
        asking.start()
        try:
            yield
        finally:
            stop.set()
            asking.join()


def _ask(url: str, key: str, stop: threading.Event) -> None:
    with httpx.Client(base_url=f"{url}/api/v1", headers={"X-API-Key": key}, trust_env=False) as client:
        [document] = client.get("/documents", params={"limit": 1}).json()["items"]
        while not stop.wait(1.0):
            client.get(f"/documents/{document['id']}/status").raise_for_status()


def _execute(engine: Engine, statements: Sequence[str]) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
