"""Seconds of work and of waiting, learned from what was done."""

from __future__ import annotations

import pytest

from docmill.domain.estimates import (
    WEIGHTS,
    Evidence,
    Line,
    Progress,
    Rates,
    Size,
    Waiter,
    learn,
    part_done,
    work_left,
)
from docmill.domain.states import StageName

PDF, TEXT = "application/pdf", "text/plain"


def passed(stage: StageName, chunks: int, seconds: float, kind: str = TEXT) -> Evidence:
    """A document whose chunks have 1,000 characters, and in a PDF 5,000 bytes, else 1,000."""
    bytes_each = 5_000 if kind == PDF else 1_000
    return Evidence(stage, Size(kind, bytes_each * chunks, 1_000 * chunks, chunks), seconds)


def test_a_stage_costs_a_fixed_part_and_one_for_each_chunk() -> None:
    rates = learn(passed(StageName.EMBED, chunks, 0.5 + 0.02 * chunks) for chunks in (1, 10, 50, 200))

    assert rates.expected(Size(TEXT, 0, chunks=100))[StageName.EMBED] == pytest.approx(0.5 + 2.0)


def test_documents_of_one_size_teach_what_one_costs() -> None:
    rates = learn([passed(StageName.EMBED, 10, 1.0)] * 3)

    assert rates.expected(Size(TEXT, 0, chunks=20))[StageName.EMBED] == pytest.approx(2.0)


def test_reading_depends_on_the_format_and_a_chunk_does_not() -> None:
    rates = learn([passed(StageName.EXTRACT, 10, 5.0, PDF), passed(StageName.EXTRACT, 10, 0.1)])

    seconds = [rates.expected(Size(kind, 0, chunks=10))[StageName.EXTRACT] for kind in (PDF, TEXT)]
    assert seconds == pytest.approx([5.0, 0.1])
    assert rates.expected(Size("text/html", 0, chunks=10))[StageName.EXTRACT] == pytest.approx(2.5, rel=0.05)


def test_a_size_is_guessed_from_characters_and_before_them_from_bytes() -> None:
    rates = learn([passed(StageName.EMBED, 10, 1.0, PDF), passed(StageName.EMBED, 10, 1.0)])

    told = [
        rates.expected(size)[StageName.EMBED]
        for size in (Size(PDF, 50_000), Size(TEXT, 10_000), Size(PDF, 9, 20_000), Size(PDF, 9, 9, 40))
    ]
    assert told == pytest.approx([1.0, 1.0, 2.0, 4.0])


def test_a_stage_nobody_has_passed_takes_its_usual_share() -> None:
    expected = learn([passed(StageName.EMBED, 10, 7.5)]).expected(Size(TEXT, 0, chunks=10))

    assert expected == pytest.approx({stage: weight / 10 for stage, weight in WEIGHTS.items() if weight})


def test_what_is_newer_weighs_more() -> None:
    slow, fast = [passed(StageName.EMBED, 10, 3.0)] * 50, [passed(StageName.EMBED, 10, 1.0)] * 50

    assert learn([*slow, *fast]).expected(Size(TEXT, 0, chunks=10))[StageName.EMBED] > 2.7


def test_a_stage_in_work_teaches_by_the_part_that_is_done() -> None:
    size = Size(TEXT, 100_000, 100_000, 100)
    evidence = part_done(StageName.EMBED, size, Progress(25, 100, 5.0))

    assert learn([evidence]).expected(size)[StageName.EMBED] == pytest.approx(20.0)
    assert learn([part_done(StageName.EMBED, size, Progress())]) == Rates()


def test_nothing_learned_and_nothing_done_is_nothing_known() -> None:
    assert Rates().expected(Size(TEXT, 1_000, 1_000, 10)) == {}
    assert work_left(StageName.EMBED, {}, {}) is None
    assert work_left(StageName.EMBED, {StageName.EMBED: Progress(3, None, 1.0)}, {}) is None


def test_the_first_document_of_all_is_judged_by_its_own_rate() -> None:
    # 24 of 40 chunks took 6 s, so 16 more take 4 s; the index takes its share of what embed takes.
    left = work_left(StageName.EMBED, {StageName.EMBED: Progress(24, 40, 6.0)}, {})

    assert left == pytest.approx(4.0 + 10.0 * WEIGHTS[StageName.INDEX] / WEIGHTS[StageName.EMBED])


def test_the_rate_seen_in_a_stage_takes_over_from_the_one_that_was_learned() -> None:
    expected = {StageName.EMBED: 10.0, StageName.INDEX: 0.0}

    def left(done: int) -> float | None:
        """A stage of 100 chunks that turns out three times as slow as it should be."""
        progress = {StageName.EMBED: Progress(done, 100, 0.3 * done)}
        return work_left(StageName.EMBED, progress, expected)

    assert left(0) == pytest.approx(10.0)
    whole = [left(done) / (1 - done / 100) for done in range(0, 100, 10)]  # type: ignore[operator]
    assert whole == sorted(whole)
    assert 25 < whole[-1] < 30


def test_the_line_moves_up_when_a_process_is_free() -> None:
    waiters = [Waiter((0, number), seconds) for number, seconds in enumerate([10.0, 1.0, 1.0, 5.0])]
    line = Line([4.0, 6.0], waiters, processes=2)

    assert [line.starts_in((0, number)) for number in range(5)] == [4.0, 6.0, 7.0, 8.0, 13.0]
    assert line.starts_in((-1, 99)) == 4.0  # more urgent than all of them


def test_nobody_waits_while_a_process_is_free() -> None:
    assert Line([3.0], [], processes=2).starts_in((0, 0)) == 0.0
    assert Line([], [Waiter((0, 0), 5.0)], processes=3).starts_in((0, 1)) == 0.0


def test_far_back_in_line_everybody_takes_as_long_as_those_in_front() -> None:
    waiters = [Waiter((0, number), 2.0) for number in range(10)]
    line = Line([], waiters, processes=2, milestones=[((0, place - 1), place) for place in (10, 100, 200)])

    assert line.starts_in((0, 10)) == 10.0
    assert line.starts_in((0, 150)) == 10.0 + 90 * 2.0 / 2
    assert line.starts_in((0, 900)) == 10.0 + 190 * 2.0 / 2
