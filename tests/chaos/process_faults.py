"""Faults of processes: killed at random and at the boundary of a step, stopped, replaced, doubled."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from signal import SIGCONT, SIGSTOP, SIGTERM
from uuid import UUID, uuid4

import psutil
from celery import Celery
from kombu.exceptions import OperationalError
from tests.chaos.keeper import patiently
from tests.chaos.site import LEASE_SECONDS, Site

from docmill.adapters.broker import QUEUES
from docmill.domain.states import StageName
from docmill.local import product
from docmill.pipeline.owner import Owner

_STEPS = """SELECT t.id, t.owner, coalesce(p.steps, 0) AS steps FROM document_tasks t
LEFT JOIN stage_progress p ON p.task_id = t.id AND p.stage = :stage
WHERE t.updated_at > now() - interval '5 seconds'"""
_OWNERS = "SELECT owner FROM document_tasks WHERE status = 'running'"
_WAIT = 5.0  # seconds in which something to strike must come along


def kill_child(site: Site, draw: random.Random) -> bool:
    """A process that carries documents."""
    children = site.worker_children()
    return bool(children) and site.kill(draw.choice(children))


def kill_owner(site: Site, draw: random.Random) -> bool:
    """A process that has a document in hand."""
    owner = _an_owner(site, draw)
    return owner is not None and site.kill(owner)


def kill_after_step(stage: StageName) -> Callable[[Site, random.Random], bool]:
    """At the boundary of a step: as soon as one of this stage is committed, its process dies.

    The last step of a stage ends it, so the document may be at the next stage by then, or published.
    """

    def strike(site: Site, _draw: random.Random) -> bool:
        known = {row.id: row.steps for row in site.rows(_STEPS, stage=stage.value)}
        owners: dict[UUID, str] = {}

        def stepped() -> str | None:
            for row in site.rows(_STEPS, stage=stage.value):
                owners[row.id] = row.owner or owners.get(row.id, "")
                if row.steps > known.get(row.id, 0) and owners[row.id]:
                    return owners[row.id]
            return None

        owner = patiently(stepped, _WAIT, every=0.002)
        return owner is not None and site.kill(*_process(owner))

    return strike


def kill_worker(site: Site, draw: random.Random) -> bool:
    """A worker with all its processes."""
    workers = site.workers()
    return bool(workers) and site.kill(draw.choice(workers))


def kill_every_worker(site: Site, _draw: random.Random) -> bool:
    """Both workers at once."""
    return site.kill(*site.workers())


def kill_beat(site: Site, _draw: random.Random) -> bool:
    """Beat."""
    return site.kill(*site.programs("beat"))


def kill_api(site: Site, draw: random.Random) -> bool:
    """The API: one of its processes, or all."""
    processes = site.programs("api")
    return site.kill(*processes[: draw.randint(1, max(1, len(processes)))])


def kill_fork_server(site: Site, _draw: random.Random) -> bool:
    """What forked worker, Beat and API of `docmill up`, and by the kernel's help all of them."""
    return site.kill(*site.fork_servers())


def kill_supervisor(site: Site, _draw: random.Random) -> bool:
    """`docmill up`, and by the kernel's help all that it runs."""
    up = site.keeper.pid("up")
    return up is not None and site.kill(psutil.Process(up))


def stop_child(site: Site, draw: random.Random) -> bool:
    """A process with a document in hand sleeps longer than its lease, and then goes on as if nothing was."""
    owner = _an_owner(site, draw)
    return owner is not None and _asleep([owner], LEASE_SECONDS + 2)


def stop_worker(site: Site, draw: random.Random) -> bool:
    """A whole worker sleeps longer than its leases."""
    workers = site.workers()
    if not workers:
        return False
    worker = draw.choice(workers)
    return _asleep([worker, *worker.children()], LEASE_SECONDS + 2)


def stop_main(site: Site, draw: random.Random) -> bool:
    """The main process of a worker sleeps: connected, with messages in hand, and taking nothing."""
    workers = site.workers()
    return bool(workers) and _asleep([draw.choice(workers)], LEASE_SECONDS)


def deploy_worker(site: Site, _draw: random.Random) -> bool:
    """A worker is told to stop, and a new one started."""
    with site.keeper.down("worker", SIGTERM):
        return True


def deploy_everything(site: Site, _draw: random.Random) -> bool:
    """`docmill up` is told to stop, and started anew."""
    with site.keeper.down("up", SIGTERM):
        return True


def deafen(site: Site, _draw: random.Random) -> bool:
    """Every worker stays connected and takes no message more, as after some failures of the broker."""
    with Celery(broker=site.app.settings.broker) as celery, contextlib.suppress(OperationalError):
        for queue in QUEUES:
            celery.control.cancel_consumer(queue)
        return True
    return False


def wrong_clock(site: Site, draw: random.Random) -> bool:
    """One more worker, whose clock is wrong and then set right; it is killed with what it has in hand."""
    clock = site.around.clock
    if clock is None:
        return False
    part = product.worker(site.sides[1].settings)
    name = f"worker-{uuid4().hex[:6]}"
    with clock.off(draw.choice((-3600, -60, 60, 3600))):
        site.keeper.keep(replace(part, name=name, environment={**part.environment, **clock.environment}))
        time.sleep(draw.uniform(6.0, 9.0))
    time.sleep(draw.uniform(1.0, 2.0))
    site.keeper.drop(name)
    return True


def two_beats(site: Site, draw: random.Random) -> bool:
    """A second Beat beside the first."""
    name = f"beat-{uuid4().hex[:6]}"
    site.keeper.keep(replace(product.beat(site.sides[1].settings), name=name))
    time.sleep(draw.uniform(4.0, 6.0))
    site.keeper.drop(name)
    return True


def _an_owner(site: Site, draw: random.Random) -> psutil.Process | None:
    """A process that has a document in hand, waited for."""
    owners = patiently(lambda: [row.owner for row in site.rows(_OWNERS)], _WAIT)
    return next(iter(_process(draw.choice(owners))), None) if owners else None


def _process(owner: str) -> list[psutil.Process]:
    """That process, if it still is."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [psutil.Process(Owner.parse(owner).pid)]
    return []


def _asleep(processes: list[psutil.Process], seconds: float) -> bool:
    with _stopped(processes):
        time.sleep(seconds)
    return True


@contextlib.contextmanager
def _stopped(processes: list[psutil.Process]) -> Iterator[None]:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, SIGCONT)
