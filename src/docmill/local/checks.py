"""What `docmill doctor` looks at besides the work itself: processes, programs, servers, folders, clocks."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
import redis

from docmill.adapters.embedders import make_embedder
from docmill.adapters.ocr.languages import LanguageData
from docmill.adapters.ocr.recognizer import is_installed
from docmill.adapters.readers.confinement import granted_here
from docmill.db.revisions import current_and_head
from docmill.domain.errors import DocmillError, PartMissing
from docmill.domain.findings import Cause, Finding
from docmill.local.addresses import address_of
from docmill.local.programs import find_postgres, find_redis
from docmill.local.readiness import api_answers, api_process_ails, broker_answers, conninfo
from docmill.local.state import RunningPart, State
from docmill.settings import Settings

LEAST_FREE = 2 * 1024**3  # bytes: a database that cannot write its log stops
_LIBRARIES = ("docmill", "openvino", "liteparse", "xberg", "celery", "sqlalchemy")
_LEAST_POSTGRES = 15
_MOST_SKEW = 5.0  # seconds
_SECONDS = 3  # a server has to answer


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was looked at and is as it should be."""

    name: str
    detail: str


Look = Fact | Finding


def look_at_machine(settings: Settings, state: State | None) -> Iterator[Look]:
    """What does not need a server: processes, versions, the model, folders, open ports."""
    yield from _processes(state)
    yield Fact("python", f"{platform.python_version()}, {platform.platform()}")
    yield from map(_library, _LIBRARIES)
    yield _model(settings)
    yield _reading()
    yield _recognition(settings)
    yield from _disks(settings)
    yield _folder("data directory", settings.home)
    yield _folder("storage", settings.storage_path)
    yield _loopback(settings, state)


def look_at_servers(settings: Settings) -> Iterator[Look]:
    """The broker and the database, or, where none is set, whether their programs are there."""
    yield from _broker(settings)
    yield from _database(settings)


def _processes(state: State | None) -> Iterator[Look]:
    if state is None:
        yield Fact("running", "no, nothing on this data directory; `docmill up` starts it")
        return
    since = datetime.fromtimestamp(state.started_at, UTC).isoformat(timespec="seconds")
    yield Fact("running", f"process {state.pid}, since {since}")
    yield from map(_process, state.parts)
    answers = api_answers(state.api_url)
    yield (
        Fact("api answers", state.api_url)
        if answers
        else Finding(Cause.API_SILENT, "api", f"{state.api_url} does not answer, or not that it is ready.")
    )


def _process(part: RunningPart) -> Look:
    if part.pid is None:
        return Fact(part.name, part.address)
    if not psutil.pid_exists(part.pid):
        return Finding(Cause.PART_ENDED, part.name, f"Process {part.pid} has ended.")
    if part.name.startswith("api") and (reason := api_process_ails(part.pid)):
        return Finding(Cause.API_SILENT, part.name, f"Process {part.pid} {reason}.")
    return Fact(part.name, f"process {part.pid}, {part.address}")


def _library(name: str) -> Look:
    try:
        return Fact(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(Cause.LIBRARY_MISSING, name, "It is not installed.")


def _model(settings: Settings) -> Look:
    """Loaded and used once: a file may be there and be broken."""
    try:
        embedder = make_embedder(settings)
        embedder.embed(["docmill"])
    except DocmillError as error:
        return Finding(Cause.MODEL_UNREACHABLE, "model", error.message)
    return Fact("model", embedder.model)


def _reading() -> Look:
    """What stands between a hostile file and this machine."""
    granted = granted_here()
    missing = [protection.value for protection, is_granted in granted.items() if not is_granted]
    if missing:
        return Finding(Cause.READING_EXPOSED, "reading", f"Not granted by this kernel: {', '.join(missing)}.")
    return Fact("reading", f"confined: {', '.join(protection.value for protection in granted)}")


def _recognition(settings: Settings) -> Look:
    """An extra: without it, pages that are only to be seen are missing, and say so."""
    languages = LanguageData(settings.ocr_data_dir).languages()
    if not is_installed():
        return Finding(Cause.RECOGNIZER_MISSING, "text recognition", "tesserocr is not installed.")
    if not languages:
        return Finding(Cause.RECOGNIZER_MISSING, "text recognition", "There is no language data.")
    return Fact("text recognition", ", ".join(languages))


def _disks(settings: Settings) -> Iterator[Look]:
    """Each disk once, by the first of our folders that is on it."""
    folders = {
        "data directory": settings.home,
        "storage": settings.storage_path,
        "database": settings.home / "postgres",
    }
    seen: set[int] = set()
    for name, folder in folders.items():
        place = existing(folder)
        device = place.stat().st_dev
        if device not in seen:
            yield disk(name, place)
        seen.add(device)


def disk(name: str, folder: Path, least: int = LEAST_FREE) -> Look:
    """Whether the disk of a folder has at least `least` bytes left."""
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1024**3:.1f} GiB free"
    return Fact(f"disk of the {name}", detail) if free >= least else Finding(Cause.DISK_FULL, name, detail)


