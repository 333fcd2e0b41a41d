"""What a person is shown of a task, derived in this one place from what is stored.

One table decides what a stored state is called outside; how the stages weigh in a document's progress, and
how long they take, is in estimates.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from docmill.domain.estimates import Progress, weights, work_left
from docmill.domain.states import ENDED, QUEUE_OF_STAGE, Desired, StageName, Status, TaskStatus
from docmill.domain.waiting import (
    NOTHING_IN_THE_WAY,
    TRIED_AGAIN,
    Surroundings,
    Waiting,
    WaitingFor,
    waits_for,
)

_DOING: Mapping[StageName, tuple[str, str]] = {
    StageName.EXTRACT: ("Reading", "part"),
    StageName.OCR: ("Recognising text", "page"),
    StageName.CHUNK: ("Cutting into passages", "block"),
    StageName.EMBED: ("Computing vectors", "chunk"),
    StageName.INDEX: ("Indexing", "chunk"),
}

# What passes by itself, in a time that can be told.
_PASSING = TRIED_AGAIN | {WaitingFor.WORKER}

_MOST_BEFORE_PUBLISHED = 99.9
LAST_PLACE = 1_000  # farther back, a place in the line is not counted


@dataclass(frozen=True, slots=True)
class Naming:
    """Stored states that share a name outside. `started` None: either way."""

    name: TaskStatus
    status: frozenset[Status]
    desired: frozenset[Desired]
    started: bool | None = None


_ANY = frozenset(Desired)
_SHOWS_ERROR = frozenset({Status.FAILED, Status.QUEUED, Status.PAUSED})  # at work again, it may be overcome
_CAN_BE_RETRIED = frozenset({Status.FAILED, Status.CANCELLED})
_OPEN = frozenset(Status) - ENDED

NAMINGS: tuple[Naming, ...] = (
    Naming(TaskStatus.SUCCESS, frozenset({Status.SUCCEEDED}), _ANY),
    Naming(TaskStatus.FAILURE, frozenset({Status.FAILED}), _ANY),
    Naming(TaskStatus.CANCELLED, frozenset({Status.CANCELLED}), _ANY),
    Naming(TaskStatus.CANCELLED, _OPEN, frozenset({Desired.CANCEL})),
    Naming(TaskStatus.PAUSED, frozenset({Status.PAUSED}), frozenset({Desired.RUN, Desired.PAUSE})),
    Naming(TaskStatus.PAUSED, _OPEN - {Status.PAUSED}, frozenset({Desired.PAUSE})),
    Naming(TaskStatus.STARTED, frozenset({Status.RUNNING}), frozenset({Desired.RUN})),
    Naming(TaskStatus.STARTED, frozenset({Status.QUEUED}), frozenset({Desired.RUN}), started=True),
    Naming(TaskStatus.PENDING, frozenset({Status.QUEUED}), frozenset({Desired.RUN}), started=False),
)


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What is stored of a task. `retry_at` is set while it waits for a retry, `place` while in line.

    `retries` counts those of its stage, of at most `retry_limit`.
    `expected` are the seconds each stage should take it, empty when nothing was learned yet; `starts_in` the
    seconds until it is taken up; `around` is what stands in its way.
    """

    status: Status
    desired: Desired
    stage: StageName
    started: bool
    updated_at: datetime
    progress: Mapping[StageName, Progress]
    error: Mapping[str, Any] | None = None
    retry_at: datetime | None = None
    retries: int = 0
    retry_limit: int = 0
    pages: int | None = None
    missing_pages: int = 0
    total_chunks: int | None = None
    published: bool = False
    place: int | None = None
    expected: Mapping[StageName, float] = field(default_factory=dict)
    starts_in: float = 0.0
    around: Surroundings = NOTHING_IN_THE_WAY


@dataclass(frozen=True, slots=True)
class StatusView:
    """What is shown. `percent_complete` is 0-100; `eta_seconds` None when nobody can know it."""

    task_status: TaskStatus
    current_stage: StageName
    percent_complete: float
    eta_seconds: float | None
    settled: bool
    can_pause: bool
    can_resume: bool
    can_cancel: bool
    can_retry: bool
    ready: bool
    total_chunks: int | None
    message: str
    waiting: Waiting | None
    error: Mapping[str, Any] | None
    retries: int
    retry_limit: int
    next_attempt_at: datetime | None


