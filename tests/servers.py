"""Real servers for tests: one PostgreSQL and one broker a session, a database of its own for each test."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
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


@dataclass(slots=True)
class Databases:
    """Makes databases by copying one that is already migrated, and hands them on emptied.

    Making one makes hundreds of files, and for each ext4 passes over every inode freed in the last seconds.
    """

    cluster: Cluster
    template: str = "migrated"
    _blank: tuple[object, ...] = ()
    _spare: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """Make the template: docmill's tables, no rows."""
        self._administer("CREATE DATABASE {} OWNER docmill", self.template)
        with self._inside(self.template) as connection:
            connection.execute("CREATE EXTENSION vector")
        upgrade(self._url(self.template))
        with self._inside(self.template) as connection:
            self._blank = _looks(connection)

    @contextlib.contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of a database with all tables and no rows, of nobody else's until the block ends."""
        name = self._spare.pop() if self._spare else self._make()
        try:
            yield self._url(name)
        finally:
            if self._is_blank_again(name):
                self._spare.append(name)
            else:
                self._administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _make(self) -> str:
        name = f"test_{uuid4().hex[:12]}"
        # By files, which takes less than half the time here of writing every page to the log.
        self._administer(
            "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY OWNER docmill", name, self.template
        )
        return name

    def _is_blank_again(self, name: str) -> bool:
        """Empty a database; False for one that is not as it was then, or that cannot be looked into."""
        with contextlib.suppress(psycopg.Error), self._inside(name) as connection:
            connection.execute(_EMPTY)
            return _looks(connection) == self._blank
        return False

    def _inside(self, database: str) -> psycopg.Connection[Any]:
        """A connection as the administrator; what its block says is committed at once."""
        address = conninfo(self.cluster.administrator_url)
        return psycopg.connect(address, dbname=database, autocommit=True)

    def _administer(self, statement: str, *names: str) -> None:
        with self._inside("postgres") as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _url(self, database: str) -> str:
        return make_url(self.cluster.url).set(database=database).render_as_string(hide_password=False)


# Who is connected still is sent away. The index of a model's vectors is made at its first vector.
_EMPTY = """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;
DO $$
DECLARE statement text;
BEGIN
  FOR statement IN
    SELECT format('DELETE FROM %I', tablename) FROM pg_tables
      WHERE schemaname = 'public' AND tablename NOT IN ('alembic_version', 'tenants')
    UNION ALL SELECT format('DROP INDEX %I', indexname) FROM pg_indexes
      WHERE schemaname = 'public' AND starts_with(indexname, 'ix_vector_entries_hnsw')
    UNION ALL SELECT format('SELECT setval(%L, 1, false)', sequencename) FROM pg_sequences
      WHERE schemaname = 'public'
  LOOP EXECUTE statement; END LOOP;
END $$"""

_SIZE_STEP = 8 * 1024 * 1024  # bytes: what was filled with more is not worth to keep

_LOOKS = f"""SELECT pg_database_size(current_database()) / {_SIZE_STEP},
  (SELECT array_agg(relname || relkind::text ORDER BY relname) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace),
  (SELECT array_agg(concat(attrelid, attname, atttypid) ORDER BY attrelid, attnum)
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE c.relnamespace = 'public'::regnamespace),
  (SELECT array_agg(tgname || tgenabled::text ORDER BY oid) FROM pg_trigger),
  (SELECT array_agg(conname ORDER BY oid) FROM pg_constraint),
  (SELECT array_agg(proname ORDER BY oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
  (SELECT array_agg(setconfig) FROM pg_db_role_setting),
  (SELECT array_agg(t::text) FROM tenants t), (SELECT array_agg(a::text) FROM alembic_version a)"""


def _looks(connection: psycopg.Connection[Any]) -> tuple[object, ...]:
    """What tells a new database from one whose tables, rules or first rows were changed."""
    return connection.execute(_LOOKS).fetchone() or ()


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
