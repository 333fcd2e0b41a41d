"""An installation for tests: a database, a broker, a folder, and real worker processes over them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from pydantic import SecretStr
from sqlalchemy import text

from docmill.bootstrap import App, make_app
from docmill.local.forks import Fork
from docmill.services.intake import Accepted, Arrival, Intake
from docmill.settings import Settings, load_settings
from tests.forking import FORKING
from tests.polling import eventually

Program = subprocess.Popen[bytes] | Fork


# What `docmill up` is told where a test wants no more of it than must be.
SMALL = {
    "DOCMILL_API_PORT": "0",
    "DOCMILL_API_PROCESSES": "1",
    "DOCMILL_EMBEDDER": "hashing",
    "DOCMILL_WORKER_PROCESSES": "1",
}


def small_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment for `docmill` on this data directory, without the settings of whoever runs the tests."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DOCMILL_")}
    return {**ours, **SMALL, "DOCMILL_HOME": str(home), **more}


@dataclass
class Installation:
    """What `docmill up` would run, in parts that a test starts and kills one by one."""

    settings: Settings
    app: App
    processes: list[Program] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Every setting, as a process of this installation is told it."""
        return _environment(self.settings)

    def start(
        self, part: str, environment: Mapping[str, str] | None = None, *, alone: bool = False
    ) -> Program:
        """Start `docmill worker`, `beat` or `api` as a process of its own, with more in its environment.

        It is forked, as `docmill up` does it, or run `alone` by its command, as a container does.
        """
        log = self.settings.home / f"{part}.log"
        whole = {**os.environ, **self.environment, **(environment or {})}
        # What its environment does before Python runs, such as another clock, needs a program of its own.
        is_forked = not (environment or alone)
        process = FORKING.start(part, environment=whole, log=log) if is_forked else _run(part, whole, log)
        self.processes.append(process)
        return process

    def accept(self, name: str, content: bytes) -> Accepted:
        """Take a file in, as the API does."""
        with tempfile.NamedTemporaryFile(dir=self.settings.home, delete=False) as file:
            file.write(content)
        intake = Intake(
            self.app.engine,
            self.app.storage,
            self.app.dispatcher,
            max_file_bytes=self.settings.max_file_bytes,
            run_on_bytes=self.settings.run_on_bytes,
        )
        sha256 = hashlib.sha256(content).hexdigest()
        return intake.accept("default", Arrival(Path(file.name), name, len(content), sha256))

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """What a query finds now."""
        with self.app.engine.begin() as connection:
            return list(connection.execute(text(statement), values))

    def wait_until_ended(self, *tasks: UUID, seconds: float = 60) -> list[str]:
        """The status of each task once all have ended."""

        def ended() -> list[str]:
            rows = self.rows("SELECT id, status FROM document_tasks WHERE id = ANY(:ids)", ids=list(tasks))
            status: dict[UUID, str] = {row.id: row.status for row in rows}
            over = all(status[task] in ("succeeded", "failed", "cancelled") for task in tasks)
            return [status[task] for task in tasks] if over else []

        return eventually(ended, seconds)

    def content(self, document_id: UUID) -> list[Any]:
        """What makes a published document: each chunk with its place and its vector, in order."""
        return self.rows(
            """SELECT c.ordinal, c.text, c.char_start, c.char_end, c.pages, v.embedding::text AS vector
            FROM documents d JOIN chunks c ON c.version_id = d.active_version_id
            JOIN vector_entries v ON v.chunk_id = c.id
            WHERE d.id = :id ORDER BY c.ordinal""",
            id=document_id,
        )

    def stop(self) -> None:
        """End every process that was started here, and its children."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        self.app.engine.dispose()


def _run(part: str, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "docmill", part],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def children_of(process: Program) -> list[psutil.Process]:
    """The prefork children of a worker, without the reading children below them."""
    return list(psutil.Process(process.pid).children())


@contextlib.contextmanager
def installation(database_url: str, broker_url: str, home: Path, **settings: Any) -> Iterator[Installation]:
    """An installation over these servers; nothing of it runs afterwards."""
    chosen = load_settings(
        home=home,
        database_url=SecretStr(database_url),
        broker_url=SecretStr(broker_url),
        **{"embedder": "hashing", "log_level": "INFO", "sweep_seconds": 0.5, **settings},
    )
    running = Installation(chosen, make_app(chosen))
    try:
        yield running
    finally:
        running.stop()


def _environment(settings: Settings) -> dict[str, str]:
    values = {name: value for name, value in settings if value is not None}
    return {
        f"DOCMILL_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in values.items()
    }