def view(facts: TaskFacts) -> StatusView:
    """Everything that is shown of a task."""
    name = task_status(facts.status, facts.desired, facts.started)
    wanted_pause = facts.desired is Desired.PAUSE or facts.status is Status.PAUSED
    in_work = facts.status not in ENDED and facts.desired is not Desired.CANCEL
    return StatusView(
        task_status=name,
        current_stage=facts.stage,
        percent_complete=percent_complete(facts),
        eta_seconds=eta_seconds(facts),
        settled=facts.status is not Status.RUNNING or facts.desired is Desired.RUN,
        can_pause=in_work and not wanted_pause,
        can_resume=in_work and wanted_pause,
        can_cancel=in_work,
        can_retry=facts.status in _CAN_BE_RETRIED or _is_incomplete(facts),
        ready=facts.published,
        total_chunks=facts.total_chunks,
        message=_message(facts, name),
        waiting=waiting_for(facts),
        error=facts.error if facts.status in _SHOWS_ERROR and name is not TaskStatus.CANCELLED else None,
        retries=facts.retries,
        retry_limit=facts.retry_limit,
        next_attempt_at=facts.retry_at,
    )


def _is_incomplete(facts: TaskFacts) -> bool:
    """Whether it is published without pages that could not be read."""
    return facts.status is Status.SUCCEEDED and facts.missing_pages > 0


def task_status(status: Status, desired: Desired, started: bool) -> TaskStatus:
    """What a stored state is called outside."""
    return next(
        naming.name
        for naming in NAMINGS
        if status in naming.status and desired in naming.desired and naming.started in (None, started)
    )


def percent_complete(facts: TaskFacts) -> float:
    """Weighted share of the work that is done, 0-100; 100 only when published. Never less than before."""
    if facts.status is Status.SUCCEEDED:
        return 100.0
    shares = weights(facts.stage, facts.progress)
    earlier = sum(shares[stage] for stage in _before(facts.stage))
    done = earlier + shares[facts.stage] * _current(facts).reached
    return min(round(done, 1), _MOST_BEFORE_PUBLISHED)


def eta_seconds(facts: TaskFacts) -> float | None:
    """Seconds until publication; None where it has ended, waits for somebody, or nothing is known yet."""
    before = _seconds_before(facts)
    left = work_left(facts.stage, facts.progress, facts.expected)
    return None if before is None or left is None else round(before + left, 1)


def _seconds_before(facts: TaskFacts) -> float | None:
    """Seconds until a worker has it; None where that is up to somebody, or it has ended."""
    if facts.desired is not Desired.RUN:
        return None
    if facts.status is Status.RUNNING:
        return 0.0
    waiting = waiting_for(facts)
    if waiting is None or waiting.reason not in _PASSING or facts.stage in facts.around.outages:
        return None
    if facts.retry_at is None or facts.around.now is None:
        return facts.starts_in
    return (facts.retry_at - facts.around.now).total_seconds()


def _current(facts: TaskFacts) -> Progress:
    return facts.progress.get(facts.stage, Progress())


def _before(stage: StageName) -> list[StageName]:
    stages = list(StageName)
    return stages[: stages.index(stage)]


def waiting_for(facts: TaskFacts) -> Waiting | None:
    """What it waits for; None while it is in work and when it has ended."""
    if facts.status in ENDED or facts.desired is Desired.CANCEL:
        return None
    since = facts.updated_at
    if facts.status is Status.PAUSED or facts.desired is Desired.PAUSE:
        return Waiting(WaitingFor.RESUME, since)
    if facts.status is Status.RUNNING:
        return None
    held = facts.around.hold_of(facts.stage)
    if held is not None:
        return Waiting(WaitingFor.HOLD, max(since, held.since), detail=held.reason or None)
    outage = facts.around.outages.get(facts.stage)
    if outage is not None and (facts.retry_at is None or facts.retry_at <= outage.until):
        since = max(since, outage.since)
        return Waiting(waits_for(outage.code), since, until=outage.until, detail=outage.message)
    if facts.retry_at is not None:
        return _retry(facts, facts.retry_at)
    return Waiting(_who_takes_it(facts), since, None if _is_far_back(facts) else facts.place)


