"""What every reader promises, and what each format keeps. Every file is read as in production: in a child."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests import made_files as made
from tests import made_legacy as legacy
from tests import scans

from docmill.adapters.readers.detect import detect
from docmill.adapters.readers.rendered import rendered_blocks
from docmill.adapters.readers.sandbox import ReadingChild
from docmill.domain import media_types as types
from docmill.domain.documents import (
    Attachment,
    BlockKind,
    Page,
    Part,
    RawBlock,
    ReadInfo,
    TextSource,
    Unpacking,
)
from docmill.domain.reading_errors import DamagedFile, NoPages, NoText, PasswordRequired
from docmill.domain.text import document_text
from docmill.ports import ReadRequest

MAIL = b"""From: Ann <ann@mail.example>
To: bob@mail.example
Date: Mon, 4 May 2026 10:00:00 +0000
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Der Fluss ist h=F6her.
--b
Content-Type: text/csv
Content-Disposition: attachment; filename=fares.csv

a,b
--b--
"""

MARKDOWN = """---
title: front
---

# Title

Text with *marks*.
Second line.

Setext
------

- one
  - nested
- two

| a | b |
|---|---|
| 1 | `x` |

```python
# no heading
```

[link]: http://127.0.0.1/ "kept"
"""

HTML = """<html><head><title>The &amp; page</title><style>p {color: red}</style></head><body>
<script>alert("never shown")</script><h1>2*3*4 is 24</h1><p>snake_case_name &lt;tag&gt;</p>
<dl><dt>Term</dt><dd>Meaning</dd></dl><iframe src="file:///etc/hostname"></iframe>
<table><tr><th>a|b</th><th>c</th></tr><tr><td>1</td><td>2</td></tr></table>
<ul><li>one<li>two</ul><p><a href="javascript:x()">pressed</a></p></body></html>"""

SAVED_PAGE = b"""From: <Saved by a browser>
Snapshot-Content-Location: http://127.0.0.1/page
Subject: The page
MIME-Version: 1.0
Content-Type: multipart/related; type="text/html"; boundary=b

--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<html><head><title>Saved</title></head><body><h1>F=C3=A4hre</h1><p>Words.</p>=
<img src=3D"cid:1" alt=3D"A pier"></body></html>
--b
Content-Type: image/png
Content-ID: <1>

pixels
--b--
"""

ASCIIDOC = """= The crossing
:river: Elbe

A ferry crosses the {river} *often*, see https://ferry.example[the timetable].

== Fares

* Adults
** Return
* Children

.Prices
[cols="1,1"]
|===
|From |Price

|A
|2
|===

----
= no heading
----

include::/etc/hostname[]
// unseen
"""

RST = """============
The crossing
============

A ferry crosses *often*, see :ref:`the timetable <times>` and ``code``.

Fares
=====

- Adults

  - Return

- Children

.. note:: Bring change.

.. versionadded:: 2.0
   Dogs travel free.

+------+-------+
| From | Price |
+======+=======+
| A    | 2     |
+------+-------+

.. code-block:: python

   fare = 2

.. include:: /etc/hostname

.. raw:: html

   <script>unseen</script>

.. [1] The footnote.
"""

XML = """<?xml version="1.0"?>
<timetable><script>unseen</script>
<ferry name="Anna"><from>A</from><to>B</to></ferry>
<note>Mixed <b>text</b> stays whole.</note>
<table><tr><th>a</th></tr><tr><td>1</td></tr></table></timetable>"""

SVG = """<svg xmlns="http://www.w3.org/2000/svg"><title>Map</title><script>unseen()</script>
<g><text x="1">Pier <tspan>one</tspan></text><text>Pier two</text></g></svg>"""

NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "markdown", "source": ["# Title\n", "Some *text*."]},
            {
                "cell_type": "code",
                "source": "print(1)",
                "outputs": [
                    {"output_type": "stream", "text": ["\x1b[31m1\x1b[0m\n"]},
                    {"output_type": "display_data", "data": {"image/png": "AA", "text/plain": "<Figure>"}},
                    {"output_type": "error", "ename": "ValueError", "evalue": "no"},
                ],
            },
        ],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
    }
)

VTT = """WEBVTT

