"""Files made to hurt: each ends as blocks or as a typed error, within its limits; the next one is read."""

from __future__ import annotations

import json
import os
import resource
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests import made_files as made
from tests import made_legacy as legacy

from docmill.adapters.readers.detect import detect
from docmill.adapters.readers.sandbox import ReadingChild
from docmill.domain.documents import Part, RawBlock, Unpacking
from docmill.domain.errors import DocmillError
from docmill.domain.text import document_text
from docmill.ports import ReadRequest

MOST_SECONDS = 60
MOST_KILOBYTES = 1024 * 1024
LIMITS = frozenset({"reader_limit", "reader_timeout"})
CORPUS = Path(os.environ.get("DOCMILL_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
    + "]>"
)
THEFT = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY m SYSTEM "file:///etc/passwd">]>'


@dataclass(frozen=True)
class Outcome:
    """What came of a file: the code of its error, or its text."""

    code: str
    text: str
    lost: tuple[str, ...]
    seconds: float


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def reading(scratch: Path) -> Iterator[ReadingChild]:
    child = ReadingChild(scratch_dir=scratch, unpacking=Unpacking(levels=5))
    yield child
    child.close()
    assert list(scratch.iterdir()) == []
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < MOST_KILOBYTES


def outcome_of(reading: ReadingChild, path: Path) -> Outcome:
    """Read a file as the product does, and see that the child has lost nothing and left nothing."""
    started = time.monotonic()
    code, message, blocks, lost = "", "", list[RawBlock](), list[str]()
    try:
        for item in reading.read(ReadRequest(path, detect(path, path.name).media_type, path.name)):
            if isinstance(item, Part):
                blocks.extend(item.blocks)
                lost.extend(page.missing.code for page in item.pages if page.missing)
    except DocmillError as error:
        code, message = error.code, error.message
    assert str(path.parent) not in message
    return Outcome(code, document_text(blocks), tuple(lost), time.monotonic() - started)


def docx_with(text: str, declared: str) -> bytes:
    body = f"{declared}<w:document><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"
    return made.docx_of_xml([body.encode()])


def exploding_docx() -> bytes:
    megabyte = b" " * 1024**2
    return made.docx_of_xml([b"<w:document>", *[megabyte] * 700, b"</w:document>"])


def page_tree_cycle() -> bytes:
    return made.pdf(["Words"]).replace(b"/Kids [4 0 R] /Count 1", b"/Kids [2 0 R] /Count 9")


def image_of_a_terabyte() -> bytes:
    head = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0)
    crc = zlib.crc32(b"IHDR" + head)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", crc)


def deep_pdf() -> bytes:
    return made.pdf(["Words"], catalog="/Deep " + "[" * 100_000 + "]" * 100_000)


def many_states() -> bytes:
    return made.pdf_of_pages([b"q " * 200_000 + made.page_of("Words")])


def large_page() -> bytes:
    return made.pdf_of_pages([made.Stream(made.page_of("Words"), media_box="0 0 1000000000 1000000000")])


def ruled_table(lines: str) -> bytes:
    """A table of a PDF under a header, among these lines."""
    rows = "".join(
        made.said(f"cell {row}{column}", 700 - 18 * row, x=72 + 90 * column)
        for row in range(12)
        for column in range(5)
    )
    wide = "".join(f"70 {y} m 520 {y} l S\n" for y in (715, 695, 480))
    return made.drawn_pdf([rows + wide + lines])


def many_lines() -> bytes:
    """More than are looked at, half of them across, half of them down."""
    across = (f"{70 + at % 449} {500 + at % 199}.{at % 97} m {75 + at % 449} {500 + at % 199}.{at % 97} l S\n"
              for at in range(30_000))  # fmt: skip
    down = (f"{70 + at % 449}.{at % 97} 500 m {70 + at % 449}.{at % 97} 700 l S\n" for at in range(30_000))
    return ruled_table("".join(across) + "".join(down))


def absurd_lines() -> bytes:
    """Of lengths beyond every page, and one path of a million points."""
    far = "9" * 300
    path = "70 600 m " + "".join(f"{70 + at % 440} {500 + at % 190} l " for at in range(1_000_000)) + "S\n"
    return ruled_table(f"-{far} 690 m {far} 690 l S\n70 -{far} m 70 {far} l S\n" + path)


