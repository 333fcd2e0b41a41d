"""The runner: the one place where a stage's steps become transactions.

Pause, resume, retry, progress, crash recovery and exactly-once results exist here, once, for every stage.
A message is only a hint: a claim that moves no row means it is stale, a duplicate, or not wanted now.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from docmill.db import outages, tasks
from docmill.db.engine import DATABASE_ERRORS, alone, typed
from docmill.db.line import more_urgent
from docmill.domain.documents import ChunkSettings, ReaderChoice
from docmill.domain.errors import DatabaseUnavailable, DocmillError, StepTooSlow
from docmill.domain.ids import VersionRef
from docmill.domain.interruptions import LeaseLost, PauseRequested, StageHeld, TurnOver, WorkerStopping
from docmill.domain.limits import UNLIMITED, StepLimits
from docmill.domain.recognition import ocr_settings
from docmill.domain.retries import RetryPolicy
from docmill.domain.states import QUEUE_OF_STAGE, Desired, EventKind, StageName
from docmill.logs import bind_log, get_logger
from docmill.pipeline.heartbeat import Heartbeat
from docmill.pipeline.outages import Services, what_is_away
from docmill.pipeline.owner import this_host, this_process
from docmill.ports import Dispatcher
from docmill.stages.contract import Base, Learned, Stage, Step, Work

log = get_logger(__name__)

LOOK_UP_SECONDS = 0.5  # between two looks at what is wanted while a step computes
NO_SERVICES: Services = {}


class Aside(Protocol):
    """A runner with engines of its own, for what passes while this one's are in use."""

    def run(self, task_id: UUID, stage: StageName) -> None:
        """As `Runner.run`; it takes a turn at most, but for reading a small file."""
        ...


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """What the runner needs to know of the installation. `queues` are those this worker serves."""

    queues: frozenset[str]
    lease_seconds: float = 30.0
    turn_seconds: float = 2.0
    limits: StepLimits = UNLIMITED
    is_aside: bool = False  # runs beside a task that waits for it, so it may not take long
    retries: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True)
class Ended:
    """A closed stage: this worker goes on with `following`, or tells others of `announce`; else published.

    `learned` is what its last step found out, which `following`, claimed before that was written, lacks.
    """

    following: tasks.Claim | None = None
    announce: StageName | None = None
    learned: Learned | None = None


def work_of(claim: tasks.Claim, learned: Learned | None = None) -> Work:
    """What the stage is handed of a claim, and of what the stage before has just learned here."""
    known = learned or _known(claim)
    return Work(
        task_id=claim.task_id,
        version=VersionRef(claim.tenant, claim.dataset_id, claim.document_id, claim.version_id),
        name=claim.name,
        media_type=claim.media_type,
        storage_key=claim.storage_key,
        chunking=ChunkSettings(**claim.settings["chunking"]),
        reader=ReaderChoice(claim.settings.get("reader", ReaderChoice.DOCMILL)),
        ocr=ocr_settings(claim.settings),
        language=known.language,
        total_chunks=known.total_chunks,
        cursor=claim.cursor,
        published=claim.published_version_id,
        base=_base_of(claim),
        depth=claim.depth,
        at_hand=known.at_hand,
    )


def _known(claim: tasks.Claim) -> Learned:
    language = (claim.language, claim.language_confidence or 0.0) if claim.language else None
    return Learned(language, claim.total_chunks or 0)


def _base_of(claim: tasks.Claim) -> Base | None:
    if claim.base_version_id is None:
        return None
    return Base(claim.base_version_id, tuple(claim.pages_to_read or ()))


