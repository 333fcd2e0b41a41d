"""Blocks of some pages are replaced in their place, and the text around them stays to the character."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from docmill.domain.documents import BlockKind, Page, PageLoss, Part, RawBlock, ReadInfo, TextSource
from docmill.domain.revision import CORRECTED, Splice, corrected, paragraphs, tidy
from docmill.domain.text import document_text


def block(text: str, page: int | None, lead: str = "\n\n") -> RawBlock:
    return RawBlock(BlockKind.TEXT, text, page=page, lead=lead)


FERRY = (block("one", 1, ""), block("two", 2), block("two again", 2, "\n"), block("four", 4))


def spliced(blocks: Iterable[RawBlock], pages: dict[int, str]) -> str:
    """The text with these pages in place of the old ones."""
    splice = Splice({page: paragraphs(page, text) for page, text in pages.items()})
    return document_text([*splice.of(blocks), *splice.rest()])


def test_paragraphs_end_at_blank_lines() -> None:
    assert [b.text for b in paragraphs(3, " a\nb \r\n\r\n\n c\n \t\nd")] == ["a\nb", "c", "d"]
    assert {b.page for b in paragraphs(3, "a\n\nb")} == {3}
    assert tidy("a \r\n \r\nb\n") == "a\n\nb"


def test_a_page_in_the_middle() -> None:
    assert spliced(FERRY, {2: "zwei\n\nzwo"}) == "one\n\nzwei\n\nzwo\n\nfour"


def test_the_first_page_has_nothing_before_it() -> None:
    assert spliced(FERRY, {1: "eins"}) == "eins\n\ntwo\ntwo again\n\nfour"
    assert spliced(FERRY, {1: ""}) == "two\ntwo again\n\nfour"


def test_the_last_page() -> None:
    assert spliced(FERRY, {4: "vier"}) == "one\n\ntwo\ntwo again\n\nvier"


def test_pages_that_had_no_text_come_where_they_belong() -> None:
    assert spliced(FERRY, {3: "three", 5: "five"}) == "one\n\ntwo\ntwo again\n\nthree\n\nfour\n\nfive"
    assert spliced(FERRY[1:], {1: "one"}) == "one\n\ntwo\ntwo again\n\nfour"
    assert spliced((block("second", 2, ""),), {1: "first"}) == "first\n\nsecond"


def test_without_anything_to_replace_nothing_changes() -> None:
    blocks = (block("indented", None, "  \n "), block("more", None, ""))

    assert tuple(Splice({}).of(blocks)) == blocks


@given(
    st.lists(st.integers(1, 9), max_size=12).map(sorted), st.dictionaries(st.integers(1, 9), st.text("ab\n"))
)
def test_every_page_has_its_text_and_the_pages_stay_in_order(old: list[int], new: dict[int, str]) -> None:
    splice = Splice({page: paragraphs(page, text) for page, text in new.items()})
    blocks = [*splice.of(block(f"old {page}", page) for page in old), *splice.rest()]

    pages = [b.page for b in blocks]
    assert pages == sorted(pages)  # type: ignore[type-var]
    for page in range(1, 10):
        texts = [b.text for b in blocks if b.page == page]
        kept = [f"old {page}"] * old.count(page)
        assert texts == ([b.text for b in paragraphs(page, new[page])] if page in new else kept)


# --- corrections in what was read --------------------------------------------------------------------------


def test_what_people_wrote_takes_the_place_of_what_was_read() -> None:
    lost = Page(2, 10, 20, missing=PageLoss("reader_crashed", "It crashed."), ocr_reason="no_text")
    read: list[ReadInfo | Part] = [
        ReadInfo("application/pdf", "r", pages=4, notices=("Odd.", f"{CORRECTED}3.")),
        Part(FERRY[:1], 1, 4, pages=(Page(1, 10, 20), lost)),
        Part(FERRY[3:], 4, 4),
    ]

    info, first, last = corrected(read, {2: "zwei", 9: "there is no such page"})

    assert isinstance(info, ReadInfo)
    assert info.notices == ("Odd.", f"{CORRECTED}2.")
    assert isinstance(first, Part)
    assert first.pages == (Page(1, 10, 20), Page(2, 10, 20, source=TextSource.CORRECTION))
    assert isinstance(last, Part)
    assert document_text(first.blocks + last.blocks) == "one\n\nzwei\n\nfour"


def test_a_correction_behind_the_last_text_is_not_lost() -> None:
    read: list[ReadInfo | Part] = [ReadInfo("application/pdf", "r", pages=4), Part(FERRY[:1], 4, 4)]

    *_, rest = corrected(read, {3: "drei"})

    assert rest == Part((block("drei", 3),), 4, 4)


def test_without_corrections_nothing_changes() -> None:
    read: list[ReadInfo | Part] = [ReadInfo("text/plain", "r"), Part((block("x", None, "   "),), 1, 1)]

    assert list(corrected(read, {})) == read
