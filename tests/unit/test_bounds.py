"""What a reader yields is bounded before it leaves the child: blocks, parts, and nothing of the text lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from docmill.adapters.readers.bounds import BLOCK_CHARACTERS, bounded
from docmill.adapters.readers.parts import PART_BLOCKS, PART_CHARACTERS
from docmill.domain.documents import BlockKind, Part, RawBlock, Table
from docmill.domain.text import document_text

words = st.integers(1, 40).map(lambda number: "river " * number + "x" * number)


@given(st.lists(st.tuples(words, st.integers(1, 900)), min_size=1, max_size=6))
def test_the_text_stays_the_same_to_the_character(long: list[tuple[str, int]]) -> None:
    blocks = tuple(RawBlock(BlockKind.TEXT, word * times) for word, times in long)
    parts = list(bounded(Part(blocks, 3, 3)))
    pieces = [block for part in parts for block in part.blocks]

    assert document_text(pieces) == document_text(blocks)
    assert all(len(piece.text) <= BLOCK_CHARACTERS for piece in pieces)
    assert [part.done for part in parts][-1] == 3


def test_a_string_without_a_space_is_cut_all_the_same() -> None:
    (part, *more) = bounded(Part((RawBlock(BlockKind.CODE, "A" * 1_000_000),), 1, 1))
    sizes = [len(block.text) for one in (part, *more) for block in one.blocks]
    assert sum(sizes) == 1_000_000
    assert max(sizes) <= BLOCK_CHARACTERS
    assert max(sum(len(b.text) for b in one.blocks) for one in (part, *more)) <= 2 * PART_CHARACTERS


def test_a_sheet_of_many_blocks_goes_in_portions_that_tell_no_progress_too_early() -> None:
    rows = tuple(RawBlock(BlockKind.TEXT, f"row {number}") for number in range(5 * PART_BLOCKS))
    parts = list(bounded(Part(rows, 2, 4)))
    assert [len(part.blocks) for part in parts] == [PART_BLOCKS] * 5
    assert [part.done for part in parts] == [1, 1, 1, 1, 2]


def test_an_empty_part_still_tells_how_far_it_is() -> None:
    assert list(bounded(Part((), 7, 9))) == [Part((), 7, 9)]


@given(st.integers(1, 400), st.integers(0, 3), st.booleans())
def test_a_long_table_goes_in_pieces_of_whole_rows_that_each_know_the_header(
    width: int, heads: int, ruled: bool
) -> None:
    rows = tuple((f"berth {number}", "boat " * width) for number in range(120))
    lines = [" | ".join(row) for row in rows]
    if ruled:
        lines.insert(heads, "--- | ---")
    table = RawBlock(BlockKind.TABLE, "\n".join(lines), table=Table(rows, heads))

    pieces = [block for part in bounded(Part((table,), 1, 1)) for block in part.blocks]

    assert document_text(pieces) == document_text([table])
    assert all(len(piece.text) <= BLOCK_CHARACTERS for piece in pieces)
    tables = [piece.table for piece in pieces if piece.table]
    assert [table.header_rows for table in tables] == [heads] * len(pieces)
    assert tables[0].rows[:heads] == rows[:heads]
    assert [row for table in tables for row in table.rows[heads:]] == list(rows[heads:])
    for piece, table_of_piece in zip(pieces, tables, strict=True):
        assert piece.text.endswith(" | ".join(table_of_piece.rows[-1]))
