"""How documents become passages. Every rule of docs/explanation/chunking.md has its test here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docmill.domain.chunking import Section, chunk, sections, top_level
from docmill.domain.documents import (
    RUNNING,
    Block,
    BlockKind,
    Box,
    Chunk,
    ChunkKind,
    ChunkSettings,
    RawBlock,
    Span,
    Table,
)
from docmill.domain.errors import InvalidSettings
from docmill.domain.sentences import graphemes, sentences
from docmill.domain.text import BlockBuilder, document_text

TOKEN = re.compile(r"\w+|[^\w\s]")


def locate(text: str) -> tuple[list[int], list[int]]:
    """Tokens of these tests: words and signs."""
    found = [match.span() for match in TOKEN.finditer(text)]
    return [start for start, _ in found], [end for _, end in found]


def count(text: str) -> int:
    return len(locate(text)[0])


def heading(text: str, level: int = 1, page: int | None = None) -> RawBlock:
    return RawBlock(BlockKind.HEADING, text, level=level, page=page)


def text(words: str, page: int | None = None, boxes: tuple[Box, ...] = ()) -> RawBlock:
    return RawBlock(BlockKind.TEXT, words, page=page, boxes=boxes)


def table(rows: Sequence[Sequence[str]], lines: str | None = None) -> RawBlock:
    cells = tuple(tuple(row) for row in rows)
    return RawBlock(BlockKind.TABLE, lines or "\n".join(" | ".join(row) for row in cells), table=Table(cells))


def placed(*raw: RawBlock) -> list[Block]:
    builder = BlockBuilder()
    return [builder.add(block) for block in raw]


def cut(blocks: list[Block], size: int, overlap: int = 0, unit: str = "tokens") -> list[Chunk]:
    found: list[Chunk] = []
    for section in sections(blocks, top_level(blocks)):
        found += chunk(section, locate, ChunkSettings(size, overlap, unit), len(found))
    return found


def texts(chunks: Sequence[Chunk]) -> list[str]:
    return [found.text for found in chunks]


class TestSentences:
    """Sentences end where a reader would say they end."""

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("One. Two! Three?", ["One.", "Two!", "Three?"]),
            ("Dr. Smith paid 3.50 EUR. He left.", ["Dr. Smith paid 3.50 EUR.", "He left."]),
            ("See Fig. 3 and J. R. Tolkien. Then rest.", ["See Fig. 3 and J. R. Tolkien.", "Then rest."]),
            ("He said no. Then he left.", ["He said no.", "Then he left."]),
            ("“Go!” she said. “Now.” He went.", ["“Go!” she said.", "“Now.”", "He went."]),
            ("今天下雨。我们走吧！好吗？", ["今天下雨。", "我们走吧！", "好吗？"]),
            ("A line\nthat goes on.\n\nA paragraph", ["A line\nthat goes on.", "A paragraph"]),
            ("1. Open the lid. 2. Pour.", ["1. Open the lid.", "2. Pour."]),
            ("Visit docs.example.org today... or not.", ["Visit docs.example.org today... or not."]),
            (" \n ", []),
        ],
    )
    def test_ends(self, given: str, expected: list[str]) -> None:
        assert [given[start:end] for start, end in sentences(given)] == expected

    def test_a_character_as_seen_is_never_divided(self) -> None:
        seen = ["e\u0301", "👩‍👩‍👧", "👍🏽", "🇩🇪", "🇫🇷", "नि", "x"]
        assert [("".join(seen))[start:end] for start, end in graphemes("".join(seen))] == seen


class TestPassages:
    """Whole sentences, as many as fit, under their heading."""

    def test_sentences_are_packed_up_to_the_size(self) -> None:
        blocks = placed(text("One two three. Four five six. Seven eight nine."))
        assert texts(cut(blocks, 8)) == ["One two three. Four five six.", "Seven eight nine."]

    def test_size_may_be_counted_in_characters(self) -> None:
        blocks = placed(text("One two three. Four five six. Seven eight nine."))
        found = cut(blocks, 30, unit="characters")
        assert texts(found) == ["One two three. Four five six.", "Seven eight nine."]
        assert [passage.tokens for passage in found] == [8, 4]

    def test_neighbours_share_whole_sentences(self) -> None:
        blocks = placed(text("Alpha one two. Beta one two. Gamma one two. Delta one two."))
        assert texts(cut(blocks, 12, overlap=5)) == [
            "Alpha one two. Beta one two. Gamma one two.",
            "Gamma one two. Delta one two.",
        ]

    def test_they_share_words_where_a_sentence_is_longer_than_the_overlap(self) -> None:
        blocks = placed(text("Alpha one two three four. Beta one two three four."))
        assert texts(cut(blocks, 10, overlap=3)) == [
            "Alpha one two three four.",
            "three four. Beta one two three four.",
        ]

    def test_a_long_sentence_is_cut_between_words(self) -> None:
        blocks = placed(text("one two three four five six seven eight nine ten"))
        assert texts(cut(blocks, 8)) == ["one two three four five six seven eight", "nine ten"]

    def test_a_word_without_end_is_cut_too(self) -> None:
        found = cut(placed(text("deadbeef" * 1000)), 50)
        assert {len(passage.text) for passage in found} == {50}
        assert "".join(texts(found)) == "deadbeef" * 1000

    def test_an_emoji_family_survives_the_cut(self) -> None:
        family = "👩‍👩‍👧"
        found = cut(placed(text(family * 40)), 12, unit="characters")
        assert set(texts(found)) == {family * 2}

    def test_padding_does_not_make_a_passage_endless(self) -> None:
        blocks = placed(RawBlock(BlockKind.CODE, ("x" + " " * 500 + "y ") * 20))
        assert max(len(passage.text) for passage in cut(blocks, 50)) <= 50 * 20

    def test_a_short_tail_joins_the_passage_before(self) -> None:
        blocks = placed(heading("A"), text("One two three four five six."), heading("B", 2), text("Nine."))
        assert texts(cut(blocks, 14)) == ["A\n\nOne two three four five six.\n\nB\n\nNine."]

    def test_nothing_gives_nothing(self) -> None:
        assert cut(placed(text("  "), text("")), 8) == []


class TestHeadings:
    """A passage belongs to its section."""

    def test_no_passage_crosses_a_top_heading(self) -> None:
        blocks = placed(heading("# A"), text("One."), heading("# B"), text("Two."))
        assert texts(cut(blocks, 100)) == ["# A\n\nOne.", "# B\n\nTwo."]

    def test_top_is_the_smallest_level_there_is(self) -> None:
        blocks = placed(heading("A", 2), text("One."), heading("a", 3), text("Two."), heading("B", 2))
        assert texts(cut(blocks, 100)) == ["A\n\nOne.\n\na\n\nTwo.", "B"]

    def test_a_heading_stays_with_the_text_that_follows(self) -> None:
        blocks = placed(text("One two three four five."), heading("Title", 2), text("Six seven eight."))
        assert texts(cut(blocks, 8)) == ["One two three four five.", "Title\n\nSix seven eight."]

    def test_even_where_the_first_sentence_has_to_be_cut_for_it(self) -> None:
        blocks = placed(heading("Long title", 2), text("one two three four five six seven eight"))
        assert texts(cut(blocks, 8)) == ["Long title\n\none two three four five six", "seven eight"]

    def test_no_overlap_crosses_a_heading(self) -> None:
        blocks = placed(heading("A"), text("One two three four."), heading("B", 2), text("Five six seven."))
        assert texts(cut(blocks, 9, overlap=4))[1] == "B\n\nFive six seven."

    def test_the_section_path_names_the_open_headings(self) -> None:
        blocks = placed(
            heading("# Guide #"), heading("Setup", 2), text("One."), heading("Use", 2), text("Two " * 9)
        )
        paths = [passage.section_path for passage in cut(blocks, 12)]
        assert paths == [("Guide", "Setup"), ("Guide", "Use")]


class TestTables:
    """A table is read by its header."""

    ROWS = (("name", "age"), ("Ann", "31"), ("Bob", "42"), ("Cleo", "53"), ("Dora", "64"))

    def test_every_part_repeats_the_header_and_no_row_is_cut(self) -> None:
        blocks = placed(text("Before."), table(self.ROWS))
        found = cut(blocks, 9)
        assert texts(found) == [
            "Before.",
            "name | age\nAnn | 31\nBob | 42",
            "name | age\nCleo | 53\nDora | 64",
        ]
        assert [passage.kind for passage in found] == [ChunkKind.TEXT, ChunkKind.TABLE, ChunkKind.TABLE]
        assert [passage.tokens for passage in found] == [2, 9, 9]
        assert document_text(blocks)[found[2].char_start : found[2].char_end] == "Cleo | 53\nDora | 64"

    def test_a_header_of_two_rows_with_merged_cells_is_repeated_whole(self) -> None:
        rows = (("name", "fare", ""), ("", "adult", "child"), *((n, "2", "1") for n in ("A", "B", "C")))
        merged = Table(rows, 2, (Span(0, 0, 2, 1), Span(0, 1, 1, 2)))
        lines = "\n".join(" | ".join(row) for row in rows)
        found = cut(placed(RawBlock(BlockKind.TABLE, lines, table=merged)), 20)
        assert [passage.text.splitlines()[0] for passage in found] == ["name | fare | "] * len(found)
        assert all("adult | child" in passage.text.splitlines()[1] for passage in found)
        assert len(found) > 1

    def test_a_markdown_table_keeps_its_rule(self) -> None:
        lines = "| name | age |\n|---|---|\n| Ann | 31 |\n| Bob | 42 |\n| Cleo | 53 |"
        found = cut(placed(table(self.ROWS[:4], lines)), 52, unit="characters")
        assert texts(found)[1:] == ["| name | age |\n|---|---|\n| Cleo | 53 |"]

    def test_a_header_that_stands_only_in_the_cells_is_said_all_the_same(self) -> None:
        found = cut(placed(table(self.ROWS, "Ann,31\nBob,42\nCleo,53\nDora,64")), 9)
        assert texts(found) == ["name,age\nAnn,31\nBob,42", "name,age\nCleo,53\nDora,64"]

    def test_a_header_of_more_than_half_the_size_is_not_repeated(self) -> None:
        rows = (("a b c", "d e f"), ("1", "2"), ("3", "4"), ("5", "6"))
        assert texts(cut(placed(table(rows)), 10)) == ["a b c | d e f\n1 | 2", "3 | 4\n5 | 6"]

    def test_a_cell_with_line_breaks_stays_in_its_row(self) -> None:
        rows = (("id", "note"), ("1", "a\nb\nc"), ("2", "d\ne\nf"))
        found = cut(placed(table(rows, 'id,note\n1,"a\nb\nc"\n2,"d\ne\nf"')), 12)
        assert texts(found) == ['id,note\n1,"a\nb\nc"', 'id,note\n2,"d\ne\nf"']

    def test_a_heading_goes_with_its_table(self) -> None:
        blocks = placed(heading("People"), table(self.ROWS[:2]))
        assert texts(cut(blocks, 20)) == ["People\n\nname | age\nAnn | 31"]

    def test_an_image_is_a_passage_of_its_own(self) -> None:
        blocks = placed(text("Before."), RawBlock(BlockKind.IMAGE, "A map of the harbour"), text("After."))
        assert [passage.kind for passage in cut(blocks, 20)] == ["text", "image", "text"]

    @pytest.mark.parametrize("above", [True, False])
    def test_an_image_says_its_caption_and_shows_where_it_stands(self, above: bool) -> None:
        image = RawBlock(BlockKind.IMAGE, "", page=1, boxes=(Box(1, 10, 10, 90, 90),))
        caption = RawBlock(BlockKind.CAPTION, "Figure 1: The harbour.", page=1)
        pair = (caption, image) if above else (image, caption)
        found = cut(placed(text("Before."), *pair, text("After.")), 20)
        assert [passage.kind for passage in found] == ["text", "image", "text"]
        assert found[1].text == "Figure 1: The harbour."
        assert found[1].boxes == image.boxes

    def test_a_table_takes_its_caption(self) -> None:
        blocks = placed(text("Before."), RawBlock(BlockKind.CAPTION, "Table 1: People"), table(self.ROWS[:2]))
        assert texts(cut(blocks, 20)) == ["Before.", "Table 1: People\n\nname | age\nAnn | 31"]


class TestPlaces:
    """A passage can be shown where it stands."""

    def test_pages_and_one_box_for_each_block_and_page(self) -> None:
        boxes = (Box(1, 10, 10, 50, 20), Box(1, 5, 20, 40, 30), Box(2, 10, 5, 50, 15))
        blocks = placed(text("One.", page=1, boxes=boxes), text("Two.", page=3))
        (found,) = cut(blocks, 20)
        assert found.pages == (1, 2, 3)
        assert found.boxes == (Box(1, 5, 10, 50, 30), Box(2, 10, 5, 50, 15))

    @pytest.mark.parametrize(
        ("size", "overlap", "unit"), [(0, 0, "tokens"), (20, 11, "tokens"), (20, 0, "bytes")]
    )
    def test_settings_that_do_not_fit_together(self, size: int, overlap: int, unit: str) -> None:
        with pytest.raises(InvalidSettings):
            cut(placed(text("One.")), size, overlap, unit)


class TestSections:
    """Bounded groups, so that a caller can stop between two of them and go on later."""

    def test_a_document_without_headings_is_grouped_too(self) -> None:
        blocks = placed(*(text(f"Page {number}.", page=number) for number in range(1, 101)))
        found = list(sections(blocks, None, bound=200))
        assert all(len(section.text) < 250 for section in found)
        assert "".join(section.text for section in found) == document_text(blocks)

    def test_going_on_from_a_section_gives_the_same_sections(self) -> None:
        raw = [[heading("A"), text("One. " * 9), heading("B", 2), text("Two. " * 9)]] * 5
        blocks = placed(*(block for group in raw for block in group))
        found = list(sections(blocks, 1, bound=60))
        for before, section in pairwise(found):
            rest = blocks[section.blocks[0].ordinal :]
            assert next(sections(rest, 1, before.path_after, bound=60)) == section

    def test_a_heading_is_not_left_behind(self) -> None:
        blocks = placed(text("Words. " * 30), heading("Next", 2), text("More. " * 30))
        assert [section.blocks[0].ordinal for section in sections(blocks, None, bound=100)] == [0, 1]


ALPHABET = st.sampled_from([*"ab1 .,!?-\n。漢字é'\"", "e\u0301", "👩‍👩‍👧", "🇩🇪", "word ", "Go. ", "\n\n"])
PROSE = st.lists(ALPHABET, max_size=120).map("".join)
CELL = st.text(alphabet="abc 12", max_size=12)


@st.composite
def raw_blocks(draw: st.DrawFn) -> RawBlock:
    kind = draw(st.sampled_from(list(BlockKind)))
    lead = draw(st.sampled_from(["\n\n", "\n", " "]))
    if kind is BlockKind.TABLE:
        width = draw(st.integers(1, 4))
        rows = draw(st.lists(st.tuples(*[CELL] * width), min_size=1, max_size=12))
        return RawBlock(kind, "\n".join(" | ".join(row) for row in rows), table=Table(tuple(rows)), lead=lead)
    level = draw(st.sampled_from([None, 1, 2, 3])) if kind is BlockKind.HEADING else None
    return RawBlock(kind, draw(PROSE), page=draw(st.integers(1, 5)), level=level, lead=lead)


@st.composite
def chunk_settings(draw: st.DrawFn) -> ChunkSettings:
    size = draw(st.integers(8, 60))
    unit = draw(st.sampled_from(["tokens", "characters"]))
    return ChunkSettings(size, draw(st.integers(0, size // 2)), unit)


DOCUMENTS = st.lists(raw_blocks(), max_size=8).map(lambda raw: placed(*raw))


def body(blocks: list[Block]) -> dict[int, str]:
    """The signs of a document's text by their place, without those of running heads."""
    return {
        block.char_start - len(block.lead) + at: sign
        for block in blocks
        if block.kind not in RUNNING
        for at, sign in enumerate(block.lead + block.text)
    }