def _who_takes_it(facts: TaskFacts) -> WaitingFor:
    if not facts.around.broker_answers:
        return WaitingFor.BROKER
    return WaitingFor.WORKER if facts.around.serves(facts.stage) else WaitingFor.NO_WORKER


def _retry(facts: TaskFacts, due: datetime) -> Waiting:
    return Waiting(
        waits_for((facts.error or {}).get("code")),
        facts.updated_at,
        until=due,
        attempt=facts.retries,
        attempts=facts.retry_limit,
        detail=_reason(facts),
    )


def _message(facts: TaskFacts, name: TaskStatus) -> str:
    """One sentence for people."""
    match name:
        case TaskStatus.SUCCESS:
            found = f"Published: {_count(facts.total_chunks or 0, 'chunk')} can be found."
            lost = _count(facts.missing_pages, "page")
            return f"{found} Without {lost} that could not be read." if facts.missing_pages else found
        case TaskStatus.FAILURE:
            return f"Failed: {_reason(facts)}"
        case TaskStatus.CANCELLED:
            return "Cancelled. Retry it to start again."
        case TaskStatus.PAUSED if facts.status is Status.RUNNING:
            return f"Pausing at {facts.stage}: the step in work is finished first."
        case TaskStatus.PAUSED:
            return f"Paused at {facts.stage}. Everything done so far is kept."
    if facts.status is Status.RUNNING:
        return _working(facts)
    return _in_line(facts)


def _in_line(facts: TaskFacts) -> str:
    waiting = waiting_for(facts)
    match waiting.reason if waiting else None:
        case WaitingFor.HOLD:
            return _on_hold(facts)
        case reason if reason in TRIED_AGAIN and waiting is not None:
            which = f", retry {waiting.attempt} of {waiting.attempts}" if waiting.attempt else ""
            return f"Trying again at {waiting.until:%H:%M:%S (%Z)}{which}. {waiting.detail}"
        case WaitingFor.BROKER:
            return f"Waiting at {facts.stage}: the broker does not answer. It goes on when that is back."
        case WaitingFor.NO_WORKER:
            queue = QUEUE_OF_STAGE[facts.stage]
            return f"Waiting at {facts.stage}: no worker serves the queue {queue}. `docmill doctor` says why."
    if _is_far_back(facts):
        return f"Waiting in line at {facts.stage}, behind more than {LAST_PLACE:,} others"
    place = f", place {facts.place:,}" if facts.place else ""
    return f"Waiting in line at {facts.stage}{place}"


def _on_hold(facts: TaskFacts) -> str:
    held = facts.around.hold_of(facts.stage)
    assert held is not None
    what = "The installation drains" if held.drains else f"The stage {facts.stage} is held"
    why = f": {held.reason.rstrip('.')}" if held.reason else ""
    return f"{what} since {held.since:%Y-%m-%d %H:%M (%Z)}{why}. It goes on when that ends."


def _is_far_back(facts: TaskFacts) -> bool:
    return facts.place is not None and facts.place > LAST_PLACE


def _working(facts: TaskFacts) -> str:
    doing, unit = _DOING[facts.stage]
    current = _current(facts)
    if not current.total:
        return doing
    if facts.stage is StageName.EXTRACT and facts.pages == current.total:
        unit = "page"
    at = min(current.done + 1, current.total)
    if facts.stage is StageName.EXTRACT:
        return f"{doing} {unit} {at:,} of {current.total:,}"
    return f"{doing}: {unit} {at:,} of {current.total:,}"


def _reason(facts: TaskFacts) -> str:
    return str((facts.error or {}).get("message", "The reason was not recorded; see the log of the worker."))


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
