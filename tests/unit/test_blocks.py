"""Blocks have a place in the document's text, and the text can be shown as Markdown."""

from __future__ import annotations

from docmill.domain.documents import BlockKind, RawBlock, Table
from docmill.domain.text import BlockBuilder, document_text, to_markdown

HEADING = RawBlock(BlockKind.HEADING, "Fares", level=2, lead="")
TEXT = RawBlock(BlockKind.TEXT, "A ride costs £3 🚢.")
TABLE = RawBlock(BlockKind.TABLE, "From | To\nA|B | C", table=Table((("From", "To"), ("A|B", "C"))))


def test_every_block_knows_where_its_text_lies() -> None:
    builder = BlockBuilder()
    blocks = [builder.add(raw) for raw in (HEADING, TEXT, TABLE)]
    text = document_text(blocks)
    assert text == "Fares\n\nA ride costs £3 🚢.\n\nFrom | To\nA|B | C"
    assert [text[block.char_start : block.char_end] for block in blocks] == [
        raw.text for raw in (HEADING, TEXT, TABLE)
    ]
    assert [block.ordinal for block in blocks] == [0, 1, 2]


def test_a_builder_goes_on_where_an_earlier_one_stopped() -> None:
    whole, first = BlockBuilder(), BlockBuilder()
    expected = [whole.add(raw) for raw in (HEADING, TEXT, TABLE)]
    first.add(HEADING)
    second = BlockBuilder(first.next_ordinal, first.next_char)
    assert [second.add(raw) for raw in (TEXT, TABLE)] == expected[1:]


def test_white_space_before_the_first_block_counts() -> None:
    block = BlockBuilder().add(RawBlock(BlockKind.TEXT, "late", lead="\n\n"))
    assert (block.char_start, block.char_end) == (2, 6)


def test_markdown_marks_headings_and_draws_tables() -> None:
    assert to_markdown([HEADING, TABLE]) == "## Fares\n\n| From | To |\n| --- | --- |\n| A\\|B | C |\n"


def test_markdown_keeps_marks_that_stand_in_the_source() -> None:
    source = [
        RawBlock(BlockKind.HEADING, "# Title", level=1),
        RawBlock(BlockKind.HEADING, "Under\n-----", level=2),
        RawBlock(BlockKind.CODE, "~~~\nx\n~~~"),
    ]
    assert to_markdown(source) == "# Title\n\nUnder\n-----\n\n~~~\nx\n~~~\n"


def test_markdown_fences_code_that_holds_fences() -> None:
    assert to_markdown([RawBlock(BlockKind.CODE, "a ``` b")]) == "````\na ``` b\n````\n"


def test_markdown_keeps_list_items_together_and_leaves_out_what_has_no_text() -> None:
    items = [RawBlock(BlockKind.LIST, f"- {word}", lead="\n") for word in ("one", "two")]
    assert to_markdown([*items, RawBlock(BlockKind.IMAGE, "")]) == "- one\n- two\n"
    assert to_markdown([]) == ""
