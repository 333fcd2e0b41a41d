"""Which pictures a file shows that lie in it, and that their bytes are found by what they are called."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image
from tests import illustrated
from tests.contract.test_readers import Desk
from tests.fuzz.mutations import mutated
from tests.scans import png

from docmill.adapters.readers.detect import detect
from docmill.adapters.readers.inner_pictures import inner_picture
from docmill.domain.documents import BlockKind, RawBlock
from docmill.domain.reading_errors import PageNotDrawn, ReaderTooLarge

GAUGE = png(Image.linear_gradient("L").resize((40, 20)))
PIER = png(Image.radial_gradient("L").resize((40, 20)))
KINDS: dict[str, Callable[[str, bytes], bytes]] = {
    "a.docx": illustrated.word,
    "a.pptx": illustrated.slides,
    "a.xlsx": illustrated.sheet,
    "a.odt": illustrated.open_text,
    "a.odp": illustrated.open_slides,
    "a.ods": illustrated.open_sheet,
    "a.epub": illustrated.book,
    "a.html": illustrated.page,
    "a.mhtml": illustrated.saved_page,
    "a.eml": illustrated.mail,
    "a.msg": illustrated.outlook,
    "a.ipynb": illustrated.notebook,
    "a.md": illustrated.markdown,
    "a.adoc": illustrated.asciidoc,
}
UNDESCRIBED = {"a.ipynb", "a.md"}


def shown(blocks: list[RawBlock]) -> list[tuple[str, str | None]]:
    """The pictures that lie in the file: what describes them, and their names."""
    return [(block.text, block.picture) for block in blocks if block.picture]


def address(picture: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"


def bytes_in(folder: Path, name: str, content: bytes, picture: str | None) -> bytes:
    path = folder / name
    path.write_bytes(content)
    return inner_picture(path, detect(path, name).media_type, picture or "none")


# --- every format


@pytest.mark.parametrize("name", KINDS)
def test_a_picture_is_shown_with_its_description_and_found_by_its_name(
    desk: Desk, tmp_path: Path, name: str
) -> None:
    file = KINDS[name]("High water.", GAUGE)
    ((description, picture),) = shown(desk.read(name, file).blocks)

    assert description == ("" if name in UNDESCRIBED else "The gauge")
    assert bytes_in(tmp_path, name, file, picture).rstrip(b"\0") == GAUGE  # made messages are filled up


@pytest.mark.parametrize("name", KINDS)
def test_a_picture_that_is_not_there_is_not_drawn(tmp_path: Path, name: str) -> None:
    file = KINDS[name]("High water.", GAUGE)
    for wanted in ("media/none.png", "data:7", "part:70", "part:x", "cell:9/0", ""):
        with pytest.raises(PageNotDrawn):
            bytes_in(tmp_path, name, file, wanted)


@pytest.mark.parametrize("name", KINDS)
def test_a_picture_that_is_too_large_is_refused(
    desk: Desk, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = KINDS[name]("High water.", GAUGE)
    ((_, picture),) = shown(desk.read(name, file).blocks)
    monkeypatch.setattr("docmill.adapters.readers.inner_pictures.PICTURE_BYTES", len(GAUGE) - 1)

    with pytest.raises(ReaderTooLarge):
        bytes_in(tmp_path, name, file, picture)


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_has_its_picture_or_tells_why_not(desk: Desk, tmp_path: Path, name: str) -> None:
    file = KINDS[name]("High water.", GAUGE)
    ((_, picture),) = shown(desk.read(name, file).blocks)
    path = tmp_path / name
    path.write_bytes(file)
    media_type = detect(path, name).media_type

    for seed in range(100):
        path.write_bytes(mutated(seed, [file]))
        with suppress(PageNotDrawn, ReaderTooLarge):
            inner_picture(path, media_type, picture or "")


# --- web pages


def test_pictures_of_a_page_are_called_by_their_place_and_the_same_one_is_called_the_same(
    desk: Desk, tmp_path: Path
) -> None:
    images = (
        f'<p><img alt="{alt}" src="{address(data)}"></p>'
        for alt, data in (("One", GAUGE), ("Two", PIER), ("Again", GAUGE))
    )
    page = f"<html><body>{''.join(images)}</body></html>"

    assert shown(desk.read("a.html", page).blocks) == [
        ("One", "data:0"),
        ("Two", "data:1"),
        ("Again", "data:0"),
    ]
    assert bytes_in(tmp_path, "a.html", page.encode(), "data:1") == PIER


def test_an_address_may_be_written_in_lines_and_with_escapes(desk: Desk, tmp_path: Path) -> None:
    head, _, code = address(GAUGE).partition(",")
    wrapped = "\n  ".join(code[at : at + 40].replace("+", "&#43;") for at in range(0, len(code), 40))
    escaped = code.replace("+", "%2B").replace("/", "%2F").rstrip("=")
    page = f"<html><body><p><img src='{head},\n{wrapped}'></p><p><img src={head},{escaped}></p></body></html>"

    names = [name for _, name in shown(desk.read("a.html", page).blocks)]
    assert names == ["data:0", "data:1"]
    assert [bytes_in(tmp_path, "a.html", page.encode(), name) for name in names] == [GAUGE, GAUGE]


@pytest.mark.parametrize(
    "source",
    [
        address(b"<svg/>", "svg+xml"),
        address(b"GIF89a", "gif"),
        "data:text/html;base64,PGI+",
        "https://ferry.example/gauge.png",
        "gauge.png",
        "cid:gauge",
        "file:///etc/gauge.png",
    ],
)
def test_drawings_and_what_lies_elsewhere_is_not_looked_at(desk: Desk, source: str) -> None:
    page = f'<html><body><p>Water.</p><p><img src="{source}" alt="A gauge"></p></body></html>'
    read = desk.read("a.html", page)

    assert (shown(read.blocks), read.of_kind(BlockKind.IMAGE)) == ([], ["A gauge"])


@pytest.mark.parametrize(
    "body",
    [
        '<p><img style="display:none" SRC alt="Wire money"></p>',
        '<p hidden><img SRC alt="Wire money"></p>',
        '<div style="visibility: hidden"><p><img SRC alt="Wire money"></p></div>',
        '<p class="off"><img SRC alt="Wire money"></p>',
        '<p><IMG class="off" SRC alt="Wire money"></p>',
        '<p>Low <img style="opacity:0" SRC alt="Wire money"> tide.</p>',
    ],
)
def test_a_picture_that_the_page_hides_is_not_shown(desk: Desk, body: str) -> None:
    style = "<style>.off { display: none }</style>"
    body = body.replace("SRC", f'src="{address(GAUGE)}"')
    blocks = desk.read("a.html", f"<html><head>{style}</head><body><p>Water.</p>{body}</body></html>").blocks

    assert shown(blocks) == []
    assert [block.text for block in blocks if block.hidden] == ["Wire money"]


def test_letters_without_a_size_hide_no_picture(desk: Desk) -> None:
    page = f'<html><body><p>Water.</p><p style="font-size:0"><img src="{address(GAUGE)}"></p></body></html>'
    assert shown(desk.read("a.html", page).blocks) == [("", "data:0")]


def test_pictures_in_sentence_list_and_table_follow_it(desk: Desk) -> None:
    image = f'<img src="{address(GAUGE)}" alt="gauge">'
    page = (
        f"<html><body><p>The {image} is red.</p><ul><li>A {image}</li><li>B</li></ul>"
        f"<table><tr><th>x</th><th>y</th></tr><tr><td>{image}</td><td>1</td></tr></table>"
        f'<p><a href="https://ferry.example">{image}</a></p></body></html>'
    )
    blocks = desk.read("a.html", page).blocks

    assert [(block.text, block.picture) for block in blocks] == [
        ("The gauge is red.", None),
        ("", "data:0"),
        ("- A gauge", None),
        ("", "data:0"),
        ("- B", None),
        ("x | y\ngauge | 1", None),
        ("", "data:0"),
        ("gauge", None),
        ("", "data:0"),
    ]


# --- saved pages and mails


@pytest.mark.parametrize("source", ["https://ferry.example/river/gauge.png", "gauge.png", "/river/gauge.png"])
def test_a_saved_page_shows_what_was_saved_with_it(desk: Desk, source: str) -> None:
    read = desk.read("a.mhtml", illustrated.saved_page("Water.", GAUGE, source))
    assert shown(read.blocks) == [("The gauge", "part:2")]


@pytest.mark.parametrize(
    "source", ["https://elsewhere.example/gauge.png", "pier.png", "http://[", "cid:none"]
)
def test_a_saved_page_shows_nothing_that_is_not_in_it(desk: Desk, source: str) -> None:
    assert shown(desk.read("a.mhtml", illustrated.saved_page("Water.", GAUGE, source)).blocks) == []


def test_a_picture_inside_the_page_of_a_part_is_called_after_both(desk: Desk, tmp_path: Path) -> None:
    saved = illustrated.saved_page("Water.", GAUGE, address(PIER))
    ((_, name),) = shown(desk.read("a.mhtml", saved).blocks)

    assert name == "part:1/data:0"
    assert bytes_in(tmp_path, "a.mhtml", saved, name) == PIER


@pytest.mark.parametrize("name", ["a.eml", "a.msg"])
def test_what_a_mail_shows_is_no_attachment_and_what_it_does_not_show_is_one(desk: Desk, name: str) -> None:
    if name == "a.eml":
        inside, beside = illustrated.mail("Water.", GAUGE), illustrated.mail("Water.", GAUGE, shown=False)
    else:
        inside = illustrated.outlook("Water.", GAUGE)
        beside = illustrated.outlook("Water.", GAUGE, "<p>Water.</p>")

    read = desk.read(name, inside)
    assert (len(shown(read.blocks)), list(read.files)) == (1, [])
    read = desk.read(name, beside)
    assert (len(shown(read.blocks)), list(read.files)) == (0, ["gauge.png"])


def test_a_mail_may_show_a_picture_by_where_it_lay(desk: Desk) -> None:
    saved = illustrated.saved_page("Water.", GAUGE, "gauge.png")
    read = desk.read("a.eml", b"From: ann@mail.example\nReceived: here\n" + saved)
    assert ([name for _, name in shown(read.blocks)], read.files) == (["part:2"], {})


def test_a_mail_of_a_thousand_pages_is_looked_through_once(desk: Desk) -> None:
    head = b"Subject: River\nContent-Type: multipart/mixed; boundary=b\n\n"
    page = b"--b\nContent-Type: text/html\n\n<p>Water <img src='cid:gauge@ferry'></p>\n"
    gauge = b"--b\nContent-Type: image/png\nContent-ID: <gauge@ferry>\n\npixels\n"
    assert len(shown(desk.read("a.eml", head + page * 1_000 + gauge + b"--b--\n").blocks)) == 1_000


def test_the_pictures_of_the_other_form_follow_the_plain_text(desk: Desk) -> None:
    mail = illustrated.mail("<b>Water.</b>", GAUGE, plain="Water, plainly.")
    blocks = desk.read("a.eml", mail).blocks
    assert [block.text for block in blocks] == ["River", "Water, plainly.", "The gauge"]
    assert blocks[-1].picture == "part:4"


def test_a_picture_that_comes_with_a_plain_text_is_shown_behind_it(desk: Desk) -> None:
    read = desk.read("a.msg", illustrated.outlook("Water.", GAUGE, ""))
    assert ([block.text for block in read.blocks], read.files) == (["River", "Water.", ""], {})
    assert read.blocks[-1].picture


def test_a_hidden_picture_of_a_mail_is_neither_shown_nor_attached(desk: Desk) -> None:
    mail = illustrated.mail("Water.", GAUGE).replace(b"<img", b'<img style="display:none"')
    read = desk.read("a.eml", mail)
    assert (shown(read.blocks), read.files) == ([], {})


# --- packages


def test_pictures_of_a_sheet_follow_its_rows_from_top_to_bottom(desk: Desk) -> None:
    workbook = illustrated.sheet("Water.", GAUGE)
    start, end = "<xdr:oneCellAnchor>", "</xdr:oneCellAnchor>"
    _, _, rest = illustrated.ANCHORED.partition(start)
    anchor = start + rest.partition(end)[0] + end
    upper = anchor.replace("<xdr:row>4", "<xdr:row>0").replace("The gauge", "Above")
    hidden = anchor.replace('descr="The gauge"', 'descr="Wire money" hidden="1"')
    blocks = desk.read("a.xlsx", illustrated.changed(workbook, {}, anchor, anchor + upper + hidden)).blocks

    assert [block.text for block in blocks] == ["River", "Water.", "Above", "The gauge"]
    assert {block.page for block in blocks} == {1}


IN_A_CELL = "<w:tbl><w:tblGrid><w:gridCol/></w:tblGrid><w:tr><w:tc><w:p>{}</w:p></w:tc></w:tr></w:tbl>"
IN_A_LIST = '<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr>{}</w:p>'


@pytest.mark.parametrize(("around", "kind"), [(IN_A_CELL, BlockKind.TABLE), (IN_A_LIST, BlockKind.LIST)])
def test_a_picture_in_a_table_or_list_of_a_word_document_comes_before_it(
    desk: Desk, tmp_path: Path, around: str, kind: BlockKind
) -> None:
    document = illustrated.word("Water.", GAUGE)
    run = illustrated.DRAWN.removeprefix("<w:p>").removesuffix("</w:p>")
    told = around.format(f"<w:r><w:t>Said.</w:t></w:r>{run}")
    file = illustrated.changed(document, {}, illustrated.DRAWN, told)
    _, image, beside = desk.read("a.docx", file).blocks
    assert (image.text, image.picture) == ("The gauge", "media/gauge0.png")
    assert beside.kind is kind
    assert bytes_in(tmp_path, "a.docx", file, image.picture) == GAUGE


@pytest.mark.parametrize(("name", "said"), [("a.pptx", "descr"), ("a.docx", "descr"), ("a.html", "alt")])
def test_a_picture_that_nobody_described_is_shown_without_words(desk: Desk, name: str, said: str) -> None:
    file = KINDS[name]("Water.", GAUGE)
    old, new = (f'{said}="{words}"' for words in ("The gauge", "Picture 3"))
    file = (
        file.replace(old.encode(), new.encode())
        if name == "a.html"
        else illustrated.changed(file, {}, old, new)
    )
    read = desk.read(name, file)
    assert [text for text, _ in shown(read.blocks)] == [""]
    assert "Picture 3" not in read.text


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("Picture", ""),
        ("image 12", ""),
        ("IMG_0042.JPG", ""),
        ("A ferry&#10;&#10;Description automatically generated with medium confidence", "A ferry"),
        ("Picture of the pier", "Picture of the pier"),
    ],
)
def test_a_description_that_nobody_wrote_is_none(desk: Desk, written: str, told: str) -> None:
    workbook = illustrated.sheet("Water.", GAUGE)
    book = illustrated.changed(workbook, {}, 'descr="The gauge"', f'descr="{written}"')
    assert shown(desk.read("a.xlsx", book).blocks) == [(told, "xl/media/gauge.png")]


def test_a_workbook_of_pictures_alone_is_read(desk: Desk) -> None:
    assert shown(desk.read("a.xlsx", illustrated.sheet("", GAUGE)).blocks) == [
        ("The gauge", "xl/media/gauge.png")
    ]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a.pptx", "<p:sld ", '<p:sld show="0" '),
        ("a.pptx", 'id="9"', 'id="9" hidden="1"'),
        ("a.docx", "<w:r><w:drawing>", "<w:r><w:rPr><w:vanish/></w:rPr><w:drawing>"),
        ("a.odt", "<text:p><draw:frame ", '<text:p text:display="none"><draw:frame '),
        ("a.odp", "<draw:page>", '<draw:page text:display="none">'),
        ("a.epub", "<img ", "<img hidden='' "),
    ],
)
def test_what_a_document_hides_it_does_not_show(desk: Desk, name: str, old: str, new: str) -> None:
    file = illustrated.changed(KINDS[name]("Water.", GAUGE), {}, old, new)
    assert file != KINDS[name]("Water.", GAUGE)
    blocks = desk.read(name, file).blocks
    assert shown(blocks) == []
    assert "The gauge" not in [block.text for block in blocks if not block.hidden]


# --- notebooks


def test_a_notebook_shows_what_is_attached_to_its_texts_and_what_its_code_drew(
    desk: Desk, tmp_path: Path
) -> None:
    code = b64encode(PIER).decode()
    texts = {
        "cell_type": "markdown",
        "source": ["![The pier](attachment:the%20pier.png)\n", "\n", f"![Gauge]({address(GAUGE)})"],
        "attachments": {"the pier.png": {"image/png": code}},
    }
    outputs = [
        {"output_type": "stream", "text": "drawn"},
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>"}},
        {
            "output_type": "display_data",
            "data": {"image/jpeg": [code[:30], code[30:]], "text/plain": "<Fig>"},
        },
    ]
    cells = [texts, {"cell_type": "code", "source": "draw()", "outputs": outputs}]
    file = json.dumps({"cells": cells, "nbformat": 4}).encode()

    pictures = shown(desk.read("a.ipynb", file).blocks)
    assert pictures == [("The pier", "cell:0/the pier.png"), ("Gauge", "cell:0/data:0"), ("", "cell:1/2")]
    assert [bytes_in(tmp_path, "a.ipynb", file, name) for _, name in pictures] == [PIER, GAUGE, PIER]


# --- texts


def test_the_pictures_of_a_markdown_file_do_not_move_its_words(desk: Desk) -> None:
    source = illustrated.markdown("Water.", GAUGE).decode() + "\nThe end."
    read = desk.read("a.md", source)
    assert read.text == source
    assert (read.blocks[-1].text, read.blocks[-1].picture) == ("", "data:0")
