"""Packed documents that show a picture which lies in them: an office document, slides, a book."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from tests import made_files as made

_OFFICE = "http://schemas.openxmlformats.org"
_DRAWING = f"{_OFFICE}/drawingml/2006"
_RELATION = f'xmlns:r="{_OFFICE}/officeDocument/2006/relationships"'
_BLIP = f'<a:blip {_RELATION} r:embed="rId0"/>'
_DRAWN = (
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
    '<text:p xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"><draw:frame draw:name="Gauge">'
    '<draw:image xlink:href="Pictures/gauge.png"/></draw:frame></text:p>'
)


def word(text: str, *pictures: bytes, times: int = 1) -> bytes:
    """A Word document: a paragraph, and the pictures with a description, each so many times."""
    drawn = [_DRAWN.replace("rId0", f"rId{number}") for number in range(len(pictures)) for _ in range(times)]
    members = {f"word/media/gauge{number}.png": picture for number, picture in enumerate(pictures)}
    links = _links(*(name.removeprefix("word/") for name in members))
    document = made.docx(made.paragraph(text) + "".join(drawn))
    return _with(document, {"word/_rels/document.xml.rels": links, **members})


def slides(text: str, picture: bytes) -> bytes:
    """A presentation of one slide, with the picture on it."""
    links = _links("../media/gauge.png")
    members = {"ppt/slides/_rels/slide1.xml.rels": links, "ppt/media/gauge.png": picture}
    return _with(made.pptx([("River", text)]), members, "</p:spTree>", _SHOWN + "</p:spTree>")


def open_text(text: str, picture: bytes) -> bytes:
    """An OpenDocument text: a paragraph, and the picture."""
    end = "</office:text>"
    return _with(made.odt(text), {"Pictures/gauge.png": picture}, end, _FRAMED + end)


def book(text: str, picture: bytes) -> bytes:
    """A book whose chapter shows the picture."""
    image = '</p><p><img src="images/gauge.png" alt="The gauge"/>'
    return _with(made.epub(text + image), {"images/gauge.png": picture})


def _links(*targets: str) -> bytes:
    """The relations of a part to its pictures: rId0, rId1 and so on."""
    kind = f"{_OFFICE}/officeDocument/2006/relationships/image"
    rows = (
        f'<Relationship Id="rId{number}" Type="{kind}" Target="{target}"/>'
        for number, target in enumerate(targets)
    )
    base = f"{_OFFICE}/package/2006/relationships"
    return f'<Relationships xmlns="{base}">{"".join(rows)}</Relationships>'.encode()


def _with(package: bytes, members: Mapping[str, bytes], old: str = "", new: str = "") -> bytes:
    """The package with these members too, and `new` for `old` in its XML."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(name, content.replace(old.encode(), new.encode()) if old else content)
        for name, content in members.items():
            after.writestr(name, content)
    return out.getvalue()
