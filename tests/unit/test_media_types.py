"""What a file is: its content decides, its name only breaks ties among texts."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
from pathlib import Path

import pytest
from tests import made_files as made
from tests import made_legacy as legacy

from docmill.adapters.readers.detect import Detected, detect
from docmill.domain import media_types as types
from docmill.domain.errors import DocmillError
from docmill.domain.reading_errors import DamagedFile, EmptyFile, PasswordRequired, UnsupportedType

MAIL = b"From: a\nTo: b\nSubject: c\nMIME-Version: 1.0\n\nx"
SAVED = b"From: <Saved by Blink>\nSubject: c\nContent-Type: multipart/related; boundary=b\n\n--b\n"
CELLS = b'{"cells": [{"cell_type": "code", "source": ""}], "metadata": {}, "nbformat": 4}'

# What the content shows, whatever the name says or does not say.
SHOWN = [
    (".pdf", made.pdf(["x"]), types.PDF),
    (".docx", made.docx(made.paragraph("x")), types.DOCX),
    (".doc", legacy.doc("x"), types.DOC),
    (".pptx", made.pptx([("x", "y")]), types.PPTX),
    (".ppt", legacy.ppt([("x", "y")]), types.PPT),
    (".xlsx", made.xlsx({"S": [["x"]]}), types.XLSX),
    (".xls", legacy.xls({"S": [["x"]]}), types.XLS),
    (".odt", made.odt("x"), types.ODT),
    (".ods", made.ods({"S": [["x"]]}), types.ODS),
    (".odp", made.odp([("x", "y", "z")]), types.ODP),
    (".epub", made.epub("x"), types.EPUB),
    (".rtf", b"{\\rtf1 x}", types.RTF),
    (".html", b"<!DOCTYPE html><html></html>", types.HTML),
    (".mhtml", SAVED, types.MHTML),
    (".json", b'{"a": 1}', types.JSON),
    (".jsonl", b'{"a": 1}\n{"a": 2}\n', types.JSONL),
    (".ipynb", CELLS, types.NOTEBOOK),
    (".xml", b"<?xml version='1.0'?><a/>", types.XML),
    (".svg", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", types.SVG),
    (".eml", MAIL, types.EML),
    (".vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nx", types.VTT),
    (".srt", b"1\n00:00:01,000 --> 00:00:02,000\nx\n", types.SRT),
]
# What only a name says of a text.
NAMED = [
    ("a.html", b"<p>no html tag</p>", types.HTML),
    ("a.md", b"# x", types.MARKDOWN),
    ("a.md", b"<div>first</div>\n\n# x", types.MARKDOWN),
    ("a.adoc", b"= x", types.ASCIIDOC),
    ("a.rst", b"x\n=", types.RST),
    ("a.csv", b"a,b", types.CSV),
    ("a.tsv", b"a\tb", types.TSV),
    ("a.yaml", b"a: 1", types.YAML),
    ("a.yaml", b'{"a": 1}', types.YAML),
    ("a.json", b"{}", types.JSON),
    ("a.jsonl", b"{}\n{}", types.JSONL),
    ("a.xml", b"<a><b>", types.XML),
    ("a.xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>", types.SVG),
    ("a.zip", made.archive({"a.txt": "x"}), types.ZIP),
    ("a.tar", made.tar({"a.txt": "x"}), types.TAR),
    ("a.tar.gz", gzip.compress(made.tar({"a.txt": "x"}), mtime=0), types.TAR),
    ("a.txt.gz", gzip.compress(b"x", mtime=0), types.GZIP),
    ("a.txt.bz2", bz2.compress(b"x"), types.BZIP2),
    ("a.txt.xz", lzma.compress(b"x"), types.XZ),
    ("a.tgz", gzip.compress(made.tar({"a.txt": "x"}), mtime=0), types.TAR),
    ("a.eml", b"From: a@b.example\n\nx", types.EML),
    ("a.py", b"import os", "text/x-python"),
    ("a.php", b"<!DOCTYPE html><html><?php ?></html>", "text/x-php"),
    ("a.js", b'{"a": 1}', "text/x-javascript"),
    ("a.txt", b"From here to there", types.TEXT),
    ("a.txt", b"PK is a text", types.TEXT),
    ("a.txt", b"From: a\nTo: b\nSubject: three words of a letter", types.TEXT),
    ("a.unheard-of", "grüße".encode(), types.TEXT),
    ("a.txt", codecs.BOM_UTF16_LE + "grüße".encode("utf-16-le"), types.TEXT),
    ("a.txt", "wide without a mark".encode("utf-16-le"), types.TEXT),
    ("a.txt", "déjà vu".encode("cp1252"), types.TEXT),
]
# What is likely where neither says it.
GUESSED = [
    (b"#!/usr/bin/env python3\nprint()", "text/x-python"),
    (b"---\na: 1\n", types.YAML),
    (b"= Title\n\n== Part\n", types.ASCIIDOC),
    (b"# Title\n\n- one\n- two\n", types.MARKDOWN),
    (b"Title\n=====\n\n.. note:: x\n", types.RST),
    (b"a,b,c\n1,2,3\n4,5,6\n7,8,9\n", types.CSV),
    (b"a\tb\tc\n1\t2\t3\n4\t5\t6\n7\t8\t9\n", types.TSV),
    (b"<div>x</div>", types.HTML),
    (b"From: a\nTo: b\nSubject: c\n\nx", types.EML),
    (b"Dear all,\nthis, as you see, is text.\nRegards,\nA, B and C\n", types.TEXT),
]


@pytest.mark.parametrize(("extension", "content", "media_type"), SHOWN)
def test_content_decides(tmp_path: Path, extension: str, content: bytes, media_type: str) -> None:
    path = _stored(tmp_path, content)
    assert detect(path, f"a{extension}") == Detected(media_type)
    assert detect(path, "noname") == Detected(media_type)
    for other in (".pdf", ".csv", ".vtt"):
        found = detect(path, f"a{other}")
        assert found.media_type == media_type
        assert len(found.notices) == (extension != other)


@pytest.mark.parametrize(("name", "content", "media_type"), NAMED)
def test_a_name_settles_what_the_content_leaves_open(
    tmp_path: Path, name: str, content: bytes, media_type: str
) -> None:
    assert detect(_stored(tmp_path, content), name) == Detected(media_type)


@pytest.mark.parametrize(("content", "media_type"), GUESSED)
def test_texts_without_a_name_are_guessed(tmp_path: Path, content: bytes, media_type: str) -> None:
    assert detect(_stored(tmp_path, content), "noname") == Detected(media_type)


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.vtt", b"Just words.", types.TEXT),
        ("a.xml", b"Just words.", types.TEXT),
        ("a.eml", b"Just words.", types.TEXT),
        ("a.vtt", b"1\n00:00:01,000 --> 00:00:02,000\nx\n", types.SRT),
        ("a.txt", CELLS, types.NOTEBOOK),
        ("a.xls", b"a\tb\tc\n1\t2\t3\n4\t5\t6\n7\t8\t9\n", types.TSV),
        ("a.doc", b"<html><body>x</body></html>", types.HTML),
        ("a.json", b'{"a": 1}\n{"a": 2}\n', types.JSONL),
        ("a.py", b"<?xml version='1.0'?><a/>", types.XML),
    ],
)
def test_a_name_that_text_belies_is_said(tmp_path: Path, name: str, content: bytes, media_type: str) -> None:
    found = detect(_stored(tmp_path, content), name)
    assert found.media_type == media_type
    assert name[1:] in found.notices[0]


@pytest.mark.parametrize("name", ["a.pdf", "a.txt", "a.xlsx", "a.html"])
def test_a_lying_name_is_read_by_its_content_and_said(tmp_path: Path, name: str) -> None:
    found = detect(_stored(tmp_path, made.docx(made.paragraph("x"))), name)
    assert found.media_type == types.DOCX
    assert "Word document" in found.notices[0]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.txt", b"", EmptyFile),
        ("a.docx", made.archive({"readme.txt": "just a zip"}), DamagedFile),
        ("a.gif", b"GIF89a" + bytes(50), UnsupportedType),
        ("a.tar.gz", b"\x1f\x8b\x08" + bytes(50), DamagedFile),
        ("a.odg", made.archive({"mimetype": "application/vnd.oasis.opendocument.graphics"}), UnsupportedType),
        ("noname", legacy.compound({"VisioDocument": b"x"}), UnsupportedType),
        ("a.doc", legacy.compound({"VisioDocument": b"x"}), DamagedFile),
        ("a.doc", legacy.doc("x")[:600], DamagedFile),
        ("a.docx", legacy.compound({"EncryptedPackage": b"x"}), PasswordRequired),
        ("a.doc", legacy.doc("x", encrypted=True), PasswordRequired),
        ("a.xls", legacy.xls({"S": [["x"]]}, encrypted=True), PasswordRequired),
        ("a.odt", made.encrypted_odt(), PasswordRequired),
        ("a.exe", b"MZ" + bytes(range(256)), UnsupportedType),
        ("a.docx", made.docx(made.paragraph("x"))[:300], DamagedFile),
        ("a.docx", made.docx("").replace(b"word/document.xml", b"word/documint.xml"), DamagedFile),
        ("a.pdf", b"This is not a PDF.", DamagedFile),
        ("a.pdf", bytes(range(256)), DamagedFile),
        ("a.bin", bytes(range(256)), UnsupportedType),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    tmp_path: Path, name: str, content: bytes, error: type[DocmillError]
) -> None:
    with pytest.raises(error) as refusal:
        detect(_stored(tmp_path, content), name)
    assert str(tmp_path) not in refusal.value.message


def test_a_refusal_lists_what_is_read(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedType, match="PDF, Word document"):
        detect(_stored(tmp_path, b"GIF89a" + bytes(50)), "a.gif")


def test_a_pdf_whose_first_bytes_are_damaged_is_left_to_the_engines(tmp_path: Path) -> None:
    content = made.pdf(["x"]).replace(b"%PDF-1.4", b"%PXF-1.4")
    assert detect(_stored(tmp_path, content), "a.pdf").media_type == types.PDF


def test_only_the_head_of_a_large_file_is_read(tmp_path: Path) -> None:
    path = _stored(tmp_path, b"words\n" * 50_000)
    with path.open("r+b") as file:
        file.truncate(50 * 1024**3)  # sparse: reading it whole would never end
    assert detect(path, "a.txt").media_type == types.TEXT


def test_every_extension_leads_to_its_format() -> None:
    for item in types.formats():
        assert types.format_of(item.media_type) is item
        assert all(
            types.format_named(f"Name.{extension[1:].upper()}") is item for extension in item.extensions
        )
    extensions = [extension for item in types.formats() for extension in item.extensions]
    assert len(extensions) == len(set(extensions))
    assert types.format_named("no extension") is None


def _stored(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "stored-without-a-name"
    path.write_bytes(content)
    return path


def test_the_formats_page_lists_every_format() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "formats.md").read_text()
    for item in types.formats():
        assert f"| {item.name} | {' '.join(item.extensions)}" in page
        assert f"| {item.media_type} | {item.engine} |" in page
