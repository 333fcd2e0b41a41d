"""Documents that show a picture which lies in them: office documents, books, web pages, mails, notebooks."""

from __future__ import annotations

import io
import json
import zipfile
from base64 import b64encode
from collections.abc import Mapping
from email.message import EmailMessage

from tests import made_files as made
from tests import made_legacy as legacy

_OFFICE = "http://schemas.openxmlformats.org"
_DRAWING = f"{_OFFICE}/drawingml/2006"
_RELATION = f'xmlns:r="{_OFFICE}/officeDocument/2006/relationships"'
_BLIP = f'<a:blip {_RELATION} r:embed="rId0"/>'
DRAWN = (
    f'<w:p><w:r><w:drawing><wp:inline xmlns:wp="{_DRAWING}/wordprocessingDrawing">'
    '<wp:docPr id="1" name="Gauge" descr="The gauge"/>'
    f'<a:graphic xmlns:a="{_DRAWING}/main"><a:graphicData uri="{_DRAWING}/picture">'
    f'<pic:pic xmlns:pic="{_DRAWING}/picture"><pic:blipFill>{_BLIP}</pic:blipFill></pic:pic>'
    "</a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"
)
_SHOWN = (
    '<p:pic><p:nvPicPr><p:cNvPr id="9" name="Gauge" descr="The gauge"/><p:cNvPicPr/><p:nvPr/></p:nvPicPr>'
    f"<p:blipFill>{_BLIP}</p:blipFill><p:spPr/></p:pic>"
)
_FRAMED = (
    '<draw:frame xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
    'xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" '
    'xmlns:xlink="http://www.w3.org/1999/xlink" draw:name="Gauge">'
    '<draw:image xlink:href="Pictures/gauge.png"/><svg:desc>The gauge</svg:desc></draw:frame>'
)
ANCHORED = (
    f'<xdr:wsDr xmlns:xdr="{_DRAWING}/spreadsheetDrawing" xmlns:a="{_DRAWING}/main"><xdr:oneCellAnchor>'
    "<xdr:from><xdr:col>1</xdr:col><xdr:row>4</xdr:row></xdr:from>"
    '<xdr:pic><xdr:nvPicPr><xdr:cNvPr id="2" name="Picture 1" descr="The gauge"/></xdr:nvPicPr>'
    f"<xdr:blipFill>{_BLIP}</xdr:blipFill></xdr:pic></xdr:oneCellAnchor></xdr:wsDr>"
)


def word(text: str, *pictures: bytes, times: int = 1) -> bytes:
    """A Word document: a paragraph, and the pictures with a description, each so many times."""
    drawn = [DRAWN.replace("rId0", f"rId{number}") for number in range(len(pictures)) for _ in range(times)]
    members = {f"word/media/gauge{number}.png": picture for number, picture in enumerate(pictures)}
    links = _links(*(name.removeprefix("word/") for name in members))
    document = made.docx(made.paragraph(text) + "".join(drawn))
    return changed(document, {"word/_rels/document.xml.rels": links, **members})


def slides(text: str, picture: bytes) -> bytes:
    """A presentation of one slide, with the picture on it."""
    links = _links("../media/gauge.png")
    members = {"ppt/slides/_rels/slide1.xml.rels": links, "ppt/media/gauge.png": picture}
    return changed(made.pptx([("River", text)]), members, "</p:spTree>", _SHOWN + "</p:spTree>")


def open_text(text: str, picture: bytes) -> bytes:
    """An OpenDocument text: a paragraph, and the picture."""
    end = "</office:text>"
    return changed(made.odt(text), {"Pictures/gauge.png": picture}, end, f"<text:p>{_FRAMED}</text:p>{end}")


def open_slides(text: str, picture: bytes) -> bytes:
    """An OpenDocument presentation of one slide, with the picture on it."""
    members, end = {"Pictures/gauge.png": picture}, "<presentation:notes>"
    return changed(made.odp([("River", text, "")]), members, end, _FRAMED + end)


def open_sheet(text: str, picture: bytes) -> bytes:
    """An OpenDocument spreadsheet of one cell, with the picture on the sheet."""
    shapes = f"<table:shapes>{_FRAMED}</table:shapes>"
    members, first = {"Pictures/gauge.png": picture}, "<table:table-row>"
    return changed(made.ods({"River": [[text]]}), members, first, shapes + first)


