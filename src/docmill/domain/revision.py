"""A document's blocks with those of some pages replaced, in reading order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from docmill.domain.documents import BlockKind, Page, Part, RawBlock, ReadInfo, TextSource

CORRECTED = "Corrected by a person: page "  # begins the notice that tells so

_BLANK_LINES = re.compile(r"\n\s*\n")
_BETWEEN = "\n\n"


def paragraphs(page: int, text: str) -> tuple[RawBlock, ...]:
    """A page's text as blocks: a paragraph ends at a blank line."""
    pieces = (piece.strip() for piece in _BLANK_LINES.split(text.replace("\r\n", "\n").replace("\r", "\n")))
    return tuple(RawBlock(BlockKind.TEXT, piece, page=page) for piece in pieces if piece)


def tidy(text: str) -> str:
    """The text of a page that is given this one: what `paragraphs` makes of it, joined."""
    return _BETWEEN.join(block.text for block in paragraphs(0, text))


class Splice:
    """Puts the new blocks of some pages where their old ones stood, or would have stood.

    Blocks go through it in reading order; `rest` is what belongs behind the last of them.
    """

    def __init__(self, pages: Mapping[int, tuple[RawBlock, ...]]) -> None:
        self._pages = pages
        self._waiting = sorted(pages)
        self._begun = False  # some text went out already, so that what follows needs a lead
        self._is_new = False  # what went out last was new

    def of(self, blocks: Iterable[RawBlock]) -> Iterator[RawBlock]:
        """These blocks, the new ones in place of those that are replaced."""
        if not self._pages:
            yield from blocks
            return
        for block in blocks:
            if block.page is not None:
                yield from self._until(block.page)
            if block.page not in self._pages:
                yield self._led(block, is_new=False)

    def rest(self) -> Iterator[RawBlock]:
        """The blocks of pages behind every page that had any."""
        if self._waiting:
            yield from self._until(self._waiting[-1])

    def _until(self, page: int) -> Iterator[RawBlock]:
        while self._waiting and self._waiting[0] <= page:
            for block in self._pages[self._waiting.pop(0)]:
                yield self._led(block, is_new=True)

    def _led(self, block: RawBlock, *, is_new: bool) -> RawBlock:
        """The block with a lead that fits its new neighbours; one without text has none."""
        if not block.text:
            return block
        if not self._begun:
            block = replace(block, lead="")
        elif not block.lead and (is_new or self._is_new):
            block = replace(block, lead=_BETWEEN)
        self._begun, self._is_new = True, is_new
        return block


def corrected(items: Iterable[ReadInfo | Part], corrections: Mapping[int, str]) -> Iterator[ReadInfo | Part]:
    """What was read, with the pages that people corrected as they wrote them. Those that are gone are not."""
    splice = Splice({})
    last: Part | None = None
    there: frozenset[int] = frozenset()
    for item in items:
        if isinstance(item, ReadInfo):
            there = frozenset(page for page in corrections if page <= (item.pages or 0))
            splice = Splice({page: paragraphs(page, corrections[page]) for page in there})
            yield _with_notice(item, there)
            continue
        last = item
        if not there:
            yield item
            continue
        pages = tuple(_as_corrected(page) if page.number in there else page for page in item.pages)
        yield replace(item, blocks=tuple(splice.of(item.blocks)), pages=pages)
    if last is not None and (rest := tuple(splice.rest())):
        yield Part(rest, last.done, last.total)


def _with_notice(info: ReadInfo, pages: frozenset[int]) -> ReadInfo:
    notices = tuple(notice for notice in info.notices if not notice.startswith(CORRECTED))
    if pages:
        listed = ", ".join(f"{page:,}" for page in sorted(pages)[:20])
        more = f" and {len(pages) - 20:,} more" if len(pages) > 20 else ""
        notices = (*notices, f"{CORRECTED}{listed}{more}.")
    return replace(info, notices=notices)


def _as_corrected(page: Page) -> Page:
    """The page as it is known when a person wrote its text: nothing is missing or doubtful any more."""
    return Page(page.number, page.width, page.height, page.rotation, TextSource.CORRECTION)
