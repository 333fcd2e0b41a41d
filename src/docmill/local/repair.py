"""The safe repairs of `docmill doctor --fix`: each does what docmill would do by itself, now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from docmill.db import workers
from docmill.db.migrate import upgrade
from docmill.db.workers import Worker
from docmill.domain.errors import DocmillError
from docmill.domain.findings import Cause, Finding
from docmill.local.leftovers import end
from docmill.local.reach import reaching
from docmill.local.state import State
from docmill.pipeline.owner import this_host
from docmill.pipeline.recovery import Recovery
from docmill.settings import Settings

_TO_STOP = 10.0  # seconds a worker has to let its documents go


@dataclass(frozen=True, slots=True)
class Repair:
    """What was tried, whether it was done, and how it went in a sentence."""

    name: str
    done: bool
    what: str


_Fix = Callable[[Settings, State | None], Repair]


def repair(settings: Settings, state: State | None, findings: Sequence[Finding]) -> list[Repair]:
    """Apply the repair of each finding that has one, and each repair once, in the order of the table."""
    found = {finding.cause for finding in findings}
    wanted = dict.fromkeys(fix for cause, fix in _FIXES.items() if cause in found)
    return [_try(fix, settings, state) for fix in wanted]


def _try(fix: _Fix, settings: Settings, state: State | None) -> Repair:
    try:
        return fix(settings, state)
    except DocmillError as error:
        return Repair(fix.__name__.strip("_"), False, error.message)


def _migrate(settings: Settings, _state: State | None) -> Repair:
    upgrade(settings.database)
    return Repair("migrate", True, "The database is at the newest schema.")


def _forget(settings: Settings, _state: State | None) -> Repair:
    """A worker that lives after all enters itself again at its next sign of life."""
    with reaching(settings) as reach, reach.engine.begin() as connection:
        gone = [worker.id for worker in workers.workers(connection) if not worker.is_living]
        count = workers.remove(connection, gone)
    return Repair("forget", True, f"{count} workers that are gone were forgotten.")


def _recover(settings: Settings, _state: State | None) -> Repair:
    with reaching(settings) as reach:
        swept = Recovery(reach.engine, reach.dispatcher, settings.crash_limit).sweep()
    what = f"{swept.freed} documents were taken from dead workers, {swept.sent} messages sent again."
    return Repair("recover", True, what)


def _restart(settings: Settings, state: State | None) -> Repair:
    with reaching(settings) as reach:
        deaf = reach.diagnosis.deaf_workers()
    ours = [worker for worker in deaf if _is_ours(worker, state)]
    for worker in ours:
        _stop(worker.pid)
    others = [worker.host.partition(":")[0] for worker in deaf if worker not in ours]
    what = f"{len(ours)} deaf workers were ended, to be started again by docmill up."
    if others:
        what += f" Not ours to restart: those on {', '.join(others)}."
    return Repair("restart", not others, what)


def _is_ours(worker: Worker, state: State | None) -> bool:
    here = state is not None and worker.host == this_host()
    return here and state is not None and worker.pid in {part.pid for part in state.parts}


def _stop(pid: int) -> None:
    try:
        process = psutil.Process(pid)
        process.terminate()
    except psutil.NoSuchProcess:
        return
    end([process], patience=_TO_STOP)


_FIXES: Mapping[Cause, _Fix] = {
    Cause.MIGRATION_MISSING: _migrate,
    Cause.WORKER_GONE: _forget,
    Cause.RECOVERY_SILENT: _recover,
    Cause.LEASE_EXPIRED: _recover,
    Cause.QUEUE_LOST: _recover,
    Cause.WORKER_DEAF: _restart,
}
