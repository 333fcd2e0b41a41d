"""The two servers alone, each for as long as a `with` block: for tests, and for work on a data directory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from docmill.domain.errors import SetupError
from docmill.local import postgres, redis
from docmill.local.addresses import choose_port
from docmill.local.postgres import Cluster
from docmill.local.process import Part, Process, stop_together
from docmill.local.state import prepare_home


@contextlib.contextmanager
def start_postgres(
    home: Path, *, port: int = 0, programs: Path | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """PostgreSQL with an empty database `docmill` and pgvector in it; stopped at the end of the block."""
    prepare_home(home)
    cluster = postgres.cluster(home, choose_port(port, "DOCMILL_DATABASE_PORT"), programs)
    with _running(postgres.part(cluster, settings), home / "logs"):
        postgres.prepare(cluster)
        yield cluster


@contextlib.contextmanager
def start_redis(home: Path, *, port: int = 0, program: Path | None = None) -> Iterator[str]:
    """A Redis-protocol server, by its URL; stopped at the end of the block."""
    prepare_home(home)
    broker = redis.broker(home, choose_port(port, "DOCMILL_BROKER_PORT"), program)
    with _running(redis.part(broker), home / "logs"):
        yield broker.url


@contextlib.contextmanager
def _running(part: Part, logs: Path) -> Iterator[None]:
    process = Process(part, logs)
    try:
        wait_until_ready(process)
        yield
    finally:
        stop_together([process])


def wait_until_ready(process: Process) -> None:
    """Return when the part answers. Raises SetupError, with its last words, when it ends or never does."""
    deadline = time.monotonic() + process.part.patience
    while process.exit_code is None and not process.is_ready:
        if time.monotonic() > deadline:
            raise SetupError(f"{process.part.name} did not answer in time; its log says more.")
        time.sleep(0.03)
    if process.exit_code is not None:
        process.finish()
        raise SetupError(f"{process.part.name} did not start: {process.last_line}")