def broken_docx() -> bytes:
    """The list of members is whole, the first member is not."""
    data = bytearray(made.docx(made.paragraph("Words")))
    start = data.index(b"[Content_Types].xml") + len(b"[Content_Types].xml")
    data[start : start + 40] = bytes(range(40))
    return bytes(data)


def svg(inside: str, declared: str = "") -> bytes:
    return f'{declared}<svg xmlns="http://www.w3.org/2000/svg"><text>{inside}</text></svg>'.encode()


def html(inside: str, declared: str = "") -> bytes:
    return f"{declared}<html><body><p>Words</p>{inside}</body></html>".encode()


def mail_in_mail(depth: int) -> bytes:
    return (
        b"".join(b"Subject: s%d\nContent-Type: message/rfc822\n\n" % n for n in range(depth))
        + b"S: x\n\nWords"
    )


def yaml_bomb(levels: int) -> bytes:
    """A few lines of which each says the one before nine times."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


def some_explode() -> bytes:
    return made.pdf_of_pages([made.page_of("Words"), made.exploding_page(), made.page_of("More")])


FILES: dict[str, Callable[[], bytes]] = {
    "explodes.docx": exploding_docx,
    "broken.docx": broken_docx,
    "entities.docx": lambda: docx_with("&l;", BOMB),
    "theft.docx": lambda: docx_with("&m;", THEFT),
    "entities.svg": lambda: svg("&l;", BOMB),
    "theft.svg": lambda: svg("&m;", THEFT),
    "entities.xml": lambda: f"{BOMB}<x>&l;</x>".encode(),
    "theft.xml": lambda: f"{THEFT}<x>&m;</x>".encode(),
    "theft.xhtml": lambda: html("<p>&m;</p>", THEFT),
    "frames.html": lambda: html('<iframe src="file:///etc/passwd"></iframe><img src="file:///etc/passwd">'),
    "tags.html": lambda: html("<a " * 100_000),
    "deep.html": lambda: html("<div>" * 50_000),
    "aliases.yaml": lambda: yaml_bomb(9),
    "itself.yaml": lambda: b"a: &a [1, *a]",
    "anchors.yaml": lambda: b"base: &b {seats: 20}\nanna: {<<: *b}\nbert: {<<: *b}\n" * 2_000,
    "spans.html": lambda: html(
        "<table>" + ("<tr>" + "<td rowspan=999999999 colspan=999999999>x" * 10_000) * 2 + "</table>"
    ),
    "hanging.html": lambda: html(
        "<table><tr>" + "<td rowspan=0>x" * 1_000 + "<tr><td colspan=2>y" * 200 + "</table>"
    ),
    "merged.xlsx": lambda: made.with_part_changed(
        made.xlsx({"S": [["a", "b"], ["c", "d"]]}),
        "xl/worksheets/sheet1.xml",
        "</sheetData>",
        "</sheetData>" + '<mergeCell ref="A1:XFD1048576"/>' * 2_000,
    ),
    "merged.xls": lambda: legacy.xls({"S": [["a", "b"], ["c", "d"]]}, merged=[(0, 65_535, 0, 255)] * 1_000),
    "table.doc": lambda: legacy.doc(
        "x\x07" * 8_000 + "\x07",
        said=[*[legacy.IN_TABLE] * 99, legacy.end_of_row(range(-32_768, -32_748), [1] * 20)] * 2,
    ),
    "cells.rtf": lambda: (
        b"{\\rtf1 Words\\par"
        + (b"\\trowd" + b"\\clvmrg\\cellx999999999" * 60 + b"\\intbl" + b" x\\cell" * 60 + b"\\row") * 300
        + (b"\\trowd" + b"".join(b"\\clvmgf\\cellx%d" % (90 * n) for n in range(1, 1_000)) + b"\\intbl"
           + b" y\\cell" * 999 + b"\\row") * 30
        + b"}"
    ),
    "deep.json": lambda: b"[" * 100_000 + b"]" * 100_000,
    "wide.csv": lambda: b",".join(b"c%d" % n for n in range(10_000)) + b"\n" + b",".join([b"1"] * 10_000),
    "deep.eml": lambda: mail_in_mail(2_000),
    "large_page.pdf": large_page,
    "page_tree.pdf": page_tree_cycle,
    "deep.pdf": deep_pdf,
    "states.pdf": many_states,
    "lines.pdf": many_lines,
    "absurd_lines.pdf": absurd_lines,
    "explodes.pdf": lambda: made.pdf_of_pages([made.exploding_page()]),
    "some_explode.pdf": some_explode,
    "picture.png": image_of_a_terabyte,
    "zeros.bin": lambda: bytes(100_000),
    "zeros.txt": lambda: bytes(100_000),
    "cut.txt": lambda: "Grüße".encode()[:-1] + b"\xc3",
    "surrogates.txt": lambda: b"\xff\xfe" + b"\x00\xd8" * 5000,
    "controls.txt": lambda: bytes(range(1, 32)) * 500 + b" Words",
    "zalgo.txt": lambda: ("Z" + "\u0301" * 5_000 + " \u202e" + "Words" + "\u202c ").encode() * 20,
    "empty.pdf": lambda: b"",
}  # fmt: skip
READ = {
    "frames.html", "wide.csv", "large_page.pdf", "states.pdf", "deep.pdf", "some_explode.pdf", "lines.pdf",
    "absurd_lines.pdf", "controls.txt", "zalgo.txt", "cut.txt", "tags.html", "deep.html",
    "hanging.html", "merged.xlsx", "merged.xls", "cells.rtf", "table.doc",
    "anchors.yaml",
}  # fmt: skip
LIMITED = {"explodes.docx", "explodes.pdf", "aliases.yaml", "itself.yaml"}


@pytest.mark.parametrize("name", FILES)
def test_a_file_made_to_hurt_harms_nobody(
    reading: ReadingChild, scratch: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name]())
    outcome = outcome_of(reading, path)
    assert outcome.seconds < MOST_SECONDS
    assert "root:" not in outcome.text
    assert len(outcome.text) < 10_000_000
    if name in READ:
        assert not outcome.code
    if name in LIMITED:
        assert outcome.code in LIMITS
    assert len(list(scratch.iterdir())) <= 1
    following = tmp_path / "following.txt"
    following.write_text("Still reading.")
    assert outcome_of(reading, following).text == "Still reading."


def test_a_page_that_explodes_leaves_the_others(reading: ReadingChild, tmp_path: Path) -> None:
    path = tmp_path / "some.pdf"
    path.write_bytes(some_explode())
    outcome = outcome_of(reading, path)
    assert outcome.text.split() == ["Words", "More"]
    assert len(outcome.lost) == 1
    assert set(outcome.lost) <= LIMITS


def test_a_password_is_asked_for_where_there_is_one(reading: ReadingChild, tmp_path: Path) -> None:
    for password, code in (("secret", "password_required"), ("", "")):
        path = tmp_path / "a.pdf"
        path.write_bytes(made.pdf(["Words"], password=password))
        assert outcome_of(reading, path).code == code


# --- the hostile files of the corpus


ALLOWED: dict[str, Callable[[str], bool]] = {
    "ok": lambda code: not code,
    "partial": lambda code: not code,
    "password": lambda code: code == "password_required",
    "reject": lambda code: code not in {"", "reader_crashed", *LIMITS},
    "limit": lambda code: code in LIMITS,
}


@pytest.fixture(scope="module")
def hostile() -> Path:
    if not CORPUS.is_dir():
        pytest.skip("the real documents are not here; set DOCMILL_CORPUS")
    return CORPUS / "hostile_seen"


@pytest.mark.corpus
def test_each_ends_as_its_manifest_says(reading: ReadingChild, hostile: Path) -> None:
    wrong = {}
    for name, entry in json.loads((hostile / "manifest.json").read_text()).items():
        outcome = outcome_of(reading, hostile / name)
        if not ALLOWED[entry["expect"]](outcome.code) or outcome.seconds > MOST_SECONDS:
            wrong[name] = (entry["expect"], outcome.code, round(outcome.seconds, 1))
    assert wrong == {}


@pytest.mark.corpus
def test_fuzzed_pdfs_are_read_or_refused(reading: ReadingChild, hostile: Path) -> None:
    codes = [outcome_of(reading, path).code for path in sorted((hostile / "fuzz_pdf").iterdir())]
    assert "reader_crashed" not in codes
    assert codes.count("") >= 12


@pytest.mark.corpus
def test_each_of_five_thousand_pages_is_read_once(reading: ReadingChild, hostile: Path) -> None:
    text = outcome_of(reading, hostile / "pdf_5000_pages.pdf").text
    tokens = [word for word in text.split() if word.startswith("tok0")]
    assert len(tokens) == len(set(tokens)) == 5000