NOTE unseen

first
00:11.000 --> 00:13.000
<v Ann>We are <i>here</i>

00:13.000 --> 00:16.000
<v Ann>at the pier

01:20.000 --> 01:21.000
<v Bob>Fish &amp; chips
"""

SRT = (
    "1\n00:00:01,000 --> 00:00:02,000\n{\\an8}<i>Ahoy</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nAll\naboard\n"
)

YAML = "# Ferries\nanna: {seats: 20}\nbert:\n  seats: 30\n  ports:\n    - A\n    - B\n"

PYTHON = '"""A ferry."""\n\nimport time\n\n\ndef cross(minutes: int) -> None:\n    time.sleep(60 * minutes)\n'

SMALL_FILES = {
    "a.pdf": made.pdf(["First page", "Second page"]),
    "a.docx": made.docx(made.heading("Top", 1) + made.paragraph("Words.")),
    "a.pptx": made.pptx([("First slide", "words")]),
    "a.xlsx": made.xlsx({"Fares": [["from", "to"], ["A", "B"]]}),
    "a.odt": made.odt("Words."),
    "a.epub": made.epub("Words."),
    "a.rtf": b"{\\rtf1\\ansi Words.\\par More.}",
    "a.html": HTML.encode(),
    "a.md": MARKDOWN.encode(),
    "a.txt": b"One.\n\nTwo.\n",
    "a.csv": b"a,b\n1,2\n",
    "a.tsv": b"a\tb\n1\t2\n",
    "a.json": b'{"a": [1, 2]}',
    "a.jsonl": b'{"a": 1}\n{"a": 2}\n',
    "a.eml": MAIL,
    "a.doc": legacy.doc("Words of old.\rMore."),
    "a.ppt": legacy.ppt([("First slide", "words"), ("Second slide", "more")]),
    "a.xls": legacy.xls({"Fares": [["from", "to"], ["A", "B"]]}),
    "a.ods": made.ods({"Fares": [["from", "to"], ["A", "B"]]}),
    "a.odp": made.odp([("First slide", "words", "said aloud")]),
    "a.mhtml": SAVED_PAGE,
    "a.adoc": ASCIIDOC.encode(),
    "a.rst": RST.encode(),
    "a.xml": XML.encode(),
    "a.svg": SVG.encode(),
    "a.yaml": YAML.encode(),
    "a.ipynb": NOTEBOOK.encode(),
    "a.vtt": VTT.encode(),
    "a.srt": SRT.encode(),
    "a.py": PYTHON.encode(),
    "a.zip": made.archive({"notes/a.txt": "Words.", "b.csv": "a,b\n1,2\n"}),
    "a.csv.gz": gzip.compress(b"a,b\n1,2\n", mtime=0),
    "a.csv.bz2": bz2.compress(b"a,b\n1,2\n"),
    "a.csv.xz": lzma.compress(b"a,b\n1,2\n"),
    "a.tar": made.tar({"notes/a.txt": "Words.", "b.csv": "a,b\n1,2\n"}),
}
SOURCE_FORMATS = ["a.md", "a.txt", "a.csv", "a.tsv", "a.json", "a.jsonl", "a.yaml", "a.py"]


@dataclass(frozen=True)
class Read:
    """What came out of one file."""

    info: ReadInfo
    parts: list[Part]
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def blocks(self) -> list[RawBlock]:
        return [block for part in self.parts for block in part.blocks]

    @property
    def text(self) -> str:
        return document_text(self.blocks)

    def of_kind(self, kind: BlockKind) -> list[str]:
        return [block.text for block in self.blocks if block.kind is kind]


@pytest.fixture(scope="module")
def child() -> Iterator[ReadingChild]:
    """One reading child for all tests of this file, as a worker has one for many documents."""
    reading = ReadingChild(timeout_seconds=60, unpacking=Unpacking(levels=5))
    yield reading
    reading.close()


class Desk:
    """Takes named bytes, detects and reads them."""

    def __init__(self, child: ReadingChild, folder: Path) -> None:
        self._child, self._folder = child, folder

    def read(self, name: str, content: bytes | str) -> Read:
        path = self._folder / "stored"  # the storage keeps files under a hash, without their names
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.read_file(path, name)

    def read_file(self, path: Path, name: str | None = None) -> Read:
        name = name or path.name
        items = self._child.read(ReadRequest(path, detect(path, name).media_type, name))
        read = Read(next(items), [])  # type: ignore[arg-type]
        assert isinstance(read.info, ReadInfo)
        for part in items:
            assert isinstance(part, Part)
            read.files.update((item.name, _taken(item)) for item in part.attachments)
            read.parts.append(replace(part, attachments=tuple(map(_without_place, part.attachments))))
        return read


def _taken(attachment: Attachment) -> bytes:
    """What was found, taken away as the next reader of the folder expects; nothing if it was refused."""
    if not attachment.path:
        return b""
    content = Path(attachment.path).read_bytes()
    Path(attachment.path).unlink()
    return content


def _without_place(attachment: Attachment) -> Attachment:
    return replace(attachment, path="")


# --- what every reader promises


@pytest.mark.parametrize("name", SMALL_FILES)
def test_info_comes_first_and_parts_count_up_to_the_total(desk: Desk, name: str) -> None:
    read = desk.read(name, SMALL_FILES[name])
    done = [part.done for part in read.parts]
    assert done == sorted(done)
    assert done[-1] == read.parts[-1].total
    assert read.info.reader
    assert read.text.strip()


@pytest.mark.parametrize("name", SMALL_FILES)
def test_the_same_file_is_read_the_same_way_every_time(desk: Desk, name: str) -> None:
    assert desk.read(name, SMALL_FILES[name]) == desk.read(name, SMALL_FILES[name])


@pytest.mark.parametrize("name", SMALL_FILES)
def test_blocks_are_well_formed(desk: Desk, name: str) -> None:
    read = desk.read(name, SMALL_FILES[name])
    assert read.blocks[0].lead.strip() == ""
    for block in read.blocks:
        assert (block.level is not None) == (block.kind is BlockKind.HEADING)
        assert (block.page is not None) == (read.info.pages is not None)
        assert block.kind is not BlockKind.TABLE or len({len(row) for row in block.table.rows}) == 1  # type: ignore[union-attr]


def test_every_format_in_the_table_has_a_file_here_or_a_reason() -> None:
    tried = {types.format_named(name) for name in SMALL_FILES}
    missing = {item.media_type for item in types.formats() if item not in tried}
    pictures = {types.PNG, types.JPEG, types.TIFF, types.WEBP}  # have no text before they are recognised
    assert missing - types.SOURCE_TYPES - pictures == {types.MSG}  # read in the corpus


# --- text formats: the document's text is the file, to the character


@pytest.mark.parametrize("name", SOURCE_FORMATS)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_text_formats_are_kept_to_the_character(desk: Desk, name: str, ends: str) -> None:
    source = SMALL_FILES[name].decode().replace("\n", ends)
    assert desk.read(name, b"\xef\xbb\xbf" + source.encode()).text == source.rstrip()


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.csv"])
def test_any_mixture_of_characters_is_kept(desk: Desk, name: str) -> None:
    draw = random.Random(7)
    pieces = [
        "#",
        " ",
        "\n",
        "\n\n",
        "\r",
        "- ",
        "|",
        "```",
        "ä",
        "🚢",
        "\u200d",
        "\x0b",
        "word",
        '"',
        ",",
        "\t",
        ">",
    ]
    for _ in range(40):
        source = "".join(draw.choices(pieces, k=120)).replace('"', "" if name == "a.csv" else '"')
        assert desk.read(name, source).text == source.rstrip()


def test_what_the_database_cannot_store_is_replaced_one_for_one(desk: Desk) -> None:
    assert desk.read("a.txt", "before \x00 after" + "." * 200).text.startswith("before \ufffd after")


def test_encodings_are_read_right_or_refused(desk: Desk) -> None:
    assert desk.read("a.txt", "grüße".encode("utf-16")).text == "grüße"
    western = desk.read("a.txt", "Das Schiff fährt über den Fluß – für 3 €.".encode("cp1252"))
    assert western.text == "Das Schiff fährt über den Fluß – für 3 €."
    assert "Windows-1252" in western.info.notices[0]
    with pytest.raises(DamagedFile, match="UTF-8"):
        desk.read("a.txt", "Паром идёт через реку каждый день".encode("koi8-r"))
    with pytest.raises(DamagedFile, match="UTF-8"):
        desk.read("a.txt", b"\xef\xbb\xbfgr\xfc\xdfe")


def test_no_character_cluster_is_cut(desk: Desk) -> None:
    family = "👨\u200d👩\u200d👧"
    read = desk.read("a.txt", "e\u0301" * 30_000 + family * 20_000)
    assert all(block.text[0] not in "\u0301\u200d" and block.text[-1] != "\u200d" for block in read.blocks)
    assert len(read.blocks) > 2


def test_markdown_structure_stands_on_source_text(desk: Desk) -> None:
    read = desk.read("a.md", MARKDOWN)
    assert [(b.text, b.level) for b in read.blocks if b.kind is BlockKind.HEADING] == [
        ("# Title", 1),
        ("Setext\n------", 2),
    ]
    assert read.of_kind(BlockKind.LIST) == ["- one\n  - nested\n- two"]
    assert read.of_kind(BlockKind.CODE) == ["---\ntitle: front\n---", "```python\n# no heading\n```"]
    assert [b.table.rows for b in read.blocks if b.table] == [(("a", "b"), ("1", "`x`"))]
    assert read.info.title == "Title"
    assert "kept" in read.blocks[-1].text


def test_csv_repeats_its_header_in_tables_only(desk: Desk) -> None:
    rows = [f'{n};"two\nlines";{n * n}' for n in range(120)]
    read = desk.read("a.csv", "\n".join(["n;text;square", *rows]))
    assert len(read.blocks) == 3
    assert all(block.table and block.table.rows[0] == ("n", "text", "square") for block in read.blocks)
    assert read.text.count("square") == 1
    assert read.blocks[2].table.rows[-1] == ("119", "two\nlines", "14161")  # type: ignore[union-attr]


def test_a_very_wide_table_is_read(desk: Desk) -> None:
    header = ",".join(f"column{n}" for n in range(10_000))
    read = desk.read("a.csv", header + "\n" + ",".join(["1"] * 10_000))
    assert {len(block.table.rows[0]) for block in read.blocks if block.table} == {10_000}


def test_json_is_cut_between_members(desk: Desk) -> None:
    items = [{"id": n, "text": f"item {n}"} for n in range(300)]
    read = desk.read("a.json", json.dumps({"version": 1, "items": items}))
    assert len(read.blocks) > 5
    assert all(block.text.count("{") == block.text.count("}") for block in read.blocks[1:-1])
    assert read.blocks[-1].text.endswith("]}")


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_number_may_have_any_count_of_digits(desk: Desk, name: str) -> None:
    source = f'{{"large": -{"7" * 5_000}}}'
    read = desk.read(name, source)
    assert (read.text, read.info.notices) == (source, ())


@pytest.mark.parametrize("content", ['{"a": 1', '{"a": 1} x', "[" * 100_000 + "]" * 100_000, "nothing"])
def test_what_is_not_json_is_damaged(desk: Desk, content: str) -> None:
    with pytest.raises(DamagedFile):
        desk.read("a.json", content)


def test_a_broken_line_of_json_lines_is_kept_and_said(desk: Desk) -> None:
    read = desk.read("a.jsonl", '{"a": 1}\n{"a": 2')
    assert read.text == '{"a": 1}\n{"a": 2'
    assert read.info.notices == ("1 of 2 lines are not valid JSON; they were kept as text.",)


@pytest.mark.parametrize("name", SOURCE_FORMATS)
def test_white_space_alone_is_no_text(desk: Desk, name: str) -> None:
    with pytest.raises(NoText):
        desk.read(name, " \n\n ")


# --- rendered formats


def test_pdf_blocks_have_pages_and_boxes_from_the_top_left(desk: Desk) -> None:
    read = desk.read("a.pdf", made.pdf(["Ferry times", "Fares"]))
    assert read.info.pages == 2
    assert [(block.page, block.text) for block in read.blocks] == [(1, "Ferry times"), (2, "Fares")]
    (box,) = read.blocks[0].boxes
    assert (box.page, box.x0) == (1, 72.0)
    assert 70 < box.y0 < box.y1 < 110


def test_pdf_text_shows_the_stars_and_dashes_of_the_page(desk: Desk) -> None:
    line = "Pay 2*3*4 for snake_case_name, not *less*, says the long line of this page."
    assert desk.read("a.pdf", made.pdf([line])).text == line


def test_pdf_outcomes_are_typed(desk: Desk) -> None:
    with pytest.raises(PasswordRequired):
        desk.read("a.pdf", made.pdf(["x"], password="secret"))
    with pytest.raises(NoPages):
        desk.read("a.pdf", made.pdf([]))
    with pytest.raises(DamagedFile):
        desk.read("a.pdf", b"%PDF-1.4\nnothing else")


def test_pages_without_text_are_left_to_recognition(desk: Desk) -> None:
    content = scans.scanned_pdf([scans.scan(["Ferry times"])])
    (page,) = (page for part in desk.read("a.pdf", content).parts for page in part.pages)
    assert (page.source, page.ocr_reason) == (TextSource.NONE, "no_text")
    assert (page.width, page.height) == (360, 252)


def test_pages_on_which_nothing_is_drawn_need_no_recognition(desk: Desk) -> None:
    pages = [page for part in desk.read("a.pdf", made.pdf(["words", ""])).parts for page in part.pages]
    assert [(page.source, page.ocr_reason) for page in pages] == [
        (TextSource.LAYER, None),
        (TextSource.NONE, None),
    ]


def test_a_truncated_pdf_gives_what_can_be_recovered(desk: Desk) -> None:
    whole = made.pdf(["Recovered words"])
    assert desk.read("a.pdf", whole[: whole.index(b"xref")]).text == "Recovered words"


def test_a_long_pdf_is_read_to_its_end(desk: Desk) -> None:
    read = desk.read("a.pdf", made.pdf(f"This is page number {n} of many." for n in range(1, 1_206)))
    assert read.info.pages == 1_205
    assert sorted(int(n) for n in re.findall(r"number (\d+)", read.text)) == list(range(1, 1_206))
    assert max(len(part.blocks) for part in read.parts) < 100


def test_parts_do_not_change_what_is_a_heading(desk: Desk) -> None:
    """Headings are decided over the whole document; only then is it cut into parts."""
    pages = [f"Chapter {n}\n\nWords of chapter {n} that run on for a while." for n in range(60)]
    read = desk.read("a.pdf", made.pdf(pages))
    shapes = {tuple((b.kind, b.level) for b in read.blocks if b.page == page) for page in range(2, 60)}
    assert len(read.parts) > 1
    assert len(shapes) == 1


def test_an_engine_that_crashes_is_replaced_by_the_next(desk: Desk) -> None:
    """An outline that leads back to itself takes liteparse down with its process."""
    loop = "/Outlines << /First 4 0 R /Last 4 0 R >>"
    content = made.pdf(["Behind a loop"], catalog=loop).replace(
        b"/Type /Page ", b"/Title (x) /First 4 0 R /Next 4 0 R /Type /Page "
    )
    read = desk.read("a.pdf", content)
    assert read.text == "Behind a loop"
    assert read.info.reader.startswith("xberg")
    assert desk.read("a.txt", "and on").text == "and on"


def test_a_word_document_keeps_headings_tables_and_literal_stars(desk: Desk) -> None:
    body = made.heading("Top", 1) + made.heading("Below", 2) + made.paragraph("2*3*4 &lt;b&gt;")
    read = desk.read("a.docx", made.docx(body + made.word_table([["From", "To"], ["A", "B"]])))
    assert [(b.kind, b.level, b.text) for b in read.blocks] == [
        (BlockKind.HEADING, 1, "Top"),
        (BlockKind.HEADING, 2, "Below"),
        (BlockKind.TEXT, None, "2*3*4 <b>"),
        (BlockKind.TABLE, None, "From | To\nA | B"),
    ]


def test_slides_are_pages_under_their_title_whatever_the_script(desk: Desk) -> None:
    read = desk.read("a.pptx", made.pptx([("Фähre 🚢", "Слова"), ("Zweite", "语言")]))
    assert [(b.page, b.kind, b.text) for b in read.blocks] == [
        (1, BlockKind.HEADING, "Фähre 🚢"),
        (1, BlockKind.TEXT, "Слова"),
        (2, BlockKind.HEADING, "Zweite"),
        (2, BlockKind.TEXT, "语言"),
    ]
    assert [page for part in read.parts for page in part.pages] == [Page(1, 960, 540), Page(2, 960, 540)]


def test_sheets_are_pages_under_their_name(desk: Desk) -> None:
    fares = [["from", "to"], ["A", "B"], ["", ""], ["", "note"], ["", "words"]]
    read = desk.read("a.xlsx", made.xlsx({"Fares": fares, "Empty": []}))
    assert [(b.page, b.text) for b in read.blocks] == [
        (1, "Fares"),
        (1, "from | to\nA | B"),
        (1, "note\nwords"),
        (2, "Empty"),
    ]


def test_a_long_sheet_repeats_its_header_in_tables_only(desk: Desk) -> None:
    rows = [["number", "square"], *([str(n), str(n * n)] for n in range(1, 121))]
    read = desk.read("a.xlsx", made.xlsx({"Squares": rows}))
    tables = [block.table for block in read.blocks if block.table]
    assert len(tables) == 3
    assert all(table.rows[0] == ("number", "square") for table in tables)
    assert read.text.count("number") == 1


def test_a_web_page_shows_its_words_and_nothing_that_runs(desk: Desk) -> None:
    read = desk.read("a.html", HTML)
    assert read.info.title == "The & page"
    assert [b.text for b in read.blocks] == [
        "2*3*4 is 24",
        "snake_case_name <tag>",
        "Term\nMeaning",
        "a|b | c\n1 | 2",
        "- one",
        "- two",
        "pressed",
    ]


@pytest.mark.parametrize("head", ["<head>{}</head><body>", "<head>{}<body>", "{}<body>", "{}"])
def test_what_a_page_says_about_itself_is_no_block(desk: Desk, head: str) -> None:
    about = head.format("<title>Name</title><meta name=description content=Summary>")
    read = desk.read("a.html", f"<html>{about}<h1>Top</h1><p>words")
    assert (read.info.title, [b.text for b in read.blocks]) == ("Name", ["Top", "words"])
    mail = desk.read("a.eml", f"From: a@b.example\nContent-Type: text/html\n\n<html>{about}<p>words</p>")
    assert [b.text for b in mail.blocks][1:] == ["words"]


def test_a_web_page_in_utf_16_that_claims_latin_1(desk: Desk) -> None:
    page = '<html><meta charset="latin-1"><body><p>grüße 🚢</p></body></html>'
    assert desk.read("a.html", page.encode("utf-16")).text == "grüße 🚢"
    assert desk.read("b.html", page).text == "grüße 🚢"


def nested(*opening: str, around: str, times: int = 80) -> str:
    """A paragraph below that many elements of these kinds, between words that stand at the top."""
    start = "".join(f"<{name}>" * times for name in opening)
    end = "".join(f"</{name}>" * times for name in reversed(opening))
    return f"<h1>Top</h1><p>before</p>{start}{around}{end}<p>after</p>"


@pytest.mark.parametrize("wrappers", [("div",), ("blockquote", "span"), ("font", "section"), ("td",)])
@pytest.mark.parametrize("times", [50, 80, 3_000])
def test_a_deeply_nested_page_loses_no_words(desk: Desk, wrappers: tuple[str, ...], times: int) -> None:
    inner = "<p>deep <b>down</b></p>loose<div>R&amp;D</div>"
    page = desk.read("a.html", "<html>" + nested(*wrappers, around=inner, times=times))
    assert [b.text for b in page.blocks] == ["Top", "before", "deep down", "loose", "R&D", "after"]


def test_lists_inside_one_another_lose_no_words(desk: Desk) -> None:
    items = "".join(f"<ul><li>item {n}" for n in range(70)) + "</li></ul>" * 70
    page = desk.read("a.html", "<html>" + nested("blockquote", around=items, times=60))
    assert re.findall(r"item (\d+)|(after)", page.text) == [*((str(n), "") for n in range(70)), ("", "after")]


def test_a_deep_table_keeps_its_cells(desk: Desk) -> None:
    table = "<table><tr><th>From</th><th>To</th></tr><tr><td>A</td><td>B</td></tr></table>"
    page = desk.read("a.html", "<html>" + nested("div", around=table))
    assert page.of_kind(BlockKind.TABLE) == ["From | To\nA | B"]


def test_end_tags_may_be_left_out(desk: Desk) -> None:
    paragraphs = "".join(f"<p>Paragraph {n}, 3 &lt; 4" for n in range(100))
    page = desk.read("a.html", f"<html><body>{paragraphs}<table><tr><td>a<td>b<tr><td>c<td>d</table><p>after")
    assert [b.text for b in page.blocks[:100]] == [f"Paragraph {n}, 3 < 4" for n in range(100)]
    assert [b.text for b in page.blocks[100:]] == ["a | b\nc | d", "after"]


def test_marks_of_lists_and_quotes_without_end_are_kept_as_text() -> None:
    for marks in ("- " * 60, "> " * 200):
        *_, marked, after = rendered_blocks(f"{marks}12\n\nafter")
        assert (marked.text[-4:], after.text) == (f"{marks[-2:]}12", "after")


def test_deeply_nested_chapters_and_mails_lose_no_words(desk: Desk) -> None:
    page = nested("div", around="<p>deep</p>")
    mail = b"From: a@b.example\nSubject: s\nContent-Type: text/html\n\n" + page.encode()
    assert [b.text for b in desk.read("a.eml", mail).blocks][2:] == ["Top", "before", "deep", "after"]
    chapter = desk.read("a.epub", made.epub(f"x</p>{page}<p>end"))
    assert [b.text for b in chapter.blocks][-5:] == ["Top", "before", "deep", "after", "end"]


def test_mail_shows_who_wrote_what_and_hands_out_what_is_attached(desk: Desk) -> None:
    read = desk.read("a.eml", MAIL)
    assert read.info.title == "Grüße"
    assert read.files == {"fares.csv": b"a,b"}
    assert [b.text for b in read.blocks] == [
        "Grüße",
        "From: Ann <ann@mail.example>\nTo: bob@mail.example\nDate: Mon, 04 May 2026 10:00:00 +0000",
        "Der Fluss ist höher.",
    ]


def test_mail_in_html_is_read_like_a_web_page(desk: Desk) -> None:
    head = b"From: a@b.example\nSubject: s\nContent-Type: text/html\n\n"
    mail = desk.read("a.eml", head + b"<p>Hello <b>you</b></p><script>no</script>")
    assert mail.blocks[-1].text == "Hello you"


def test_a_forwarded_message_is_a_file_with_the_bytes_it_has(desk: Desk) -> None:
    forwarded = b"Subject: =?utf-8?q?F=C3=A4hre?=\r\n\r\nIt  leaves at six.\r\n"
    head = b"Subject: Fwd\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    mail = (
        head
        + b"--b\r\n\r\nSee below.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + forwarded
        + b"\r\n--b--\r\n"
    )
    read = desk.read("a.eml", mail)
    assert [block.text for block in read.blocks] == ["Fwd", "See below."]
    assert read.files == {"Fähre.eml": forwarded}


@pytest.mark.parametrize(("nested", "told"), [(5, False), (6, True), (200, True)])
def test_messages_nested_more_deeply_than_they_are_read_are_told_at_the_top(
    desk: Desk, nested: int, told: bool
) -> None:
    heads = b"".join(b"Subject: s%d\nContent-Type: message/rfc822\n\n" % n for n in range(nested))
    read = desk.read("a.eml", heads + b"Subject: leaf\n\nwords")
    assert list(read.files) == ["s1.eml"]
    assert bool(read.info.notices) == told


def test_pictures_in_the_text_and_signatures_are_no_attachments(desk: Desk) -> None:
    mail = b"""Subject: Picnic
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html

