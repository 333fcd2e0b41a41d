"""Tables put in the place of the running text that an engine gives in their stead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from docmill.adapters.readers.tidy import table_block
from docmill.domain.documents import BlockKind, RawBlock, Table

_LOOKED_AHEAD = 500  # blocks in which a table is looked for behind the one before


class SaidTable(NamedTuple):
    """A table and the letters and digits of its cells, row by row."""

    table: Table
    letters: str


def with_letters(tables: Iterable[Table]) -> list[SaidTable]:
    """The tables with what is looked for in the text, those without a word left out."""
    told = (SaidTable(table, _letters(" ".join(" ".join(row) for row in table.rows))) for table in tables)
    return [each for each in told if each.letters]


def with_tables(blocks: Sequence[RawBlock], tables: Sequence[SaidTable]) -> Iterator[RawBlock]:
    """The blocks with each table in the place of the text that holds its very words, and no other."""
    said = [_letters(block.text) for block in blocks] if tables else []
    whole = "".join(said)
    at = 0
    for table, letters in tables:
        if letters not in whole:
            continue
        ahead = range(at, min(at + _LOOKED_AHEAD, len(blocks)))
        start, run = next(
            ((start, run) for start in ahead if (run := _run(said, start, letters))), (at, None)
        )
        if run is None:
            continue
        end, left = run
        yield from blocks[at:start]
        yield replace(table_block(table, blocks[start].page), lead=blocks[start].lead)
        if rest := _behind(blocks[end - 1].text, left):
            yield RawBlock(BlockKind.TEXT, rest, blocks[end - 1].page)
        at = end
    yield from blocks[at:]


def _run(said: Sequence[str], start: int, letters: str) -> tuple[int, int] | None:
    """Where the blocks from `start` on that say just this end, and how much of it the last one says."""
    if not said[start]:
        return None
    for at in range(start, len(said)):
        if said[at].startswith(letters):
            return at + 1, len(letters)
        if not letters.startswith(said[at]):
            return None
        letters = letters[len(said[at]) :]
    return None


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _behind(text: str, letters: int) -> str:
    """What stands behind the cell that ends with so many letters and digits of a text."""
    places = [at for at, sign in enumerate(text) if sign.isalnum()]
    return text[places[letters - 1] + 1 :].partition("\t")[2].strip()