class Runner:
    """Carries tasks through their stages inside one worker process."""

    def __init__(
        self,
        engine: Engine,
        stages: Mapping[StageName, Stage],
        dispatcher: Dispatcher,
        settings: RunnerSettings,
        is_stopping: Callable[[], bool],
        aside: Aside | None = None,
        services: Services = NO_SERVICES,
    ) -> None:
        self._engine = engine
        self._stages = stages
        self._order = list(stages)
        self._dispatcher = dispatcher
        self._settings = settings
        self._is_stopping = is_stopping
        self._aside = aside
        self._services = services
        self._served = [stage for stage in stages if QUEUE_OF_STAGE[stage] in settings.queues]
        self._claim: tasks.Claim | None = None
        self._turn_ends = self._looks_up = self._away = 0.0
        self._owner, self._host = str(this_process()), this_host()
        self._heartbeat = Heartbeat(engine, settings.lease_seconds, settings.limits)

    def run(self, task_id: UUID, stage: StageName) -> None:
        """Claim the task for this stage and carry it as far as this worker may."""
        self._turn_ends = time.monotonic() + self._settings.turn_seconds
        with alone(self._engine) as connection:
            claim = tasks.claim(connection, task_id, stage, self._owner, self._settings.lease_seconds)
        learned = None
        while claim is not None:
            with bind_log(
                document_id=str(claim.document_id), task_id=str(claim.task_id), stage=claim.stage.value
            ):
                ended = self._run_stage(claim, learned)
            claim, learned = ended.following, ended.learned

    def look_up(self) -> None:
        """For an engine that computes long: obey what is wanted of the task in hand, let urgent ones pass.

        What it raises ends the step, of which nothing is kept then. Cheap to call often.
        """
        claim, now = self._claim, time.monotonic()
        if claim is None or now < self._looks_up:
            return
        self._looks_up = now + LOOK_UP_SECONDS
        with alone(self._engine) as connection:
            orders = tasks.orders(connection, claim)
        if orders is None:
            raise LeaseLost
        self._obey(claim, orders)
        self._check_time(claim, self._heartbeat.step_seconds())

    def _check_time(self, claim: tasks.Claim, seconds: float) -> None:
        if seconds > self._settings.limits.soft_of(claim.stage):
            raise StepTooSlow

    def _run_stage(self, claim: tasks.Claim, learned: Learned | None) -> Ended:
        """Run one stage to its end, or as far as it may go; tells whether this worker goes on."""
        self._claim, self._looks_up = claim, time.monotonic() + LOOK_UP_SECONDS
        try:
            with self._heartbeat.keeping(claim):
                ended = self._run_steps(claim, work_of(claim, learned))
            self._tell(claim, ended)
            return ended
        except LeaseLost:
            log.info("lease_lost", fence=claim.fence)
            self._settle(claim, lambda connection: tasks.let_go(connection, claim, EventKind.LET_GO))
        except PauseRequested:
            self._pause(claim)
        except StageHeld:
            self._let_go(claim, EventKind.HELD)
        except WorkerStopping:
            self._let_go(claim, EventKind.LET_GO)
        except TurnOver:
            self._let_go(claim, EventKind.YIELDED)
            self._dispatcher.send(claim.stage, claim.task_id, claim.priority)
        except Exception as error:  # noqa: BLE001 - the one place where a stage's error becomes a row
            self._record_error(claim, error)
        finally:
            self._claim = None
        return Ended()

    def _run_steps(self, claim: tasks.Claim, work: Work) -> Ended:
        """Commit each step; the last one closes the stage in its own transaction."""
        steps = self._stages[claim.stage].run(work)
        try:
            for step, busy_seconds in self._timed(steps):
                ended = self._commit(claim, step, busy_seconds)
                if ended is not None:
                    return ended
        finally:
            _close(steps)
        with alone(self._engine) as connection:  # every step was committed by an earlier run
            ended = self._end_stage(connection, claim, self._after(claim.stage), None)
        if ended is None:
            raise LeaseLost
        return ended

    def _commit(self, claim: tasks.Claim, step: Step, busy_seconds: float) -> Ended | None:
        """All or nothing: results, cursor, lease, and what is desired; then obey."""
        made = tasks.Made(step.cursor, step.done, step.total, busy_seconds, step.results)
        ended = None
        with self._transaction(step) as connection:
            if step.last:
                ended = self._end_stage(connection, claim, self._after(claim.stage, step.skips), made)
            orders = None if ended else tasks.step(connection, claim, made, self._settings.lease_seconds)
            if ended is None and orders is None:
                raise LeaseLost
            learned = step.save(connection) if step.save else None
        if orders is None:
            return ended and replace(ended, learned=learned or step.learned)
        self._obey(claim, orders)
        self._check_time(claim, busy_seconds)
        return None

    def _transaction(self, step: Step) -> AbstractContextManager[Connection]:
        """What moves the task is a single statement, which needs none around it."""
        return self._engine.begin() if step.save else alone(self._engine)

    def _obey(self, claim: tasks.Claim, orders: tasks.Orders) -> None:
        if orders.desired is Desired.PAUSE:
            raise PauseRequested
        if orders.desired is Desired.CANCEL:
            raise LeaseLost
        if orders.held:
            raise StageHeld
        if self._is_stopping():
            raise WorkerStopping
        if time.monotonic() >= self._turn_ends:
            self._let_pass(claim)
            self._turn_ends = time.monotonic() + self._settings.turn_seconds

    def _let_pass(self, claim: tasks.Claim) -> None:
        """Once a turn: what is more urgent goes first. A small one is run here and now, and this task waits.

        A reading is not broken off for it: what was read would have to be read again.
        """
        urgent = None
        if not self._settings.is_aside:
            with alone(self._engine) as connection:
                urgent = more_urgent(connection, claim.priority, self._served)
            if urgent is None:
                return
        if urgent is not None and urgent.small and self._aside is not None:
            began = time.monotonic()
            self._heartbeat.rest()
            self._aside.run(urgent.task_id, urgent.stage)
            self._away += time.monotonic() - began
            self._heartbeat.begin_step()
        elif claim.stage is not StageName.EXTRACT:
            raise TurnOver

    def _timed(self, steps: Iterator[Step]) -> Iterator[tuple[Step, float]]:
        """Each step with the seconds it took to compute, without those in which urgent tasks passed."""
        started, self._away = time.monotonic(), 0.0
        for step in steps:
            yield step, max(time.monotonic() - started - self._away, 0.0)
            started, self._away = time.monotonic(), 0.0
            self._heartbeat.begin_step()

    def _end_stage(
        self,
        connection: Connection,
        claim: tasks.Claim,
        next_stage: StageName | None,
        last: tasks.Made | None,
    ) -> Ended | None:
        """Close the stage, with its last step if that is given, and name the next one, or publish; None when
        the task did not move.

        Nothing is sent before the commit.
        """
        if next_stage is None:
            return Ended() if tasks.publish(connection, claim, last) else None
        if self._may_run_on(claim, next_stage):
            lease = self._settings.lease_seconds
            following = tasks.run_on(connection, claim, next_stage, lease, last)
            if following is not None:
                return Ended(following=following)
        moved = tasks.hand_on(connection, claim, next_stage, last)
        return Ended(announce=next_stage) if moved else None

    def _may_run_on(self, claim: tasks.Claim, next_stage: StageName) -> bool:
        served = QUEUE_OF_STAGE[next_stage] in self._settings.queues
        return claim.run_on and served and not self._is_stopping()

    def _after(self, stage: StageName, skips: frozenset[StageName] = frozenset()) -> StageName | None:
        later = self._order[self._order.index(stage) + 1 :]
        return next((name for name in later if name not in skips), None)

    def _tell(self, claim: tasks.Claim, ended: Ended) -> None:
        """What the commit of a stage's end asks for."""
        if ended.announce is not None:
            self._dispatcher.send(ended.announce, claim.task_id, claim.priority)
        elif ended.following is None:
            log.info("published")

    def _pause(self, claim: tasks.Claim) -> None:
        def rest(connection: Connection) -> None:
            if not tasks.pause(connection, claim):  # resumed meanwhile, or lost
                tasks.let_go(connection, claim, EventKind.LET_GO)

        self._settle(claim, rest)
        log.info("paused")

    def _let_go(self, claim: tasks.Claim, kind: EventKind) -> None:
        self._settle(claim, lambda connection: tasks.let_go(connection, claim, kind))
        log.info("let_go", reason=kind.value)

    def _settle(self, claim: tasks.Claim, write: Callable[[Connection], object]) -> None:
        """Write what becomes of a task that is not carried on; where that cannot be kept, give it back."""
        try:
            with self._engine.begin() as connection:
                write(connection)
        except DATABASE_ERRORS as error:
            if typed(error) is None:
                raise
            self._give_back(claim)

    def _record_error(self, claim: tasks.Claim, error: Exception) -> None:
        """Turn what a stage raised into a row: fail, retry later, or give the task back."""
        error = typed(error) or error
        if not isinstance(error, DocmillError):
            log.exception("stage_failed_unexpectedly")
            error = DocmillError()
        if isinstance(error, DatabaseUnavailable):
            self._give_back(claim)
            return
        with self._heartbeat.keeping(claim):  # the answer may take long
            away = what_is_away(self._services, error)
        wait = self._set_back(claim, error, away)
        log.warning(
            "stage_failed",
            code=error.code,
            error=error.message,
            retry_in_seconds=wait,
            stage_rests=away is not None,
        )

    def _set_back(self, claim: tasks.Claim, error: DocmillError, away: DocmillError | None) -> float | None:
        """Try the task again later, and let its stage rest here while its service is `away`; or fail it.

        Who meets an outage is tried behind all others, and that counts: it may be the one that causes it.
        """
        queue, tried, chance = QUEUE_OF_STAGE[claim.stage], claim.errors, random.random()  # noqa: S311
        retries = self._settings.retries
        if away is None:
            wait = retries.wait(queue, error, tried, chance)
        else:
            wait = retries.behind_others(queue, tried, chance)

        def write(connection: Connection) -> None:
            if away is not None:
                seconds = retries.rest(queue, chance, error, away)
                outages.record(connection, claim.stage, self._host, away, seconds)
            if wait is None:
                tasks.fail(connection, claim, error.as_row())
            else:
                tasks.schedule_retry(connection, claim, error.as_row(), wait)

        self._settle(claim, write)
        return wait

    def _give_back(self, claim: tasks.Claim) -> None:
        """The database went away: when it is back within the lease, the task is queued again at once."""
        log.warning("database_unavailable")
        deadline = time.monotonic() + self._settings.lease_seconds
        pause = threading.Event()
        while time.monotonic() < deadline:
            try:
                with self._engine.begin() as connection:
                    tasks.let_go(connection, claim, EventKind.LET_GO)
            except SQLAlchemyError as error:
                log.info("database_still_unavailable", reason=type(error).__name__)
                pause.wait(1.0)
            else:
                return


def _close(steps: Iterator[Step]) -> None:
    close = getattr(steps, "close", None)
    if close is not None:
        close()
