"""What is made of recognised words, and which text layers are trusted."""

from __future__ import annotations

import pytest

from docmill.domain.documents import BlockKind, Page, Word
from docmill.domain.recognition import (
    Line,
    OcrMode,
    OcrSettings,
    Paragraph,
    as_stored,
    blocks_of,
    joined,
    legible,
    ocr_settings,
    with_reason,
)
from docmill.domain.text_layer import agreement, is_garbage, ocr_reason

SENTENCE = "The last ferry to Osier Island leaves Millgate at nine, and the first one at six."


def words(text: str, *, top: float = 0.0, confidence: float = 0.9) -> tuple[Word, ...]:
    """The words of a line, ten points wide each."""
    return tuple(
        Word(word, confidence, at * 12.0, top, at * 12.0 + 10, top + 10)
        for at, word in enumerate(text.split())
    )


def paragraph(*lines: str, height: float = 10.0) -> Paragraph:
    """Lines below one another."""
    return Paragraph(tuple(Line(words(line, top=at * 12.0), height) for at, line in enumerate(lines)))


def test_large_letters_are_headings_and_the_larger_the_higher() -> None:
    page = [
        paragraph("Winter timetable", height=22),
        paragraph("Osier Island", height=14),
        paragraph(SENTENCE, SENTENCE),
    ]
    assert [(block.kind, block.level) for block in blocks_of(page, 1)] == [
        (BlockKind.HEADING, 1),
        (BlockKind.HEADING, 3),
        (BlockKind.TEXT, None),
    ]


def test_a_block_has_the_box_around_its_words() -> None:
    (block,) = blocks_of([paragraph("one two", "three")], 4)
    (box,) = block.boxes
    assert (box.page, box.x0, box.y0, box.x1, box.y1) == (4, 0, 0, 22, 22)


def test_marks_make_a_list_and_a_year_does_not() -> None:
    blocks = blocks_of([paragraph("• dogs", "• bicycles and", "prams"), paragraph("1. of May is free.")], 1)
    assert [(block.kind, block.text, block.lead) for block in blocks] == [
        (BlockKind.LIST, "• dogs", "\n\n"),
        (BlockKind.LIST, "• bicycles and prams", "\n"),
        (BlockKind.TEXT, "1. of May is free.", "\n\n"),
    ]


def test_a_paragraph_that_was_cut_in_mid_sentence_is_one() -> None:
    first, second = blocks_of(
        [paragraph("because its chains"), paragraph("have worn thin."), paragraph("the end")], 1
    )
    assert (first.text, second.text) == ("because its chains have worn thin.", "the end")


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["a time-", "table"], "a timetable"),
        (["Millgate-", "Osier"], "Millgate- Osier"),
        (["from 9 -", "to 10"], "from 9 - to 10"),
    ],
)
def test_words_that_were_divided_become_whole(lines: list[str], text: str) -> None:
    assert joined(lines) == text


def test_lines_that_are_no_text_are_left_out() -> None:
    noise = Line(words("|| ~ |"), 10)
    unsure = Line(words("xq zz", confidence=0.2), 10)
    good = Line(words("the ferry"), 10)
    assert legible([Paragraph((noise, good, unsure)), Paragraph((noise,))]) == (Paragraph((good,)),)


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        (SENTENCE, {}, None),
        ("", {}, "no_text"),
        ("page 3", {}, None),
        ("page 3", {"pictured": 0.9}, "no_text"),
        ("\ue001\ue002\ue003 \ue004\ue005", {}, "garbage"),
        (SENTENCE, {"pictured": 0.9}, None),
        (SENTENCE, {"pictured": 0.9, "veiled": True}, "differs_from_picture"),
    ],
)
def test_a_page_says_why_its_text_is_not_trusted(
    text: str, more: dict[str, float], reason: str | None
) -> None:
    assert ocr_reason(text, **more) == reason  # type: ignore[arg-type]


def test_letters_that_stand_for_others_are_garbage_and_languages_are_not() -> None:
    without_vowels = str.maketrans("aeio", "bfjp")
    assert is_garbage((SENTENCE * 3).translate(without_vowels))
    for text in (
        SENTENCE * 3,
        "Poslední trajekt na ostrov odplouvá v devět hodin, první v šest. " * 3,
        "北京 на реке",
    ):
        assert not is_garbage(text)


def test_agreement_is_the_share_of_what_is_seen() -> None:
    assert agreement(SENTENCE, "the last ferry leaves") == 1
    assert agreement("something else altogether", SENTENCE) == 0
    assert agreement("", "") == 1


def test_a_dataset_keeps_what_is_not_usual() -> None:
    assert as_stored(OcrSettings()) == {}
    asked = OcrSettings(OcrMode.ALWAYS, ("deu", "eng"))
    assert ocr_settings(as_stored(asked)) == asked
    assert with_reason(Page(1, 10, 10), OcrMode.ALWAYS).ocr_reason == "always"
    assert with_reason(Page(1, 10, 10), OcrMode.AUTO).ocr_reason is None
