"""When a task is tried again: the error decides whether, the table when."""

from __future__ import annotations

import pytest

from docmill.domain.errors import Unavailable
from docmill.domain.reading_errors import DamagedFile
from docmill.domain.retries import BACKOFFS, LONGEST_WAIT_SECONDS, RetryPolicy
from docmill.domain.states import QUEUE_OF_STAGE

MIDDLE = 0.5  # of the jitter: no more and no less


def test_every_queue_has_a_row() -> None:
    assert BACKOFFS.keys() == set(QUEUE_OF_STAGE.values())


def test_the_waits_grow_and_end() -> None:
    policy = RetryPolicy()
    waits = [policy.wait("embed", Unavailable(), tried, MIDDLE) for tried in range(4)]
    assert waits == [60, 120, 240, None]


def test_the_first_wait_and_the_number_are_settings() -> None:
    policy = RetryPolicy(first_seconds=1, limit=5)
    waits = [policy.wait("embed", Unavailable(), tried, MIDDLE) for tried in range(6)]
    assert waits == [1, 2, 4, 4, 4, None]


def test_many_do_not_come_back_at_once() -> None:
    waits = [RetryPolicy().wait("index", Unavailable(), 0, chance) for chance in (0, 1)]
    assert waits == pytest.approx([54, 66])


def test_an_error_that_will_not_pass_is_not_tried_again() -> None:
    assert RetryPolicy().wait("extract", DamagedFile(), 0, MIDDLE) is None


@pytest.mark.parametrize(("asked", "waits"), [(5, 60), (90, 90), (1e9, LONGEST_WAIT_SECONDS)])
def test_a_service_that_asks_for_time_is_given_it_within_reason(asked: float, waits: float) -> None:
    error = Unavailable("The model is busy.", retry_after_seconds=asked)
    assert RetryPolicy().wait("embed", error, 0, MIDDLE) == waits


def test_a_service_that_is_away_is_asked_again_at_the_pace_of_first_retries_or_when_it_said() -> None:
    said = [
        [Unavailable(retry_after_seconds=seconds) for seconds in each] for each in ([5], [90, 5], [5, 1e9])
    ]
    assert [RetryPolicy().rest("embed", MIDDLE, *errors) for errors in said] == [60, 90, 3600]


def test_a_document_that_met_an_outage_lets_others_go_before_it_and_fails_if_it_always_does() -> None:
    waits = [RetryPolicy().behind_others("embed", tried, MIDDLE) for tried in range(4)]
    assert waits == [120, 180, 300, None]