def sheet(text: str, picture: bytes) -> bytes:
    """A workbook of one cell, with the picture on the sheet."""
    relation = f"{_OFFICE}/officeDocument/2006/relationships"
    members = {
        "xl/worksheets/_rels/sheet1.xml.rels": _links("../drawings/drawing1.xml", kind="drawing"),
        "xl/drawings/drawing1.xml": ANCHORED.encode(),
        "xl/drawings/_rels/drawing1.xml.rels": _links("../media/gauge.png"),
        "xl/media/gauge.png": picture,
    }
    end = "</worksheet>"
    drawing = f'<drawing xmlns:r="{relation}" r:id="rId0"/>{end}'
    return changed(made.xlsx({"River": [[text]]}), members, end, drawing)


def book(text: str, picture: bytes) -> bytes:
    """A book whose chapter shows the picture."""
    image = '</p><p><img src="images/gauge.png" alt="The gauge"/>'
    return changed(made.epub(text + image), {"images/gauge.png": picture})


def page(text: str, picture: bytes) -> bytes:
    """A web page with the picture inside."""
    return _page(text, _address(picture)).encode()


def saved_page(text: str, picture: bytes, address: str = "https://ferry.example/river/gauge.png") -> bytes:
    """A web page as browsers save it, with the picture in a part of its own."""
    archive = EmailMessage()
    archive["Subject"] = "River"
    archive["Content-Type"] = 'multipart/related; type="text/html"'
    for kind, location, content in (
        ("text/html", "https://ferry.example/river/", _page(text, address).encode()),
        ("image/png", "https://ferry.example/river/gauge.png", picture),
    ):
        part = EmailMessage()
        part.set_content(content, *kind.split("/"))
        part["Content-Location"] = location
        archive.attach(part)
    return archive.as_bytes()


def mail(text: str, picture: bytes, *, shown: bool = True, plain: str = "") -> bytes:
    """A message whose text is a web page with the picture in it, or has it only attached; or both forms."""
    message = EmailMessage()
    message["Subject"] = "River"
    if plain:
        message.set_content(plain)
        message.add_alternative(_page(text, "cid:gauge@ferry"), subtype="html")
    else:
        message.set_content(_page(text, "cid:gauge@ferry") if shown else f"<p>{text}</p>", subtype="html")
    message.add_attachment(picture, "image", "png", cid="<gauge@ferry>", filename="gauge.png")
    return message.as_bytes()


def outlook(text: str, picture: bytes, html: str | None = None) -> bytes:
    """An Outlook message with a plain text, and a web page that shows the picture."""
    shown = _page(text, "cid:gauge@ferry") if html is None else html
    gauge: dict[str, str | bytes] = {"3701": picture, "3707": "gauge.png", "3712": "gauge@ferry"}
    return legacy.outlook({"0037": "River", "1000": text, "1013": shown}, [gauge])


def notebook(text: str, picture: bytes) -> bytes:
    """A notebook of a text, and of code that drew the picture."""
    drawn = {"text/plain": ["<Figure>"], "image/png": b64encode(picture).decode()}
    cells = [
        {"cell_type": "markdown", "source": [text]},
        {
            "cell_type": "code",
            "source": "draw()",
            "outputs": [{"output_type": "display_data", "data": drawn}],
        },
    ]
    return json.dumps({"cells": cells, "nbformat": 4}).encode()


def markdown(text: str, picture: bytes) -> bytes:
    """A Markdown file with the picture inside, as editors export it."""
    return f"{text}\n\n![The gauge][image1]\n\n[image1]: <{_address(picture)}>\n".encode()


def asciidoc(text: str, picture: bytes) -> bytes:
    """An AsciiDoc file with the picture inside."""
    return f"= River\n\n{text}\n\nimage::{_address(picture)}[The gauge]\n".encode()


def _address(picture: bytes) -> str:
    return f"data:image/png;base64,{b64encode(picture).decode()}"


def _page(text: str, address: str) -> str:
    return f'<html><body><p>{text}</p><p><img src="{address}" alt="The gauge"></p></body></html>'


def _links(*targets: str, kind: str = "image") -> bytes:
    """The relations of a part to others, such as its pictures: rId0, rId1 and so on."""
    base = f"{_OFFICE}/officeDocument/2006/relationships"
    rows = (
        f'<Relationship Id="rId{number}" Type="{base}/{kind}" Target="{target}"/>'
        for number, target in enumerate(targets)
    )
    space = f"{_OFFICE}/package/2006/relationships"
    return f'<Relationships xmlns="{space}">{"".join(rows)}</Relationships>'.encode()


def changed(package: bytes, members: Mapping[str, bytes], old: str = "", new: str = "") -> bytes:
    """The package with these members too, and `new` for `old` in its XML."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(name, content.replace(old.encode(), new.encode()) if old else content)
        for name, content in members.items():
            after.writestr(name, content)
    return out.getvalue()