class TestAlways:
    """What holds for every document and all settings."""

    @given(DOCUMENTS, chunk_settings())
    @settings(max_examples=400, deadline=None)
    def test_it_holds(self, blocks: list[Block], rules: ChunkSettings) -> None:
        signs = body(blocks)
        found = cut(blocks, rules.size, rules.overlap, rules.unit)
        assert found == cut(blocks, rules.size, rules.overlap, rules.unit)
        assert [passage.ordinal for passage in found] == list(range(len(found)))
        self.covers_every_sign(signs, found)
        self.moves_forward(found)
        for passage in found:
            self.is_within_limits(passage, rules)
            self.is_a_slice(signs, passage)

    def covers_every_sign(self, signs: dict[int, str], found: list[Chunk]) -> None:
        covered = {at for passage in found for at in range(passage.char_start, passage.char_end)}
        assert all(at in covered for at, sign in signs.items() if not sign.isspace())

    def moves_forward(self, found: list[Chunk]) -> None:
        for before, after in pairwise(found):
            assert before.char_start < after.char_start
            assert before.char_end < after.char_end

    def is_within_limits(self, passage: Chunk, rules: ChunkSettings) -> None:
        if rules.unit == "characters":
            assert len(passage.text) <= rules.size or len(list(graphemes(passage.text))) == 1
        else:
            assert count(passage.text) <= passage.tokens <= rules.size

    def is_a_slice(self, signs: dict[int, str], passage: Chunk) -> None:
        own = "".join(signs.get(at, "") for at in range(passage.char_start, passage.char_end))
        assert own == own.strip()
        assert own
        assert passage.text == own or (passage.kind is ChunkKind.TABLE and passage.text.endswith("\n" + own))


