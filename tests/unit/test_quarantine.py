"""Which pages a reader dies of is found by reading fewer and fewer at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from docmill.adapters.readers.pdf_pages import Selection, ranges
from docmill.adapters.readers.quarantine import Trial, lost_pages
from docmill.domain.documents import PageLoss
from docmill.domain.reading_errors import ReaderCrashed, ReaderTimeout


def reader_dying_of(*pages: int) -> tuple[Trial, list[int]]:
    """A trial that dies of these pages, and what it was asked to read."""
    asked: list[int] = []

    def trial(pieces: Sequence[Sequence[int]]) -> Iterator[None]:
        for piece in pieces:
            asked.extend(piece)
            if set(piece) & set(pages):
                raise ReaderCrashed
            yield

    return trial, asked


def always() -> bool:
    return True


def so_often(times: int) -> Callable[[], bool]:
    left = iter([True] * times)
    return lambda: next(left, False)


def test_one_page_among_a_thousand_is_found() -> None:
    trial, asked = reader_dying_of(617)
    lost = lost_pages(range(1, 1001), trial, always)
    assert list(lost) == [617]
    assert lost[617].code == "reader_crashed"
    assert len(asked) < 1100  # the others are read once, its neighbours a few times


def test_every_page_that_kills_is_found() -> None:
    trial, _ = reader_dying_of(1, 2, 40, 99)
    assert set(lost_pages(range(1, 100), trial, always)) == {1, 2, 40, 99}


def test_a_document_that_kills_whatever_is_read_is_not_tried_page_by_page() -> None:
    trial, asked = reader_dying_of(*range(1, 1001))
    assert set(lost_pages(range(1, 1001), trial, always)) == set(range(1, 1001))
    assert len(asked) < 200


def test_without_time_what_was_not_tried_is_lost_and_what_was_read_is_not() -> None:
    trial, _ = reader_dying_of(3)
    lost = lost_pages(range(1, 41), trial, so_often(1))
    assert lost[3].code == ReaderTimeout.code
    assert 1 not in lost
    assert 40 in lost


def test_no_page_no_trial() -> None:
    trial, asked = reader_dying_of(1)
    assert lost_pages([], trial, always) == {}
    assert asked == []


def test_a_selection_is_read_in_the_batches_of_the_whole_document() -> None:
    loss = PageLoss("reader_crashed", "The reader crashed on this page.")
    selection = Selection(first=999, lost={1001: loss})
    assert selection.batches(1003) == [[999, 1000], [1002, 1003]]
    assert Selection.of_row(selection.as_row()) == selection
    assert Selection(only=(5, 2000)).wanted(10) == [5]
    assert not selection.is_whole


def test_pages_are_named_as_the_engine_takes_them() -> None:
    assert ranges([1, 2, 3, 7, 9, 10]) == "1-3,7-7,9-10"