<p>By the river <img src="cid:logo"></p>
--r
Content-Type: image/png
Content-ID: <logo>

not a picture
--r--
--b
Content-Type: text/plain

A word of the list.
--b
Content-Type: application/pgp-signature; name=signature.asc

none
--b
Content-Type: text/plain; name=menu.txt

Bread.
--b--
"""
    read = desk.read("a.eml", mail)
    assert [block.text for block in read.blocks] == ["Picnic", "By the river", "", "A word of the list."]
    assert read.files == {"menu.txt": b"Bread."}


def test_files_embedded_in_a_pdf_follow_its_pages(desk: Desk) -> None:
    file = made.embedded_file("a,b\n1,2\n")
    page = made.said("First page", 700)
    read = desk.read("a.pdf", made.drawn_pdf([page], catalog=made.embedded(6, "fares.csv"), more=[file]))
    assert read.text == "First page"
    assert read.files == {"fares.csv": b"a,b\n1,2\n"}


def test_a_message_without_words_is_known_by_what_is_attached(desk: Desk) -> None:
    mail = b"Content-Type: text/csv; name=fares.csv\nContent-Disposition: attachment\n\na,b\n"
    read = desk.read("a.eml", mail)
    assert read.text == "file | bytes | what became of it\nfares.csv | 4 | a document of its own"
    assert read.files == {"fares.csv": b"a,b\n"}


# --- real documents


CORPUS = Path(os.environ.get("DOCMILL_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
LEAST_F1 = {"docx": 0.9, "pptx": 0.85, "xlsx": 0.85, "html": 0.93, "csv": 0.99, "epub": 0.98, "asciidoc": 0.9}


@pytest.fixture(scope="module")
def corpus() -> Path:
    if not CORPUS.is_dir():
        pytest.skip("the real documents are not here; set DOCMILL_CORPUS")
    return CORPUS


@pytest.mark.corpus
@pytest.mark.parametrize("format_name", LEAST_F1)
def test_the_words_of_real_documents_come_out(desk: Desk, corpus: Path, format_name: str) -> None:
    folder = corpus / "formats_docling" / format_name
    scores = {}
    for path in sorted((folder / "sources").iterdir()):
        truth = folder / "groundtruth" / f"{path.name}.md"
        if truth.exists():
            scores[path.name] = _word_f1(desk.read_file(path).text, truth.read_text())
    assert sum(scores.values()) / len(scores) >= LEAST_F1[format_name], scores


@pytest.mark.corpus
def test_outlook_messages_are_read(desk: Desk, corpus: Path) -> None:
    read = desk.read_file(corpus / "formats_docling" / "email" / "sources" / "msg_simple.msg")
    assert [block.text for block in read.blocks] == [
        "Simple Email",
        "From: Alice Example <alice@example.com>\nTo: Bob Example <bob@example.com>\n"
        "Date: Wed, 20 May 2026 10:30:00 +0000",
        "Hello Bob,",
        "This is a simple email body.",
    ]
    read = desk.read_file(corpus / "formats_docling" / "email" / "sources" / "msg_with_attachment.msg")
    assert list(read.files) == ["test.txt", "report.pdf"]
    assert read.files["test.txt"].startswith(b"This is a test attachment file.")


def _word_f1(text: str, truth: str) -> float:
    found, wanted = _words(text), _words(re.sub(r"<!--.*?-->|\]\([^)]*\)", " ", truth, flags=re.S))
    common = sum((found & wanted).values())
    return 2 * common / (sum(found.values()) + sum(wanted.values())) if common else 0.0


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))
