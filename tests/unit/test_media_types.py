"""What a file is: its content decides, its name only breaks ties among texts."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from tests import made_files as made

from docmill.adapters.readers.detect import detect
from docmill.domain import media_types as types
from docmill.domain.errors import DamagedFile, DocmillError, EmptyFile, PasswordRequired, UnsupportedType

OLE_HEAD = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(22) + b"\x09\x00" + bytes(16) + bytes(4) + bytes(460)

RECOGNISED = [
    ("a.pdf", made.pdf(["x"]), types.PDF),
    ("a.docx", made.docx(made.paragraph("x")), types.DOCX),
    ("a.pptx", made.pptx([("x", "y")]), types.PPTX),
    ("a.xlsx", made.xlsx({"S": [["x"]]}), types.XLSX),
    ("a.odt", made.odt("x"), types.ODT),
    ("a.epub", made.epub("x"), types.EPUB),
    ("a.rtf", b"{\\rtf1 x}", types.RTF),
    ("a.html", b"<p>no html tag</p>", types.HTML),
    ("noname", b"<!DOCTYPE html><html></html>", types.HTML),
    ("a.md", b"# x", types.MARKDOWN),
    ("a.csv", b"a,b", types.CSV),
    ("a.tsv", b"a\tb", types.TSV),
    ("a.json", b"{}", types.JSON),
    ("noname", b'{"a": 1}', types.JSON),
    ("noname", b'{"a": 1}\n{"a": 2}\n', types.JSONL),
    ("a.jsonl", b"{}\n{}", types.JSONL),
    ("a.eml", b"From: a@b.example\n\nx", types.EML),
    ("noname", b"From: a\nTo: b\nSubject: c\n\nx", types.EML),
    ("a.txt", b"From here to there", types.TEXT),
    ("a.unheard-of", "grüße".encode(), types.TEXT),
    ("a.txt", codecs.BOM_UTF16_LE + "grüße".encode("utf-16-le"), types.TEXT),
    ("a.txt", "wide without a mark".encode("utf-16-le"), types.TEXT),
    ("a.txt", "déjà vu".encode("cp1252"), types.TEXT),
]


@pytest.mark.parametrize(("name", "content", "media_type"), RECOGNISED)
def test_content_is_recognised(tmp_path: Path, name: str, content: bytes, media_type: str) -> None:
    found = detect(_stored(tmp_path, content), name)
    assert (found.media_type, found.notices) == (media_type, ())


@pytest.mark.parametrize("name", ["a.pdf", "a.txt", "a.xlsx", "a.html"])
def test_a_lying_name_is_read_by_its_content_and_said(tmp_path: Path, name: str) -> None:
    found = detect(_stored(tmp_path, made.docx(made.paragraph("x"))), name)
    assert found.media_type == types.DOCX
    assert "Word document" in found.notices[0]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.txt", b"", EmptyFile),
        ("a.docx", made.archive({"readme.txt": "just a zip"}), UnsupportedType),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(50), UnsupportedType),
        ("a.tar.gz", b"\x1f\x8b\x08" + bytes(50), UnsupportedType),
        (
            "a.odp",
            made.archive({"mimetype": "application/vnd.oasis.opendocument.presentation"}),
            UnsupportedType,
        ),
        ("a.doc", OLE_HEAD + bytes(5120), UnsupportedType),
        ("a.docx", OLE_HEAD + bytes(5120) + "EncryptedPackage".encode("utf-16-le"), PasswordRequired),
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
        detect(_stored(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(50)), "a.png")


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
