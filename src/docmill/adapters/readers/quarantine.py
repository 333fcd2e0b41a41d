"""Finds the pages of a document on which a reader dies, by reading fewer and fewer of them at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from docmill.domain.documents import PageLoss
from docmill.domain.reading_errors import ReaderCrashed, ReaderTimeout, ReaderTooLarge, Unreadable

PIECES = 20  # a run of pages is read in so many pieces
HOPELESS = 3  # when these are lost and none was read, it is not the pages
DEATHS: tuple[type[Unreadable], ...] = (ReaderCrashed, ReaderTooLarge, ReaderTimeout)

_WORDS = {
    ReaderCrashed.code: "The reader crashed on this page.",
    ReaderTooLarge.code: "Reading this page needed more memory or text than allowed.",
    ReaderTimeout.code: "Reading this page took longer than allowed.",
}
_NOT_TRIED = PageLoss(ReaderTimeout.code, "No time was left to read this page after the others were found.")

Trial = Callable[[Sequence[Sequence[int]]], Iterator[None]]


def lost_pages(pages: Sequence[int], trial: Trial, is_time_left: Callable[[], bool]) -> dict[int, PageLoss]:
    """The pages without which the rest can be read, and why each of them cannot.

    `trial` reads pieces of the document one after another and yields after each; it raises one of DEATHS
    where the reader dies. Pages that there was no time for count as lost; all of them, where it is not the
    pages that the reader dies of.
    """
    lost: dict[int, PageLoss] = {}
    runs, any_read = [list(pages)], False
    while runs:
        if not (run := runs.pop()):
            continue
        if not is_time_left() or (len(lost) >= HOPELESS and not any_read):
            lost.update(dict.fromkeys(run, _NOT_TRIED))
            continue
        pieces = _cut(run)
        passed, death = _passed(pieces, trial)
        any_read = any_read or passed > 0
        if death is None:
            continue
        runs.append(list(chain.from_iterable(pieces[passed + 1 :])))
        if len(pieces[passed]) > 1:
            runs.append(pieces[passed])
        else:
            lost[pieces[passed][0]] = PageLoss(death.code, _WORDS[death.code])
    return lost


def _cut(run: list[int]) -> list[list[int]]:
    size = max(1, -(-len(run) // PIECES))
    return [run[start : start + size] for start in range(0, len(run), size)]


def _passed(pieces: list[list[int]], trial: Trial) -> tuple[int, Unreadable | None]:
    """How many pieces were read, and what the reader died of in the next one."""
    passed = 0
    try:
        for _ in trial(pieces):
            passed += 1
    except DEATHS as death:
        return passed, death
    return passed, None
