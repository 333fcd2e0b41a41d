"""`docmill doctor`: what runs, in which versions, and whether it can do its work."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
import redis
from pydantic import SecretStr

from docmill.adapters.embedders import make_embedder
from docmill.db.migrate import current_and_head
from docmill.domain.errors import DocmillError, PartMissing
from docmill.local.addresses import address_of
from docmill.local.programs import find_postgres, find_redis
from docmill.local.readiness import api_answers, broker_answers, conninfo
from docmill.local.state import RunningPart, State, read_state
from docmill.settings import Settings

_LEAST_FREE = 2 * 1024**3  # bytes: a database that cannot write its log stops
_LIBRARIES = ("openvino", "liteparse", "xberg", "celery", "sqlalchemy")
_LEAST_POSTGRES = 15


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: how it is, and what to do when it is not `ok`."""

    name: str
    ok: bool
    detail: str
    advice: str = ""


def examine(settings: Settings) -> list[Check]:
    """Look at everything, whether docmill runs or not. Changes nothing; takes seconds at most."""
    state = read_state(settings.home)
    known = _as_running(settings, state)
    return [
        *_processes(state),
        _python(),
        *map(_library, ("docmill", *_LIBRARIES)),
        _broker(known),
        *_database(known),
        _model(settings),
        _disk(settings.home),
        _writable("data directory", settings.home),
        _writable("storage", settings.storage_path),
        _loopback(settings, state),
    ]


def _as_running(settings: Settings, state: State | None) -> Settings:
    """The settings with the addresses of what runs here."""
    if state is None:
        return settings
    urls = {"database_url": SecretStr(state.database_url), "broker_url": SecretStr(state.broker_url)}
    return settings.model_copy(update=urls)


def _processes(state: State | None) -> Iterator[Check]:
    if state is None:
        yield Check("running", True, "no, nothing on this data directory; `docmill up` starts it")
        return
    since = datetime.fromtimestamp(state.started_at, UTC).isoformat(timespec="seconds")
    yield Check("running", True, f"process {state.pid}, since {since}")
    yield from map(_process, state.parts)
    yield Check(
        "api answers", api_answers(state.api_url), state.api_url, "See logs/api.log in the data directory."
    )


def _process(part: RunningPart) -> Check:
    if part.pid is None:
        return Check(part.name, True, part.address)
    return Check(
        part.name,
        psutil.pid_exists(part.pid),
        f"process {part.pid}, {part.address}",
        f"It is being started again; logs/{part.name}.log in the data directory says why it ended.",
    )


def _python() -> Check:
    return Check("python", True, f"{platform.python_version()}, {platform.platform()}")


def _library(name: str) -> Check:
    try:
        return Check(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Check(name, False, "not installed", "Install docmill again: `make setup`.")


def _broker(settings: Settings) -> Check:
    if settings.broker_url is None:
        return _program("broker", lambda: find_redis(settings.redis_bin))
    url = settings.broker_url.get_secret_value()
    if not broker_answers(url):
        return Check("broker", False, f"{address_of(url)} does not answer", "Start it, or correct its URL.")
    return Check("broker", True, f"{_broker_version(url)}, {address_of(url)}")


def _broker_version(url: str) -> str:
    if not url.startswith("redis"):
        return url.partition(":")[0]
    with redis.Redis.from_url(url) as client:
        facts = client.info("server")
    if "valkey_version" in facts:
        return f"Valkey {facts['valkey_version']}"
    return f"Redis {facts['redis_version']}"


def _program(name: str, find: Callable[[], Path]) -> Check:
    """A server that is not running: at least its program must be there."""
    try:
        return Check(name, True, f"not running; {find().name} is installed")
    except PartMissing as error:
        return Check(name, False, "not installed", error.message)


def _database(settings: Settings) -> Iterator[Check]:
    if settings.database_url is None:
        yield _program("database", lambda: find_postgres(settings.postgres_bin) / "postgres")
        return
    url = settings.database_url.get_secret_value()
    try:
        with psycopg.connect(conninfo(url), connect_timeout=3) as connection:
            yield _postgres(connection, url)
            yield _pgvector(connection)
        yield _migrations(url)
    except psycopg.OperationalError:
        yield Check("database", False, f"{address_of(url)} does not answer", "Start it, or correct its URL.")


def _postgres(connection: psycopg.Connection, url: str) -> Check:
    version = connection.info.server_version
    detail = f"PostgreSQL {version // 10000}.{version % 10000}, {address_of(url)}"
    return Check("database", version // 10000 >= _LEAST_POSTGRES, detail, "Use PostgreSQL 15 or newer.")


def _pgvector(connection: psycopg.Connection) -> Check:
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    advice = "Install pgvector on the server and run `CREATE EXTENSION vector` in the database."
    return Check("pgvector", row is not None, row[0] if row else "not in this database", advice)


def _migrations(url: str) -> Check:
    current, head = current_and_head(url)
    same = current == head
    detail = f"at {current}, the newest" if same else f"at {current or 'nothing'}, the newest is {head}"
    return Check("migrations", same, detail, "Start docmill: `docmill up` brings the database up to date.")


def _model(settings: Settings) -> Check:
    try:
        model = make_embedder(settings).model
    except DocmillError as error:
        return Check("model", False, "not installed", error.message)
    return Check("model", True, model)


def _disk(home: Path) -> Check:
    free = shutil.disk_usage(_existing(home)).free
    return Check("disk", free >= _LEAST_FREE, f"{free / 1024**3:.1f} GiB free", "Free at least 2 GiB.")


def _writable(name: str, folder: Path) -> Check:
    """Whether a file can be made there, or, before the first start, where the folder will be made."""
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)) as file:
            file.write(b"docmill")
    except OSError as error:
        advice = "Give this user the right to write there, or choose another folder."
        return Check(name, False, f"{folder}: {error.strerror}", advice)
    return Check(name, True, f"{folder} can be written")


def _existing(folder: Path) -> Path:
    return next(step for step in (folder, *folder.parents) if step.exists())


def _loopback(settings: Settings, state: State | None) -> Check:
    """Nothing of ours may be reached from outside, except the API where that was asked for."""
    name = "loopback only"
    if state is None:
        return Check(name, True, "nothing listens")
    outside = _open_addresses(state)
    if settings.api_host not in ("127.0.0.1", "::1", "localhost"):
        return Check(name, True, f"the API listens on {settings.api_host}, as DOCMILL_API_HOST says")
    detail = ", ".join(outside) if outside else "no port is open to other machines"
    return Check(name, not outside, detail, "Stop docmill and check DOCMILL_API_HOST.")


def _open_addresses(state: State) -> list[str]:
    """Where this process tree listens for other machines."""
    try:
        supervisor = psutil.Process(state.pid)
        tree = [supervisor, *supervisor.children(recursive=True)]
        sockets = [one for process in tree for one in process.net_connections("inet")]
    except psutil.Error:
        return []  # it is just ending
    listening = [one.laddr for one in sockets if one.status == psutil.CONN_LISTEN]
    return [f"{at.ip}:{at.port}" for at in listening if not at.ip.startswith(("127.", "::1"))]
