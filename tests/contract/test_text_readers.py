"""What the readers of marked-up and structured texts keep, and what they leave alone."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from tests import made_files as made
from tests import made_legacy as legacy
from tests.contract.test_readers import ASCIIDOC, NOTEBOOK, RST, SAVED_PAGE, SRT, SVG, VTT, XML, Desk

from docmill.domain.documents import BlockKind, RawBlock
from docmill.domain.errors import DocmillError
from docmill.domain.reading_errors import DamagedFile, NoText, PasswordRequired, ReaderTooLarge

HEADING, TEXT, LIST, CODE = BlockKind.HEADING, BlockKind.TEXT, BlockKind.LIST, BlockKind.CODE
TABLE, CAPTION, FOOTNOTE = BlockKind.TABLE, BlockKind.CAPTION, BlockKind.FOOTNOTE


def shape(blocks: list[RawBlock]) -> list[tuple[BlockKind, str]]:
    """What a reader of the document sees."""
    return [(block.kind, block.text) for block in blocks]


def test_asciidoc_keeps_its_structure_and_loses_its_marks(desk: Desk) -> None:
    read = desk.read("a.adoc", ASCIIDOC)
    assert shape(read.blocks) == [
        (HEADING, "The crossing"),
        (TEXT, "A ferry crosses the Elbe often, see the timetable."),
        (HEADING, "Fares"),
        (LIST, "- Adults"),
        (LIST, "  - Return"),
        (LIST, "- Children"),
        (CAPTION, "Prices"),
        (TABLE, "From | Price\nA | 2"),
        (CODE, "= no heading"),
    ]
    assert read.info.title == "The crossing"
    assert read.info.notices == ("What the file includes from elsewhere was left out.",)


def test_asciidoc_without_an_end_is_read_to_its_end(desk: Desk) -> None:
    assert desk.read("a.adoc", "= T\n\n----\ncode").text == "T\n\ncode"
    assert desk.read("a.adoc", "= T\n\n|===\n|a |b").blocks[-1].text == "a | b"


def test_restructured_text_keeps_its_structure_and_inserts_nothing(desk: Desk) -> None:
    read = desk.read("a.rst", RST)
    assert shape(read.blocks) == [
        (HEADING, "The crossing"),
        (TEXT, "A ferry crosses often, see the timetable and code."),
        (HEADING, "Fares"),
        (LIST, "- Adults"),
        (LIST, "  - Return"),
        (LIST, "- Children"),
        (TEXT, "Note: Bring change."),
        (TEXT, "2.0\nDogs travel free."),
        (TABLE, "From | Price\nA | 2"),
        (CODE, "fare = 2"),
        (FOOTNOTE, "[1] The footnote."),
    ]
    assert [block.level for block in read.blocks if block.kind is HEADING] == [1, 2]
    assert read.info.notices == ("What the file would insert from elsewhere was left out.",)


def test_what_one_file_teaches_docutils_does_not_change_the_next(desk: Desk) -> None:
    wanted = shape(desk.read("a.rst", RST).blocks)
    desk.read("b.rst", ".. role:: ref(code)\n\n.. default-role:: ref\n\n:ref:`x` `y`\n")
    assert shape(desk.read("a.rst", RST).blocks) == wanted


def test_xml_is_read_by_its_elements(desk: Desk) -> None:
    assert shape(desk.read("a.xml", XML).blocks) == [
        (TEXT, "ferry: name=Anna"),
        (TEXT, "from: A\nto: B"),
        (TEXT, "Mixed text stays whole."),
        (TABLE, "a\n1"),
    ]


def test_entities_are_neither_expanded_nor_fetched(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("never shown")
    declared = f'<!ENTITY one "laugh"><!ENTITY far SYSTEM "file://{secret}">'
    read = desk.read(
        "a.xml", f"<?xml version='1.0'?><!DOCTYPE r [{declared}]><r><p>before &one; &far; after</p></r>"
    )
    assert read.text == "p: before &one; after"
    assert read.info.notices == ("Entities that the file declares are shown as they are written.",)


@pytest.mark.parametrize("place", ["<r>&e9;</r>", "<r a='&e9;'>x</r>"])
def test_entities_that_explode_do_not(desk: Desk, place: str) -> None:
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol" * 10}">' for n in range(10))
    outcome: object
    try:
        outcome = len(desk.read("a.xml", f"<?xml version='1.0'?><!DOCTYPE r [{bomb}]>{place}").text) < 100
    except DocmillError as error:
        outcome = type(error)
    assert outcome in (True, ReaderTooLarge, NoText)


def test_a_drawing_is_its_words(desk: Desk) -> None:
    read = desk.read("a.svg", SVG)
    assert shape(read.blocks) == [(HEADING, "Map"), (TEXT, "Pier one"), (TEXT, "Pier two")]


@pytest.mark.parametrize("content", ["<a><b></a>", "<?xml version='1.0'?><a>" + "<b>" * 5_000, "<a"])
def test_what_is_not_xml_is_damaged(desk: Desk, content: str) -> None:
    with pytest.raises(DamagedFile):
        desk.read("a.xml", content)


def test_yaml_is_cut_between_its_entries(desk: Desk) -> None:
    entries = "".join(f"item{n}:\n  text: some words about it\n  list:\n  - {n}\n" for n in range(200))
    read = desk.read("a.yaml", entries)
    assert len(read.blocks) > 5
    assert all(block.text.startswith("item") for block in read.blocks)
    assert read.text == entries.rstrip()


@pytest.mark.parametrize("inside", ["{{ value }}: [", "a: b: c", "\t- x"])
def test_what_is_not_valid_yaml_is_kept_as_text(desk: Desk, inside: str) -> None:
    read = desk.read("a.yaml", f"first: 1\n{inside}\n")
    assert read.text == f"first: 1\n{inside}"
    assert "not valid YAML" in read.info.notices[0]


def chain(levels: int) -> str:
    """YAML in which each value says the one before nine times."""
    return 'a0: &a0 ["lol"]\n' + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, levels))


def test_aliases_are_never_followed(desk: Desk) -> None:
    assert desk.read("a.yaml", chain(4)).text == chain(4).rstrip()


def test_aliases_that_stand_for_millions_of_values_are_refused(desk: Desk) -> None:
    with pytest.raises(ReaderTooLarge, match="aliases"):
        desk.read("a.yaml", chain(60))


@pytest.mark.parametrize("content", ["[" * 100_000, "- " * 100_000 + "x", "a: {" * 50_000])
def test_yaml_nested_without_end_is_refused_or_kept(desk: Desk, content: str) -> None:
    try:
        outcome = desk.read("a.yaml", content).text == content.rstrip()
    except DamagedFile as error:
        outcome = "nested" in error.message
    assert outcome


def test_notebooks_show_cells_and_outputs(desk: Desk) -> None:
    read = desk.read("a.ipynb", NOTEBOOK)
    assert shape(read.blocks) == [
        (HEADING, "Title"),
        (TEXT, "Some text."),
        (CODE, "print(1)"),
        (TEXT, "1"),
        (BlockKind.IMAGE, ""),
        (TEXT, "ValueError: no"),
    ]
    assert read.info.metadata == {"programming_language": "python"}


@pytest.mark.parametrize("content", ['{"cells": [', "[" * 100_000, "cells"])
def test_what_is_no_notebook_is_damaged(desk: Desk, content: str) -> None:
    with pytest.raises(DamagedFile):
        desk.read("a.ipynb", content)


def test_subtitles_tell_the_time_each_minute_and_the_speaker_when_it_changes(desk: Desk) -> None:
    assert shape(desk.read("a.vtt", VTT).blocks) == [
        (HEADING, "00:00:11"),
        (TEXT, "Ann: We are here"),
        (TEXT, "at the pier"),
        (HEADING, "00:01:20"),
        (TEXT, "Bob: Fish & chips"),
    ]
    assert desk.read("a.srt", SRT).text == "Ahoy\nAll\naboard"


def test_source_code_is_cut_between_definitions(desk: Desk) -> None:
    source = "import os\n\n\n" + "".join(
        f"def f{n}():\n    '''{'words ' * 30}'''\n\n    return {n}\n\n\n" for n in range(40)
    )
    read = desk.read("a.py", source)
    assert read.info.metadata == {"programming_language": "Python"}
    assert {block.kind for block in read.blocks} == {CODE}
    assert all(block.text.startswith("def ") for block in read.blocks[1:])
    assert read.text == source.rstrip()


def test_a_saved_page_is_its_page(desk: Desk) -> None:
    read = desk.read("a.mhtml", SAVED_PAGE)
    assert (read.info.title, read.text) == ("Saved", "Fähre\n\nWords.\n\nA pier")


def test_slides_of_old_and_open_presentations_are_pages(desk: Desk) -> None:
    old = desk.read("a.ppt", legacy.ppt([("First", "words"), ("Second", "more")]))
    assert [(b.page, b.text) for b in old.blocks] == [(1, "First"), (1, "words"), (2, "Second"), (2, "more")]
    open_slides = desk.read("a.odp", made.odp([("First", "words", ""), ("", "more", "said")]))
    assert [(b.page, b.text) for b in open_slides.blocks] == [
        (1, "First"),
        (1, "- words"),
        (2, "Slide 2"),
        (2, "- more"),
        (2, "Notes: said"),
    ]


@pytest.mark.parametrize("name", ["a.xls", "a.ods"])
def test_sheets_of_old_and_open_workbooks_are_pages(desk: Desk, name: str) -> None:
    sheets = {"Fares": [["from", "to"], ["A", "B"]], "Two": [["x"]]}
    read = desk.read(name, legacy.xls(sheets) if name == "a.xls" else made.ods(sheets))
    assert [(b.page, b.text) for b in read.blocks] == [
        (1, "Fares"),
        (1, "from | to\nA | B"),
        (2, "Two"),
        (2, "x"),
    ]


def test_encrypted_files_of_old_ask_for_their_password(desk: Desk) -> None:
    for name, content in (
        ("a.doc", legacy.doc("x", encrypted=True)),
        ("a.xls", legacy.xls({"S": [["x"]]}, encrypted=True)),
    ):
        with pytest.raises(PasswordRequired):
            desk.read(name, content)


def test_json_in_a_name_of_yaml_is_kept(desk: Desk) -> None:
    content = json.dumps({"a": [1, 2]})
    assert desk.read("a.yaml", content).text == content


@pytest.mark.parametrize("attached", [[], ["fares.csv"], ["fares.csv", "rules.csv"]])
def test_an_outlook_message_of_rich_text_alone_is_read(desk: Desk, attached: list[str]) -> None:
    text = rb"{\rtf1\ansi The ferry leaves at {\b six}.\par Attachments:\par Bring a coat.}"
    packed = struct.pack("<4I", len(text) + 12, len(text), 0x414C454D, 0) + text
    files: list[dict[str, str | bytes]] = [{"3707": name, "3701": name.encode()} for name in attached]
    read = desk.read("a.msg", legacy.outlook({"0037": "River", "1009": packed}, files))

    assert [block.text.split() for block in read.blocks] == [
        ["River"],
        ["The", "ferry", "leaves", "at", "six.", "Attachments:", "Bring", "a", "coat."],
    ]
    assert list(read.files) == attached
