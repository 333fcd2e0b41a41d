"""A worker is deaf when messages wait, somebody is free, and nobody takes them. Busy is not deaf."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest
from tests.polling import eventually

from docmill.worker.activity import Activity
from docmill.worker.hearing import Hearing

PATIENCE = 0.3


@pytest.fixture
def activity() -> Activity:
    """Two processes; this one plays both."""
    return Activity(2, ("extract", "embed"))


@pytest.fixture
def waiting() -> dict[str, int | None]:
    return {"extract": 0, "embed": 3}


@pytest.fixture
def hearing(activity: Activity, waiting: dict[str, int | None]) -> Hearing:
    def ping(queue: str) -> None:
        waiting[queue] = (waiting[queue] or 0) + 1

    return Hearing(activity, list(waiting), waiting.__getitem__, ping, PATIENCE)


def looks(hearing: Hearing, every: Callable[[], object] = lambda: None) -> list[str | None]:
    """What it says over three times its patience."""
    said: list[str | None] = []
    pause = threading.Event()
    for _ in range(30):
        every()
        said.append(hearing.deaf_on())
        pause.wait(PATIENCE / 10)
    return said


def test_messages_that_wait_beside_a_free_process_prove_it_after_a_ping(
    activity: Activity, hearing: Hearing, waiting: dict[str, int | None]
) -> None:
    activity.enter(0)
    activity.free()
    assert eventually(hearing.deaf_on) == "embed"
    assert waiting["embed"] == 4


def test_a_worker_whose_processes_are_all_busy_is_not_deaf(activity: Activity, hearing: Hearing) -> None:
    activity.enter(0)  # still loading its model
    activity.enter(1)
    with activity.working("extract"):
        assert not any(looks(hearing))


def test_a_worker_that_takes_from_the_queue_is_not_deaf_however_long_the_queue_is(
    activity: Activity, hearing: Hearing
) -> None:
    activity.enter(0)
    activity.free()

    def take() -> None:
        activity.enter(1)
        with activity.working("embed"):
            pass

    assert not any(looks(hearing, take))


def test_taking_from_another_queue_does_not_hide_that_one_is_not_heard(
    activity: Activity, hearing: Hearing
) -> None:
    activity.enter(0)
    activity.free()

    def take() -> None:
        activity.enter(1)
        with activity.working("extract"):
            pass

    assert "embed" in looks(hearing, take)


@pytest.mark.parametrize("count", [0, None], ids=["nothing waits", "the broker is away"])
def test_without_waiting_messages_there_is_nothing_to_hear(
    activity: Activity, hearing: Hearing, waiting: dict[str, int | None], count: int | None
) -> None:
    activity.enter(0)
    activity.free()
    waiting["embed"] = count
    assert not any(looks(hearing))


def test_a_process_that_still_loads_its_model_is_not_free(activity: Activity) -> None:
    activity.enter(0)
    assert activity.free_since() is None
    activity.free()
    assert activity.free_since()
    assert activity.processes() == [os.getpid()]