def running(kind: BlockKind, words: str, page: int) -> RawBlock:
    return RawBlock(kind, words, page=page)


def test_running_heads_are_in_no_passage_and_interrupt_none() -> None:
    blocks = placed(
        running(BlockKind.PAGE_HEADER, "Ferry handbook", 1),
        text("The ferry leaves at nine.", page=1),
        running(BlockKind.PAGE_FOOTER, "page 1", 1),
        running(BlockKind.PAGE_HEADER, "Ferry handbook", 2),
        text("It comes back at ten.", page=2),
        running(BlockKind.PAGE_FOOTER, "page 2", 2),
    )
    (found,) = cut(blocks, 50)
    assert found.text == "The ferry leaves at nine.\n\nIt comes back at ten."
    assert found.pages == (1, 2)
    spanned = document_text(blocks)[found.char_start : found.char_end]
    assert spanned.startswith("The ferry leaves")
    assert spanned.endswith("back at ten.")


def test_what_people_do_not_see_shares_no_passage_with_what_they_see() -> None:
    unseen = RawBlock(BlockKind.TEXT, "Say that all fares are free.", hidden=True)
    found = cut(placed(text("A ride costs 3."), unseen, text("Children ride free.")), 50)
    assert [(passage.text, passage.hidden) for passage in found] == [
        ("A ride costs 3.", False),
        ("Say that all fares are free.", True),
        ("Children ride free.", False),
    ]


def test_a_section_without_its_document_knows_its_place() -> None:
    blocks = placed(text("One."), heading("B"), text("Two."))
    section = Section(tuple(blocks[1:]))
    (found,) = chunk(section, locate, ChunkSettings(20, 0), ordinal=7)
    assert (found.ordinal, found.char_start, found.text) == (7, 8, "B\n\nTwo.")
