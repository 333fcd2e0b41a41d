"""Faults of PostgreSQL, of the broker and of the disk."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import time
from collections.abc import Iterator
from signal import SIGCONT, SIGQUIT, SIGSTOP

import psutil
import redis
from redis.exceptions import ConnectionError as NoConnection
from tests.chaos.site import Site

_LITTLE = 512  # bytes that a file may have while the disk is full


def kill_database(site: Site, draw: random.Random) -> bool:
    """PostgreSQL stops at once, in the middle of everything, and is started again."""
    with site.keeper.down("postgres", SIGQUIT):
        time.sleep(draw.uniform(0.0, 2.0))
    return True


def fill_database_disk(site: Site, draw: random.Random) -> bool:
    """Not a byte is left on the disk of PostgreSQL, for tables or for its log."""
    if site.around.disk is None:
        return False
    with site.around.disk.full():
        time.sleep(draw.uniform(1.0, 4.0))
    return True


def kill_connection(site: Site, draw: random.Random) -> bool:
    """A server process of PostgreSQL is killed; PostgreSQL then restarts all of them."""
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(site.keeper.pid("postgres")).children()
        serving = [child for child in children if "docmill" in " ".join(child.cmdline())]
        if serving:
            draw.choice(serving).kill()
            return True
    return False


def kill_broker(site: Site, draw: random.Random) -> bool:
    """The broker dies with what it holds, and comes back with what its log on disk kept."""
    with site.keeper.down("redis"):
        time.sleep(draw.uniform(0.0, 2.0))
    return True


def kill_broker_empty(site: Site, draw: random.Random) -> bool:
    """The broker dies, and comes back with nothing, as one without persistence does."""
    with site.keeper.down("redis"):
        shutil.rmtree(site.broker_folder / "appendonlydir", ignore_errors=True)
        time.sleep(draw.uniform(0.0, 2.0))
    return True


def flush_broker(site: Site, _draw: random.Random) -> bool:
    """FLUSHALL."""
    with broker(site) as client:
        client.flushall()
    return True


def cut_broker_clients(site: Site, draw: random.Random) -> bool:
    """CLIENT KILL for every connection, several times."""
    with broker(site) as client:
        for _ in range(draw.randint(1, 4)):
            client.client_kill_filter(_type="normal", skipme=True)
            client.client_kill_filter(_type="pubsub")
            time.sleep(draw.uniform(0.05, 0.5))
    return True


def freeze_broker(site: Site, draw: random.Random) -> bool:
    """The broker sleeps, longer than any time limit on its answers."""
    pid = site.keeper.pid("redis")
    if pid is None:
        return False
    os.kill(pid, SIGSTOP)
    try:
        time.sleep(draw.uniform(2.0, 8.0))
    finally:
        os.kill(pid, SIGCONT)
    return True


def fill_disk(site: Site, draw: random.Random) -> bool:
    """The API cannot store a file: none may grow beyond a few bytes, as on a disk that is full."""
    struck = [process for process in site.programs("api") if _limit_files(process, _LITTLE)]
    time.sleep(draw.uniform(1.0, 3.0))
    for process in struck:
        _limit_files(process, None)
    return bool(struck)


def _limit_files(process: psutil.Process, most: int | None) -> bool:
    """Let its files grow to so many bytes, None: as far as it may; False where it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        _, hard = process.rlimit(resource.RLIMIT_FSIZE)
        process.rlimit(resource.RLIMIT_FSIZE, (hard if most is None else most, hard))
        return True
    return False


def lose_storage(site: Site, draw: random.Random) -> bool:
    """The storage is not there for a while, as when what it lies on is not mounted."""
    storage = site.app.settings.storage_path
    if not storage.is_dir():
        return False
    away = storage.with_name("storage-away")
    storage.rename(away)
    try:
        time.sleep(draw.uniform(0.5, 2.0))
    finally:
        if storage.is_dir():  # somebody made it meanwhile
            shutil.copytree(storage, away, dirs_exist_ok=True)
            shutil.rmtree(storage)
        away.rename(storage)
    return True


@contextlib.contextmanager
def broker(site: Site) -> Iterator[redis.Redis]:
    """A connection of our own, past the proxies; the fault is left out while the broker is away."""
    with (
        redis.Redis.from_url(site.app.settings.broker, decode_responses=True) as client,
        contextlib.suppress(NoConnection),
    ):
        yield client
