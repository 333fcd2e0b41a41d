"""The installation that faults strike: its own servers, two workers, and a network that can fail.

One data directory is run by `docmill up` (worker, Beat and API under its supervisor), a second one by a
`docmill worker` alone, as another machine would run it. Both reach PostgreSQL, the broker and the model's
server through proxies of their own; what checks them does not. PostgreSQL writes to a disk of its own.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any, TypeVar

import httpx
import psutil
from pydantic import SecretStr
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from tests.chaos.keeper import Keeper
from tests.clocks import Clock, own_clock
from tests.disks import Disk, mounted_disk
from tests.model_servers import ModelServer, serving_model
from tests.proxy import Proxy
from tests.servers import IN_A_HURRY

from docmill.bootstrap import App, make_app
from docmill.db.migrate import upgrade
from docmill.local import postgres, product, redis
from docmill.local.addresses import choose_port
from docmill.local.process import Part, Stop
from docmill.local.readiness import api_answers
from docmill.local.state import prepare_home, read_state
from docmill.settings import Settings, load_settings

T = TypeVar("T")

KEY = "dm_a-key-that-only-chaos-knows"
LEASE_SECONDS = 5.0
SWEEP_SECONDS = 1.0
MODEL_SECONDS = 2.0
DISK_BYTES = 8 * 1024**3  # that PostgreSQL may fill; it takes as much memory as is used of it
# A commit that was answered survives the death of the server. A power cut is not among the faults.
_DURABLE = {**IN_A_HURRY, "synchronous_commit": "on", "max_wal_size": "256MB"}
_PATIENCE = 60.0  # seconds that a server may be away while somebody asks it


@dataclass(frozen=True, slots=True)
class Side:
    """One place where docmill runs, and its ways to the servers."""

    settings: Settings
    database: Proxy
    broker: Proxy
    model: Proxy


@dataclass(frozen=True, slots=True)
class Around:
    """What no keeper keeps: the model's server, PostgreSQL's disk, a clock for who is to go wrong.

    `disk` and `clock` are None where this machine or this account allows no such thing.
    """

    model: ModelServer
    disk: Disk | None
    clock: Clock | None


@dataclass
class Site:
    """What runs, how to reach it past the proxies, and who was killed when (seconds since 1970)."""

    keeper: Keeper
    sides: tuple[Side, Side]
    app: App
    url: str
    broker_folder: Path
    around: Around
    deaths: dict[int, float] = field(default_factory=dict)

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """What a query finds; asked again while the database is away."""

        def ask() -> list[Any]:
            with self.app.engine.begin() as connection:
                return list(connection.execute(text(statement), values))

        return asked_again(ask)

    def client(self) -> httpx.Client:
        """A client of the API, with its key."""
        return httpx.Client(
            base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {KEY}"}, timeout=10
        )

    def programs(self, name: str) -> list[psutil.Process]:
        """The worker, Beat or the processes of the API that `docmill up` runs now."""
        forks = [fork for server in self.fork_servers() for fork in _children(server.pid)]
        return [fork for fork in forks if _name(fork) == f"docmill {name}"]

    def fork_servers(self) -> list[psutil.Process]:
        """What forked worker, Beat and API below `docmill up`; none while it is started."""
        running = read_state(self.sides[0].settings.home)
        pids = {part.pid for part in running.parts if part.name == "forks"} if running else set()
        return [one for one in _children(self.keeper.pid("up")) if one.pid in pids]

    def workers(self) -> list[psutil.Process]:
        """The main process of every worker."""
        alone = self.keeper.pid("worker")
        return [*self.programs("worker"), *([psutil.Process(alone)] if alone else [])]

    def worker_children(self) -> list[psutil.Process]:
        """The processes that carry documents."""
        return [child for worker in self.workers() for child in _children(worker.pid)]

    def kill(self, *processes: psutil.Process) -> bool:
        """SIGKILL, and note when; whether any of them still ran."""
        struck = False
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                tree = [process.pid, *(child.pid for child in process.children(recursive=True))]
                process.send_signal(SIGKILL)
                self.deaths |= dict.fromkeys(tree, time.time())
                struck = True
        return struck

    def is_ready(self) -> bool:
        """Whether the API answers and both workers take messages."""
        seen = "SELECT count(*) AS n FROM workers WHERE seen_at > now() - interval '3 seconds'"
        return api_answers(self.url) and self.rows(seen)[0].n >= len(self.sides)


def asked_again(ask: Callable[[], T]) -> T:
    """The answer, asked for again while the database is away."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return ask()
        except DBAPIError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _children(pid: int | None) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children()) if pid else []
    except psutil.NoSuchProcess:
        return []


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""


