"""Which pages of a PDF are to be read: all of them, or what is left when some are left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from docmill.domain.documents import Page, PageLoss, Part, TextSource
from docmill.domain.limits import BATCH_PAGES

PART_PAGES = 20


@dataclass(frozen=True, slots=True)
class Selection:
    """Pages to read, from 1: from `first` on, or `only` these; the `lost` ones end the reader."""

    first: int = 1
    only: tuple[int, ...] = ()
    lost: Mapping[int, PageLoss] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the document."""
        return self == WHOLE

    def wanted(self, total: int) -> list[int]:
        """The numbers of the pages that are to be read."""
        pages = self.only or range(self.first, total + 1)
        return [page for page in pages if self.first <= page <= total and page not in self.lost]

    def batches(self, total: int) -> list[list[int]]:
        """The same, cut where the batches of the whole document are cut."""
        return [
            list(batch) for _, batch in groupby(self.wanted(total), lambda page: (page - 1) // BATCH_PAGES)
        ]

    def as_row(self) -> list[Any]:
        """The selection as part of a message."""
        lost = [[page, loss.code, loss.message] for page, loss in self.lost.items()]
        return [self.first, list(self.only), lost]

    @classmethod
    def of_row(cls, values: Sequence[Any]) -> Selection:
        """What `as_row` wrote."""
        first, only, lost = values
        return cls(first, tuple(only), {page: PageLoss(code, message) for page, code, message in lost})


WHOLE = Selection()


def ranges(pages: Iterable[int]) -> str:
    """Page numbers as the engine takes them: 1-4,6-6."""
    spans: list[list[int]] = []
    for page in pages:
        if spans and page == spans[-1][1] + 1:
            spans[-1][1] = page
        else:
            spans.append([page, page])
    return ",".join(f"{start}-{end}" for start, end in spans)


def page_count(path: Path) -> int:
    """How many pages PDFium counts; 0 when it cannot open the file."""
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(path) as document:
            return len(document)
    except pypdfium2.PdfiumError:
        return 0


def with_lost(parts: Iterable[Part], path: Path, lost: Mapping[int, PageLoss]) -> Iterator[Part]:
    """The parts, with the pages that could not be read where they belong. `lost` may grow meanwhile."""
    told = 0
    for part in parts:
        due = [(page, lost[page]) for page in sorted(lost) if told < page <= part.done]
        told = part.done
        yield replace(part, pages=(*part.pages, *_lost_pages(path, due))) if due else part


def _lost_pages(path: Path, lost: Iterable[tuple[int, PageLoss]]) -> Iterator[Page]:
    for number, loss in lost:
        width, height = _size(path, number)
        yield Page(number, width, height, source=TextSource.NONE, missing=loss)


def _size(path: Path, number: int) -> tuple[float, float]:
    """In points; nothing of a page that PDFium does not find."""
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(path) as document:
            width, height = document.get_page_size(number - 1)
    except pypdfium2.PdfiumError:
        return 0.0, 0.0
    return width, height
