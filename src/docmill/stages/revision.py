"""What a version is made from: the file, or the version it is based on with some pages made anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from sqlalchemy import Engine

from docmill.db.bases import read_info
from docmill.db.content import read_blocks
from docmill.db.corrections import in_force
from docmill.db.engine import alone
from docmill.db.pages import read_pages
from docmill.domain.documents import Block, Page, Part, RawBlock, ReadInfo
from docmill.domain.ids import VersionRef
from docmill.domain.revision import Splice, corrected
from docmill.stages.contract import Base, Work

Items = Iterator[ReadInfo | Part]

_BLOCKS, _PAGES = 500, 20  # of a part


@dataclass(slots=True)
class _Anew:
    """What was read again of some pages."""

    notices: tuple[str, ...] = ()
    blocks: dict[int, tuple[RawBlock, ...]] = field(default_factory=dict)
    pages: dict[int, Page] = field(default_factory=dict)


class Revision:
    """Gives a version its parts, the same ones every time. What people corrected stays corrected in all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def items(self, work: Work, read: Callable[[], Items]) -> Items:
        """As Reader.read; `read` reads the file, which is done only where it is needed."""
        if work.published is None:  # nothing came before it
            yield from read()
            return
        with alone(self._engine) as connection:
            corrections = in_force(connection, work.version)
        made = read() if work.base is None else self._of_base(work, work.base, read)
        yield from corrected(made, corrections)

    def _of_base(self, work: Work, base: Base, read: Callable[[], Items]) -> Items:
        version = replace(work.version, version_id=base.version_id)
        anew = _read_again(read(), base.pages) if base.pages else None
        with alone(self._engine) as connection:
            info = read_info(connection, version, work.media_type)
        yield info if anew is None else replace(info, notices=anew.notices)
        anew = anew or _Anew()
        total = info.pages or 1
        splice = Splice(anew.blocks)
        for blocks in _batches(read_blocks(self._engine, version)):
            done = max((block.page or 0 for block in blocks), default=0)
            yield Part(tuple(splice.of(map(_raw, blocks))), min(done, total), total)
        yield Part(tuple(splice.rest()), total, total)
        yield from self._pages(version, anew.pages, total)

    def _pages(self, version: VersionRef, anew: dict[int, Page], total: int) -> Iterator[Part]:
        start = 1
        while True:
            with alone(self._engine) as connection:
                pages = read_pages(connection, version, start, _PAGES)
            if not pages:
                return
            yield Part((), total, total, pages=tuple(anew.get(page.number, page) for page in pages))
            start = pages[-1].number + 1


def _read_again(items: Items, wanted: Sequence[int]) -> _Anew:
    """What the file holds on these pages. A page without any text then has none."""
    anew = _Anew(blocks=dict.fromkeys(wanted, ()))
    for item in items:
        if isinstance(item, ReadInfo):
            anew.notices = item.notices
            continue
        for block in item.blocks:
            if block.page in anew.blocks:
                anew.blocks[block.page] += (block,)
        anew.pages |= {page.number: page for page in item.pages if page.number in anew.blocks}
    return anew


def _batches(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    left = iter(blocks)
    while batch := list(islice(left, _BLOCKS)):
        yield batch


def _raw(block: Block) -> RawBlock:
    """The block without its place."""
    return RawBlock(**{name: getattr(block, name) for name in RawBlock.__dataclass_fields__})
