"""A whole installation for a benchmark: `docmill up` in a data directory of its own, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from benchmarks.processes import running
from pydantic import SecretStr
from sqlalchemy import Engine, text

from docmill.adapters.broker import CeleryDispatcher
from docmill.adapters.storage.directory import DirectoryStorage
from docmill.db.engine import connect
from docmill.domain.ids import dataset_id
from docmill.local.product import api_key
from docmill.local.state import State, read_state
from docmill.services.intake import Arrival, Intake
from docmill.settings import Settings, load_settings

T = TypeVar("T")
TENANT = "default"

_PATIENCE = 3600.0  # seconds; without AVX-512 the 20,000 chunks of the search take more than 600
_TOGETHER = 16  # files that are taken in at a time
_PROGRESS = text(
    """SELECT count(*) FILTER (WHERE status = 'succeeded') AS published,
  count(*) FILTER (WHERE status IN ('failed', 'cancelled')) AS failed,
  extract(epoch FROM max(finished_at))::float8 AS last
FROM document_tasks WHERE dataset_id = :dataset"""
)
_SIZE = text(
    """SELECT coalesce(sum(pages), 0)::float8 AS pages, sum(total_chunks)::float8 AS chunks
FROM document_versions v JOIN documents d ON d.id = v.document_id WHERE d.dataset_id = :dataset"""
)
_WORKERS = text("SELECT count(*) FROM workers WHERE seen_at > now() - interval '10 seconds'")


@contextlib.contextmanager
def temporary_home() -> Iterator[Path]:
    """A data directory that is gone afterwards, with the database that may live outside it."""
    home = Path(tempfile.mkdtemp(prefix="docmill-bench-"))
    try:
        yield home
    finally:
        shutil.rmtree((home / "postgres").resolve(), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def eventually(look: Callable[[], T], seconds: float, pause: float = 0.05) -> T:
    """The first answer of `look` that counts as true. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still {answer!r} after {seconds} s")
        time.sleep(pause)
    return answer


@dataclass(frozen=True, slots=True)
class Batch:
    """Files that went through: seconds from the first accept to the last publication, and their size."""

    documents: int
    pages: float
    chunks: float
    seconds: float


@dataclass(frozen=True)
class Installation:
    """A running product and the ways to it."""

    settings: Settings
    state: State
    engine: Engine
    intake: Intake

    def ingest(self, files: Sequence[Path], dataset: str) -> Batch:
        """Accept copies of the files into a dataset and wait until all of them are published."""
        arrivals = [self._arrival(path, dataset) for path in files]
        started = time.time()  # the database's clock is this machine's
        for first in range(0, len(arrivals), _TOGETHER):
            self._take_in(arrivals[first : first + _TOGETHER])
        return self._finished(dataset_id(TENANT, dataset), len(files), started)

    def empty_index(self) -> None:
        """Leave the vector index as in a new installation; documents stay, without being found."""
        with self.engine.begin() as connection:
            connection.execute(text("TRUNCATE vector_entries"))

    def _take_in(self, arrivals: Sequence[Arrival]) -> None:
        """As the API takes in what arrives at the same time."""
        accepted = self.intake.accept_new([partial(_arrived, arrival) for arrival in arrivals])
        for outcome, arrival in zip(accepted, arrivals, strict=True):
            if isinstance(outcome, Exception):
                raise outcome
            if outcome is None:
                self.intake.accept(TENANT, arrival)

    def _arrival(self, path: Path, dataset: str) -> Arrival:
        """Intake takes the file away, so it gets one of its own."""
        landing = self.settings.home / "landing"
        landing.mkdir(exist_ok=True)
        copy = landing / f"{dataset}-{path.name}"
        shutil.copyfile(path, copy)
        digest = sha256(copy.read_bytes()).hexdigest()
        return Arrival(copy, path.name, copy.stat().st_size, digest, dataset)

    def _finished(self, dataset: UUID, count: int, started: float) -> Batch:
        def last() -> float | None:
            with self.engine.begin() as connection:
                row = connection.execute(_PROGRESS, {"dataset": dataset}).one()
            if row.failed:
                raise RuntimeError(f"{row.failed} documents failed")
            return float(row.last) if row.published == count else None

        # Seldom: the time is the one in the row, and each look takes some of what is measured.
        seconds = (eventually(last, _PATIENCE, pause=0.5) or started) - started
        with self.engine.begin() as connection:
            size = connection.execute(_SIZE, {"dataset": dataset}).one()
        return Batch(count, size.pages, size.chunks, seconds)


def _arrived(arrival: Arrival) -> tuple[str, Arrival]:
    return TENANT, arrival


@contextlib.contextmanager
def product(**settings: object) -> Iterator[Installation]:
    """`docmill up` with these settings (as in the environment, without the prefix), ready for work."""
    with temporary_home() as home:
        environment = as_environment({"api_port": 0, **settings, "home": home})
        with running(["docmill", "up"], environment, home / "up.log") as up:
            yield _ready(home, up, settings)


def as_environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Settings as environment variables."""
    return {f"DOCMILL_{name.upper()}": str(value) for name, value in settings.items()}


def _ready(home: Path, up: subprocess.Popen[bytes], overrides: dict[str, object]) -> Installation:
    def state() -> State | None:
        if up.poll() is not None:
            raise RuntimeError((home / "up.log").read_text())
        return read_state(home)

    found = eventually(state, 120.0)
    assert found is not None
    installation = connected(home, found.database_url, found.broker_url, **overrides)
    eventually(lambda: count_workers(installation.engine), 60.0)
    return Installation(installation.settings, found, installation.engine, installation.intake)


def count_workers(engine: Engine) -> int:
    """How many workers have given a sign of life in the last seconds."""
    with engine.begin() as connection:
        return int(connection.execute(_WORKERS).scalar_one())


def connected(home: Path, database_url: str, broker_url: str, **overrides: object) -> Installation:
    """The ways to an installation that runs at these addresses."""
    urls = {"database_url": SecretStr(database_url), "broker_url": SecretStr(broker_url)}
    bare = load_settings(home=home, **urls, **overrides)
    settings = bare.model_copy(update={"api_key": api_key(bare)})
    engine = connect(database_url)
    intake = Intake(
        engine,
        DirectoryStorage(settings.storage_path),
        CeleryDispatcher(broker_url),
        max_file_bytes=settings.max_file_bytes,
        run_on_bytes=settings.run_on_bytes,
    )
    nowhere = State(os.getpid(), time.time(), "", database_url, broker_url)
    return Installation(settings, nowhere, engine, intake)