def _folder(name: str, folder: Path) -> Look:
    """Whether a file can be made there, or, before the first start, where the folder will be made."""
    try:
        with tempfile.TemporaryFile(dir=existing(folder)) as file:
            file.write(b"docmill")
    except OSError as error:
        return Finding(Cause.FOLDER_UNWRITABLE, name, f"{folder}: {error.strerror}")
    return Fact(name, f"{folder} can be written")


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(step for step in (folder, *folder.parents) if os.path.exists(step))


def _loopback(settings: Settings, state: State | None) -> Look:
    """Nothing of ours may be reached from outside, except the API where that was asked for."""
    name = "loopback only"
    if state is None:
        return Fact(name, "nothing listens")
    if settings.api_host not in ("127.0.0.1", "::1", "localhost"):
        return Fact(name, f"the API listens on {settings.api_host}, as DOCMILL_API_HOST says")
    outside = _open_addresses(state)
    if outside:
        return Finding(Cause.PORT_OPEN, "ports", f"Other machines can reach {', '.join(outside)}.")
    return Fact(name, "no port is open to other machines")


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


def _broker(settings: Settings) -> Iterator[Look]:
    if settings.broker_url is None:
        yield _program("broker", lambda: find_redis(settings.redis_bin))
        return
    url = settings.broker_url.get_secret_value()
    if not broker_answers(url):
        yield Finding(Cause.BROKER_UNREACHABLE, "broker", f"{address_of(url)} does not answer.")
    elif url.startswith(("redis://", "rediss://")):
        yield from _redis(url)
    else:
        yield Fact("broker", f"{url.partition(':')[0]}, {address_of(url)}")


def _redis(url: str) -> Iterator[Look]:
    with redis.Redis.from_url(url, socket_timeout=_SECONDS) as client:
        server, memory = client.info("server"), client.info("memory")
    name, version = ("Valkey", server.get("valkey_version")), ("Redis", server.get("redis_version"))
    kind, number = name if name[1] else version
    yield Fact("broker", f"{kind} {number}, {address_of(url)}")
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield Finding(Cause.BROKER_EVICTS, "broker", f"Its maxmemory-policy is {policy}.")


def _program(name: str, find: Callable[[], Path]) -> Look:
    """A server that is not running: at least its program must be there."""
    try:
        return Fact(name, f"not running; {find().name} is installed")
    except PartMissing as error:
        return Finding(Cause.PROGRAM_MISSING, name, error.message)


def _database(settings: Settings) -> Iterator[Look]:
    if settings.database_url is None:
        yield _program("database", lambda: find_postgres(settings.postgres_bin) / "postgres")
        return
    url = settings.database_url.get_secret_value()
    try:
        with psycopg.connect(conninfo(url), connect_timeout=_SECONDS) as connection:
            yield _postgres(connection, url)
            yield _pgvector(connection)
            yield _clock(connection)
        yield _migrations(url)
    except (psycopg.OperationalError, DocmillError):
        yield Finding(Cause.DATABASE_UNREACHABLE, "database", f"{address_of(url)} does not answer.")


def _postgres(connection: psycopg.Connection, url: str) -> Look:
    version = connection.info.server_version
    detail = f"PostgreSQL {version // 10000}.{version % 10000}, {address_of(url)}"
    if version // 10000 < _LEAST_POSTGRES:
        return Finding(Cause.DATABASE_TOO_OLD, "database", detail)
    return Fact("database", detail)


def _pgvector(connection: psycopg.Connection) -> Look:
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    if row is None:
        return Finding(Cause.PGVECTOR_MISSING, "pgvector", "It is not in this database.")
    return Fact("pgvector", row[0])


def _clock(connection: psycopg.Connection) -> Look:
    before = time.time()
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    after = time.time()
    return clock(float(row[0]) if row else before, (before + after) / 2)


def clock(database: float, host: float) -> Look:
    """Whether two clocks, in seconds since 1970, go together."""
    skew = host - database
    if abs(skew) > _MOST_SKEW:
        return Finding(Cause.CLOCK_SKEW, "clock", f"This host is {skew:+.0f} s from the database.")
    return Fact("clock", f"{skew:+.3f} s from the database's")


def _migrations(url: str) -> Look:
    current, head = current_and_head(url)
    if current != head:
        detail = f"The database is at {current or 'nothing'}, the newest is {head}."
        return Finding(Cause.MIGRATION_MISSING, "migrations", detail)
    return Fact("migrations", f"at {current}, the newest")
