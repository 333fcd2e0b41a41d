"""Real servers for tests: one PostgreSQL and one broker a session, a database of its own for each test."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import make_url

from docmill.db.migrate import upgrade
from docmill.local.postgres import Cluster
from docmill.local.readiness import conninfo
from docmill.local.servers import start_postgres

# Tests do not survive a power cut anyway: no waiting for the disk.
IN_A_HURRY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
}


@contextlib.contextmanager
def temporary_home() -> Iterator[Path]:
    """A data directory that is gone afterwards, with the database that may live outside it."""
    home = Path(tempfile.mkdtemp(prefix="docmill-test-"))
    try:
        yield home
    finally:
        shutil.rmtree((home / "postgres").resolve(), ignore_errors=True)
        shutil.rmtree(home)


@dataclass(frozen=True, slots=True)
class Databases:
    """Makes databases by copying one that is already migrated, which takes milliseconds."""

    cluster: Cluster
    template: str = "migrated"

    def prepare(self) -> None:
        """Make the template: docmill's tables, no rows."""
        self._administer("CREATE DATABASE {} OWNER docmill", self.template)
        with psycopg.connect(conninfo(self.cluster.administrator_url), dbname=self.template) as connection:
            connection.execute("CREATE EXTENSION vector")
        upgrade(self._url(self.template))

    @contextlib.contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of a new database with all tables and no rows; dropped afterwards in any case."""
        name = f"test_{uuid4().hex[:12]}"
        # By files, which takes less than half the time here of writing every page to the log.
        self._administer(
            "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY OWNER docmill", name, self.template
        )
        try:
            yield self._url(name)
        finally:
            self._administer("DROP DATABASE {} WITH (FORCE)", name)

    def _administer(self, statement: str, *names: str) -> None:
        with psycopg.connect(conninfo(self.cluster.administrator_url), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _url(self, database: str) -> str:
        return make_url(self.cluster.url).set(database=database).render_as_string(hide_password=False)


@contextlib.contextmanager
def running_databases() -> Iterator[Databases]:
    """One PostgreSQL with the migrated template in it."""
    with temporary_home() as home, start_postgres(home, settings=IN_A_HURRY) as cluster:
        databases = Databases(cluster)
        databases.prepare()
        yield databases


def left_behind(patience: float = 5.0) -> list[str]:
    """What this process started and nobody ended, after waiting `patience` seconds for it."""
    own_helper = "multiprocessing.resource_tracker"  # ends by itself with this process
    children = psutil.Process().children(recursive=True)
    _, alive = psutil.wait_procs(children, timeout=patience if children else 0)
    words = [" ".join(process.cmdline()) for process in alive if process.is_running()]
    return [command for command in words if own_helper not in command]