@contextlib.contextmanager
def running_site(home: Path, **settings: Any) -> Iterator[Site]:
    """Everything running and ready; nothing of it is left afterwards."""
    for folder in (home, home / "up", home / "alone"):
        prepare_home(folder)
    proxies: list[Proxy] = []
    with serving_model() as model, mounted_disk(DISK_BYTES) as disk, own_clock(home) as clock:
        keeper = Keeper(home / "logs")
        try:
            site = _start(home, keeper, proxies, Around(model, disk, clock), settings)
            yield site
            site.app.engine.dispose()
        finally:
            keeper.stop()
            for proxy in proxies:
                proxy.close()


def _start(
    home: Path,
    keeper: Keeper,
    proxies: list[Proxy],
    around: Around,
    chosen: dict[str, Any],
) -> Site:
    if around.disk is not None:
        (home / "postgres").symlink_to(around.disk.place("postgres"))
    database = postgres.cluster(home, choose_port(0, "DOCMILL_DATABASE_PORT"))
    broker = redis.broker(home, choose_port(0, "DOCMILL_BROKER_PORT"))
    keeper.keep(postgres.part(database, _DURABLE), redis.part(broker))
    keeper.wait_until_ready("postgres", "redis")
    postgres.prepare(database)
    upgrade(database.url)
    direct = _settings(home, database.url, broker.url, {**around.model.settings, **chosen})
    up, alone = (_side(home / name, direct, around.model, proxies) for name in ("up", "alone"))
    keeper.keep(_up(up.settings), product.worker(alone.settings))
    keeper.wait_until_ready("up", "worker")
    url = product.api_url(up.settings)
    return Site(keeper, (up, alone), make_app(direct), url, broker.folder, around)


def _settings(home: Path, database_url: str, broker_url: str, chosen: dict[str, Any]) -> Settings:
    """Short leases and waits, so that recovery is seen in seconds; no limit to how often a worker dies."""
    return load_settings(
        home=home,
        database_url=SecretStr(database_url),
        broker_url=SecretStr(broker_url),
        storage_dir=home / "storage",
        api_port=choose_port(0, "DOCMILL_API_PORT"),
        api_key=SecretStr(KEY),
        **{
            "embed_timeout_seconds": MODEL_SECONDS,
            "worker_processes": 2,
            "lease_seconds": LEASE_SECONDS,
            "sweep_seconds": SWEEP_SECONDS,
            "step_seconds": 0.05,
            "run_on_bytes": 20_000,
            "retry_seconds": 1.0,
            "retry_limit": 100,
            "crash_limit": 1000,
            "worker_deaf_seconds": 3.0,
            **chosen,
        },
    )


def _side(home: Path, direct: Settings, model: ModelServer, proxies: list[Proxy]) -> Side:
    """A place that reaches every server through proxies of its own."""
    urls = {"database_url": direct.database, "broker_url": direct.broker}
    through = {name: Proxy(make_url(url).port or 0) for name, url in urls.items()}
    ways = {name: SecretStr(_by(url, through[name].port)) for name, url in urls.items()}
    to_model = Proxy(model.port)
    proxies += [*through.values(), to_model]
    embed_url = replace(model, port=to_model.port).url
    settings = direct.model_copy(update={"home": home, "embed_url": embed_url, **ways})
    return Side(settings, through["database_url"], through["broker_url"], to_model)


def _by(url: str, port: int) -> str:
    return make_url(url).set(port=port).render_as_string(hide_password=False)


def _up(settings: Settings) -> Part:
    """`docmill up`, as an init system would run it."""
    return replace(
        product.worker(settings),
        name="up",
        command=[sys.executable, "-m", "docmill", "up"],
        is_ready=lambda _pid: api_answers(product.api_url(settings)),
        stops=(Stop(SIGTERM, 0), Stop(SIGKILL, 15.0)),
        death_signal=SIGTERM,
    )
