"""Why work does not move: what the rows and the broker say of workers, queues, recovery and documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, Engine

from docmill.db import diagnosis as rows
from docmill.db import holds, outages, workers
from docmill.db.diagnosis import DocumentState
from docmill.db.engine import reaching_database
from docmill.db.workers import Worker
from docmill.domain.errors import DocumentNotFound
from docmill.domain.findings import Cause, Finding
from docmill.domain.states import ENDED, MAINTENANCE_QUEUE, QUEUE_OF_STAGE, Desired, StageName, Status
from docmill.domain.waiting import EVERY_STAGE, Outage, WaitingFor, waits_for
from docmill.pipeline.owner import Owner, is_gone
from docmill.ports import Dispatcher

_A_WHILE = 10.0  # seconds in which what is normal has passed by itself
_RETRIES = {
    WaitingFor.RETRY: (Cause.RETRY_WAITING, "retries"),
    WaitingFor.STORE: (Cause.STORE_UNREACHABLE, "store"),
    WaitingFor.MODEL: (Cause.MODEL_UNREACHABLE, "model"),
    WaitingFor.QUOTA: (Cause.QUOTA_EXCEEDED, "model"),
}
_TURNS = 5  # of recovery, after which its silence is not chance


class Diagnosis:
    """Looks and changes nothing. Every method raises DatabaseUnavailable."""

    def __init__(
        self,
        engine: Engine,
        dispatcher: Dispatcher,
        *,
        model: str | None,
        sweep_seconds: float,
        deaf_seconds: float,
    ) -> None:
        self._engine = engine
        self._dispatcher = dispatcher
        self._model = model
        self._silence = max(_A_WHILE, _TURNS * sweep_seconds)
        self._deaf_seconds = deaf_seconds

    @reaching_database
    def work(self) -> list[Finding]:
        """What stands in the way of documents, in all of the installation."""
        with self._engine.begin() as connection:
            known = workers.workers(connection)
            living = [worker for worker in known if worker.is_living]
            waiting = rows.waiting(connection, self._silence)
            return [
                *_gone(known),
                *self._silent(connection, living),
                *self._overdue(connection),
                *self._unserved(living, waiting),
                *self._deaf(living, waiting),
                *self._lost(living, waiting),
                *_held(connection),
                *_away(connection),
                *_retrying(connection),
                *self._unlike(connection),
            ]

    @reaching_database
    def document(self, document_id: UUID) -> Finding:
        """Where this document stands, and what it waits for. Raises DocumentNotFound."""
        with self._engine.begin() as connection:
            state = rows.document(connection, document_id)
            held, away = holds.holds(connection), outages.everywhere(connection)
        if state is None:
            raise DocumentNotFound
        cause, what = _standing(state, held, away)
        return Finding(cause, state.name, what)

    @reaching_database
    def unanswered(self, queues: Sequence[str]) -> list[Finding]:
        """What it means that a ping through these queues found no answer: nothing where all are at work."""
        with self._engine.begin() as connection:
            living = [worker for worker in workers.workers(connection) if worker.is_living]
        found = []
        for queue in queues:
            serving = [worker for worker in living if queue in worker.queues]
            if not serving or any(worker.idle_seconds is not None for worker in serving):
                what = f"Nobody answered; living workers that serve it: {len(serving)}."
                found.append(Finding(Cause.PING_UNANSWERED, f"queue {queue}", what))
        return found

    @reaching_database
    def deaf_workers(self) -> list[Worker]:
        """The workers that the finding `worker_deaf` is about."""
        with self._engine.begin() as connection:
            living = [worker for worker in workers.workers(connection) if worker.is_living]
            waiting = rows.waiting(connection, self._silence)
        return [worker for worker in living if self._unheard(worker, waiting)]

    def _silent(self, connection: Connection, living: list[Worker]) -> Iterator[Finding]:
        """Who has only just started had no time to be heard."""
        if living and all(worker.age_seconds < self._silence for worker in living):
            return
        ages = workers.ages(connection)
        recovery, beat = ages.get("recovery"), ages.get("beat")
        if recovery is None or recovery > self._silence:
            yield Finding(Cause.RECOVERY_SILENT, "recovery", f"It {_last(recovery)}.")
        broker_answers = self._dispatcher.waiting(MAINTENANCE_QUEUE) is not None
        if living and broker_answers and (beat is None or beat > self._silence):
            yield Finding(Cause.BEAT_SILENT, "beat", f"It {_last(beat)}.")

    def _overdue(self, connection: Connection) -> Iterator[Finding]:
        found = rows.overdue(connection, self._silence)
        if found.tasks:
            what = (
                f"{_count(found.tasks)} in the hands of workers whose lease ended {found.seconds:.0f} s ago."
            )
            yield Finding(Cause.LEASE_EXPIRED, "leases", what)

    def _unserved(self, living: list[Worker], waiting: Mapping[StageName, rows.Waiting]) -> Iterator[Finding]:
        for stage, some in waiting.items():
            queue = QUEUE_OF_STAGE[stage]
            if not any(queue in worker.queues for worker in living):
                what = f"{_count(some.tasks)} at {stage}, and no living worker serves the queue."
                yield Finding(Cause.NO_CONSUMER, f"queue {queue}", what)

    def _deaf(self, living: list[Worker], waiting: Mapping[StageName, rows.Waiting]) -> Iterator[Finding]:
        for worker in living:
            for queue in self._unheard(worker, waiting):
                what = f"Messages wait in {queue}, it has been idle for {worker.idle_seconds:.0f} s."
                yield Finding(Cause.WORKER_DEAF, _name(worker), what)

    def _unheard(self, worker: Worker, waiting: Mapping[StageName, rows.Waiting]) -> list[str]:
        """The queues with messages that this worker had all the time it needs to take."""
        if worker.idle_seconds is None or worker.idle_seconds < self._deaf_seconds:
            return []
        old = [QUEUE_OF_STAGE[stage] for stage, some in waiting.items() if some.seconds > self._deaf_seconds]
        return [queue for queue in old if queue in worker.queues and self._dispatcher.waiting(queue)]

    def _lost(self, living: list[Worker], waiting: Mapping[StageName, rows.Waiting]) -> Iterator[Finding]:
        """A process may just have taken a message and not claimed its task yet: so many may be missing."""
        for stage, some in waiting.items():
            queue = QUEUE_OF_STAGE[stage]
            messages = self._dispatcher.waiting(queue)
            in_hand = sum(len(worker.processes) for worker in living if queue in worker.queues)
            if messages is not None and some.old > messages + in_hand:
                what = f"{_count(some.old)} in line, and {messages} messages in the broker."
                yield Finding(Cause.QUEUE_LOST, f"queue {queue}", what)

    def _unlike(self, connection: Connection) -> Iterator[Finding]:
        count = rows.not_dense(connection, self._model) if self._model else 0
        if count:
            what = f"{_count(count)} found by words only: the vectors are not of this model."
            yield Finding(Cause.OTHER_MODEL, f"model {self._model}", what)


def _gone(known: list[Worker]) -> Iterator[Finding]:
    for worker in known:
        if not worker.is_living:
            what = f"Its last sign of life is {worker.silent_seconds:.0f} s old."
            yield Finding(Cause.WORKER_GONE, _name(worker), what)


def _held(connection: Connection) -> Iterator[Finding]:
    for hold in holds.holds(connection).values():
        yield _hold_finding(hold)


def _hold_finding(hold: holds.Hold) -> Finding:
    everything = hold.stage == EVERY_STAGE
    reason = f": {hold.reason}" if hold.reason else ""
    what = f"Since {hold.since:%Y-%m-%d %H:%M:%S %Z}{reason}."
    cause = Cause.DRAINING if everything else Cause.STAGE_HELD
    return Finding(cause, "all stages" if everything else f"stage {hold.stage}", what)


def _away(connection: Connection) -> Iterator[Finding]:
    for stage, outage in outages.every(connection):
        cause, _ = _RETRIES[waits_for(outage.code)]
        yield Finding(cause, f"stage {stage} on {outage.host.partition(':')[0]}", _rests(outage))


def _rests(outage: Outage) -> str:
    since, until = (f"{when:%Y-%m-%d %H:%M:%S %Z}" for when in (outage.since, outage.until))
    return f"It rests since {since}, and asks again at {until}. {outage.message} [{outage.code}]"


def _retrying(connection: Connection) -> Iterator[Finding]:
    for code, some in rows.retrying(connection).items():
        cause, subject = _RETRIES[waits_for(code)]
        what = f"{_count(some.tasks)} [{code}], the first is tried again in {some.seconds:.0f} s."
        yield Finding(cause, subject, what)


def _standing(
    state: DocumentState, held: Mapping[str, holds.Hold], away: Mapping[str, Outage]
) -> tuple[Cause, str]:
    """The cause that holds for this document now, and its facts."""
    status = Status(state.status)
    if status in ENDED:
        return _ended(state, status)
    if status is Status.PAUSED or state.desired == Desired.PAUSE:
        return Cause.DOCUMENT_PAUSED, f"Paused at {state.stage} for {state.seconds:.0f} s."
    if status is Status.RUNNING:
        return _running(state)
    hold, outage = held.get(state.stage) or held.get(EVERY_STAGE), away.get(state.stage)
    if hold is None and outage is not None:
        cause, _ = _RETRIES[waits_for(outage.code)]
        return cause, f"It waits at {state.stage}. {_rests(outage)}"
    if state.retry_seconds is not None and state.retry_seconds > 0:
        cause, _ = _RETRIES[waits_for((state.error or {}).get("code"))]
        return cause, f"Tried again at {state.stage} in {state.retry_seconds:.0f} s. {_reason(state)}"
    if hold is not None:
        finding = _hold_finding(hold)
        return finding.cause, f"It waits at {state.stage}, which is held. {finding.what}"
    queue = QUEUE_OF_STAGE[state.stage]
    return Cause.DOCUMENT_QUEUED, f"In line at {state.stage} for {state.seconds:.0f} s, in the queue {queue}."


def _ended(state: DocumentState, status: Status) -> tuple[Cause, str]:
    if status is Status.SUCCEEDED:
        return Cause.DOCUMENT_PUBLISHED, f"Published {state.seconds:.0f} s ago."
    if status is Status.CANCELLED:
        return Cause.DOCUMENT_CANCELLED, f"Cancelled at {state.stage}, {state.seconds:.0f} s ago."
    return Cause.DOCUMENT_FAILED, f"Failed at {state.stage}, {state.seconds:.0f} s ago. {_reason(state)}"


def _running(state: DocumentState) -> tuple[Cause, str]:
    owner = Owner.parse(state.owner or "")
    where = f"process {owner.pid} on {owner.host.partition(':')[0]}"
    overdue = state.overdue_seconds or 0.0
    if overdue > 0 or is_gone(owner):
        return Cause.LEASE_EXPIRED, f"At {state.stage}, {where} does not work on it any more."
    return Cause.DOCUMENT_RUNNING, f"At {state.stage}, by {where}; last step {state.seconds:.0f} s ago."


def _reason(state: DocumentState) -> str:
    error = state.error or {}
    return f"{error.get('message', 'The reason was not recorded.')} [{error.get('code', 'unknown')}]"


def _name(worker: Worker) -> str:
    return f"worker {worker.host.partition(':')[0]}/{worker.pid}"


def _last(seconds: float | None) -> str:
    return "has never run" if seconds is None else f"last ran {seconds:.0f} s ago"


def _count(tasks: int) -> str:
    return f"{tasks:,} document" if tasks == 1 else f"{tasks:,} documents"
