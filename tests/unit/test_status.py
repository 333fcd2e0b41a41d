"""What a person sees of a task, derived from what is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from docmill.domain.errors import (
    DatabaseBusy,
    DocmillError,
    ModelBusy,
    ModelUnavailable,
    QuotaExceeded,
    StorageFull,
    StorageUnavailable,
)
from docmill.domain.estimates import Progress
from docmill.domain.states import Desired, StageName, Status, TaskStatus
from docmill.domain.status import NAMINGS, TaskFacts, eta_seconds, percent_complete, view
from docmill.domain.waiting import Held, Outage, Surroundings, Waiting, WaitingFor

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

RUNNING = TaskFacts(
    status=Status.RUNNING,
    desired=Desired.RUN,
    stage=StageName.EMBED,
    started=True,
    updated_at=NOON,
    progress={
        StageName.EXTRACT: Progress(10, 10, 2.0, 1.0),
        StageName.CHUNK: Progress(80, 80, 0.1, 1.0),
        StageName.EMBED: Progress(24, 40, 6.0, 0.6),
    },
    pages=10,
    total_chunks=40,
)
QUEUED = replace(
    RUNNING, status=Status.QUEUED, stage=StageName.EXTRACT, started=False, progress={}, total_chunks=None
)

EXPECTED = {StageName.EXTRACT: 1.0, StageName.CHUNK: 0.5, StageName.EMBED: 6.0, StageName.INDEX: 0.5}


def at(stage: StageName, done: int, total: int | None) -> TaskFacts:
    reached = min(done / total, 1.0) if total else 0.0
    return replace(RUNNING, stage=stage, progress={stage: Progress(done, total, 1.0, reached)})


@pytest.mark.parametrize(
    ("status", "desired", "started", "shown"),
    [
        (Status.QUEUED, Desired.RUN, False, TaskStatus.PENDING),
        (Status.QUEUED, Desired.RUN, True, TaskStatus.STARTED),
        (Status.RUNNING, Desired.RUN, True, TaskStatus.STARTED),
        (Status.QUEUED, Desired.PAUSE, False, TaskStatus.PAUSED),
        (Status.RUNNING, Desired.PAUSE, True, TaskStatus.PAUSED),
        (Status.PAUSED, Desired.PAUSE, True, TaskStatus.PAUSED),
        (Status.RUNNING, Desired.CANCEL, True, TaskStatus.CANCELLED),
        (Status.CANCELLED, Desired.CANCEL, True, TaskStatus.CANCELLED),
        (Status.SUCCEEDED, Desired.RUN, True, TaskStatus.SUCCESS),
        (Status.FAILED, Desired.RUN, True, TaskStatus.FAILURE),
    ],
)
def test_each_stored_state_has_one_name(
    status: Status, desired: Desired, started: bool, shown: TaskStatus
) -> None:
    facts = replace(RUNNING, status=status, desired=desired, started=started)

    assert view(facts).task_status is shown


def test_the_table_names_every_state_exactly_once() -> None:
    for status, desired, started in product(Status, Desired, (True, False)):
        names = [
            naming
            for naming in NAMINGS
            if status in naming.status and desired in naming.desired and naming.started in (None, started)
        ]
        assert len(names) == 1, (status, desired, started)


@pytest.mark.parametrize(
    ("status", "desired", "pause", "resume", "cancel", "retry"),
    [
        (Status.QUEUED, Desired.RUN, True, False, True, False),
        (Status.RUNNING, Desired.RUN, True, False, True, False),
        (Status.RUNNING, Desired.PAUSE, False, True, True, False),
        (Status.PAUSED, Desired.PAUSE, False, True, True, False),
        (Status.RUNNING, Desired.CANCEL, False, False, False, False),
        (Status.SUCCEEDED, Desired.RUN, False, False, False, False),
        (Status.FAILED, Desired.RUN, False, False, False, True),
        (Status.CANCELLED, Desired.CANCEL, False, False, False, True),
    ],
)
def test_what_can_be_done(
    status: Status, desired: Desired, pause: bool, resume: bool, cancel: bool, retry: bool
) -> None:
    shown = view(replace(RUNNING, status=status, desired=desired))

    assert (shown.can_pause, shown.can_resume, shown.can_cancel, shown.can_retry) == (
        pause,
        resume,
        cancel,
        retry,
    )


def test_a_pause_shows_at_once_and_settles_when_the_worker_let_go() -> None:
    asked = view(replace(RUNNING, desired=Desired.PAUSE))
    assert (asked.task_status, asked.settled) == (TaskStatus.PAUSED, False)
    assert asked.message == "Pausing at embed: the step in work is finished first."

    rested = view(replace(RUNNING, status=Status.PAUSED, desired=Desired.PAUSE))
    assert (rested.task_status, rested.settled) == (TaskStatus.PAUSED, True)
    assert rested.waiting == Waiting(WaitingFor.RESUME, NOON)


@pytest.mark.parametrize(
    ("facts", "percent"),
    [
        (QUEUED, 0.0),
        (at(StageName.EXTRACT, 0, None), 0.0),
        (at(StageName.EXTRACT, 5, 10), 7.5),
        (at(StageName.CHUNK, 0, 80), 15.0),
        (at(StageName.EMBED, 24, 40), 65.0),
        (at(StageName.INDEX, 40, 40), 99.9),
        (at(StageName.INDEX, 41, 40), 99.9),
        (replace(RUNNING, status=Status.SUCCEEDED), 100.0),
        (replace(RUNNING, status=Status.FAILED), 65.0),
    ],
)
def test_percent_weighs_the_stages(facts: TaskFacts, percent: float) -> None:
    assert percent_complete(facts) == percent


@pytest.mark.parametrize("recognised", [False, True])
def test_percent_never_goes_back_on_the_way_through_the_stages(recognised: bool) -> None:
    stages = [stage for stage in StageName if recognised or stage is not StageName.OCR]
    passed: dict[StageName, Progress] = {}
    way: list[float] = []
    for stage in stages:
        for done in range(21):
            facts = at(stage, done, 20)
            way.append(percent_complete(replace(facts, progress={**passed, **facts.progress})))
        passed[stage] = Progress(20, 20, 1.0, 1.0)

    assert way == sorted(way)
    assert max(way) < 100


def test_the_time_left_follows_the_rate_seen_in_this_stage() -> None:
    # 24 of 40 chunks took 6 s, so 16 more take 4 s; the index usually takes a fifteenth of what embed takes.
    assert eta_seconds(RUNNING) == 4.7


def test_a_document_in_line_has_the_time_before_it_and_its_own() -> None:
    assert eta_seconds(replace(QUEUED, expected=EXPECTED)) == 8.0
    assert eta_seconds(replace(QUEUED, expected=EXPECTED, starts_in=20.0)) == 28.0
    assert eta_seconds(replace(QUEUED, expected=EXPECTED, status=Status.RUNNING)) == 8.0


@pytest.mark.parametrize(
    "facts",
    [
        QUEUED,
        at(StageName.EXTRACT, 0, 10),
        at(StageName.EXTRACT, 3, None),
        replace(RUNNING, desired=Desired.PAUSE),
        replace(RUNNING, status=Status.SUCCEEDED),
    ],
    ids=["queued", "before the first step", "total unknown", "pausing", "done"],
)
def test_a_time_nobody_can_know_is_not_invented(facts: TaskFacts) -> None:
    assert eta_seconds(facts) is None


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (replace(QUEUED, place=3), "Waiting in line at extract, place 3"),
        (replace(QUEUED, stage=StageName.EMBED, started=True), "Waiting in line at embed"),
        (at(StageName.EXTRACT, 0, None), "Reading"),
        (at(StageName.EXTRACT, 2, 10), "Reading page 3 of 10"),
        (replace(at(StageName.EXTRACT, 2, 7), pages=None), "Reading part 3 of 7"),
        (at(StageName.CHUNK, 79, 80), "Cutting into passages: block 80 of 80"),
        (RUNNING, "Computing vectors: chunk 25 of 40"),
        (at(StageName.INDEX, 40, 40), "Indexing: chunk 40 of 40"),
        (replace(RUNNING, status=Status.SUCCEEDED), "Published: 40 chunks can be found."),
        (replace(RUNNING, status=Status.SUCCEEDED, total_chunks=1), "Published: 1 chunk can be found."),
        (
            replace(
                RUNNING, status=Status.FAILED, error={"code": "no_text", "message": "No text was found."}
            ),
            "Failed: No text was found.",
        ),
    ],
)
def test_the_message_says_what_is_going_on(facts: TaskFacts, message: str) -> None:
    assert view(facts).message == message


RETRYING = replace(
    QUEUED,
    retry_at=NOON + timedelta(minutes=1),
    retries=1,
    retry_limit=3,
    error={"code": "database_busy", "message": "The database is full."},
)


def test_a_retry_says_when_and_why() -> None:
    shown = view(RETRYING)

    assert shown.message == "Trying again at 12:01:00 (UTC), retry 1 of 3. The database is full."
    assert shown.waiting == Waiting(
        WaitingFor.RETRY,
        NOON,
        until=shown.next_attempt_at,
        attempt=1,
        attempts=3,
        detail="The database is full.",
    )
    assert shown.error is not None
    assert (shown.retries, shown.retry_limit) == (1, 3)
    assert shown.next_attempt_at == NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StorageFull(), WaitingFor.STORE),
        (StorageUnavailable(), WaitingFor.STORE),
        (ModelUnavailable(), WaitingFor.MODEL),
        (ModelBusy(), WaitingFor.MODEL),
        (QuotaExceeded(), WaitingFor.QUOTA),
        (DatabaseBusy(), WaitingFor.RETRY),
    ],
)
def test_a_retry_for_want_of_something_says_of_what(error: DocmillError, reason: WaitingFor) -> None:
    shown = view(replace(RETRYING, error=error.as_row()))

    assert shown.waiting is not None
    assert (shown.waiting.reason, shown.waiting.detail) == (reason, error.message)
    assert shown.message.endswith(f"retry 1 of 3. {error.message}")
    assert shown.eta_seconds is None or shown.eta_seconds >= 60


def test_an_outage_says_what_is_away_and_when_it_is_asked_again() -> None:
    asked = NOON + timedelta(minutes=1)
    away = Outage("a-host:boot:1", NOON, asked, ModelUnavailable.code, "The model's server is away.")
    queued = replace(RETRYING, retry_at=None, around=Surroundings(NOON, outages={"extract": away}))

    shown = view(queued)
    assert shown.message == "Trying again at 12:01:00 (UTC). The model's server is away."
    assert shown.waiting == Waiting(WaitingFor.MODEL, NOON, until=asked, detail="The model's server is away.")
    assert shown.eta_seconds is None

    later = view(replace(queued, retry_at=asked + timedelta(minutes=3), retries=2))
    assert later.waiting is not None
    assert (later.waiting.attempt, later.waiting.until) == (2, asked + timedelta(minutes=3))


HELD = Held(NOON - timedelta(minutes=5), "a new model")
DRAINING = Held(NOON + timedelta(minutes=5), "", drains=True)


@pytest.mark.parametrize(
    ("around", "reason", "message"),
    [
        (
            Surroundings(holds={"extract": HELD}),
            WaitingFor.HOLD,
            "The stage extract is held since 2026-03-01 11:55 (UTC): a new model. It goes on when that ends.",
        ),
        (
            Surroundings(holds={"extract": HELD, "*": DRAINING}),
            WaitingFor.HOLD,
            "The installation drains since 2026-03-01 12:05 (UTC). It goes on when that ends.",
        ),
        (
            Surroundings(broker_answers=False),
            WaitingFor.BROKER,
            "Waiting at extract: the broker does not answer. It goes on when that is back.",
        ),
        (
            Surroundings(served=frozenset({"embed"})),
            WaitingFor.NO_WORKER,
            "Waiting at extract: no worker serves the queue extract. `docmill doctor` says why.",
        ),
        (Surroundings(holds={"embed": HELD}), WaitingFor.WORKER, "Waiting in line at extract, place 3"),
    ],
)
def test_what_stands_in_the_way_is_said(around: Surroundings, reason: WaitingFor, message: str) -> None:
    shown = view(replace(QUEUED, place=3, around=around))

    assert shown.message == message
    assert shown.waiting is not None
    assert shown.waiting.reason is reason


def test_a_hold_began_for_a_document_when_both_were_there() -> None:
    def since(held: Held) -> datetime | None:
        waiting = view(replace(QUEUED, around=Surroundings(holds={"*": held}))).waiting
        return waiting.since if waiting else None

    assert (since(HELD), since(DRAINING)) == (NOON, DRAINING.since)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("desired", list(Desired))
@pytest.mark.parametrize("around", [Surroundings(), Surroundings(holds={"*": HELD}, served=frozenset())])
def test_who_is_not_in_work_and_has_not_ended_waits_for_something(
    status: Status, desired: Desired, around: Surroundings
) -> None:
    shown = view(replace(QUEUED, status=status, desired=desired, around=around))
    works = status is Status.RUNNING and desired is Desired.RUN
    ended = shown.task_status in {TaskStatus.SUCCESS, TaskStatus.FAILURE, TaskStatus.CANCELLED}

    assert (shown.waiting is None) == (works or ended)


def test_the_time_left_is_not_told_while_it_is_up_to_somebody() -> None:
    for around in (Surroundings(holds={"*": HELD}), Surroundings(served=frozenset())):
        assert eta_seconds(replace(QUEUED, expected=EXPECTED, around=around)) is None


def test_the_wait_for_a_retry_is_part_of_the_time_left() -> None:
    at_noon = Surroundings(NOON)

    assert eta_seconds(replace(RETRYING, expected=EXPECTED, around=at_noon)) == 68.0


def test_an_error_that_was_overcome_is_not_shown() -> None:
    assert view(replace(RUNNING, error={"code": "storage_unavailable", "message": "…"})).error is None


def test_a_document_stays_ready_while_its_next_version_is_built() -> None:
    assert view(replace(RUNNING, published=True)).ready
    assert not view(RUNNING).ready
