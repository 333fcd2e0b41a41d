"""Small real files of every format, written byte by byte, so that a test can say what is in them."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

_OFFICE = "http://schemas.openxmlformats.org"
_WORD = f'xmlns:w="{_OFFICE}/wordprocessingml/2006/main"'
_SHEET = f'xmlns="{_OFFICE}/spreadsheetml/2006/main"'
_LINKS = f'xmlns:r="{_OFFICE}/officeDocument/2006/relationships"'
_SLIDE = f'xmlns:p="{_OFFICE}/presentationml/2006/main" xmlns:a="{_OFFICE}/drawingml/2006/main" {_LINKS}'
_PAD = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def chapters(count: int) -> bytes:
    """Markdown: chapters of a passage each, of about a hundred tokens."""
    words = "The river carries the ferry to the other bank. " * 9
    return "\n\n".join(f"# Chapter {n}\n\nParagraph {n}. {words}" for n in range(count)).encode()


def pdf(pages: Iterable[str], *, password: str | None = None, catalog: str = "") -> bytes:
    """A PDF with one Helvetica text a page, its lines 20 points apart from the top; RC4 when protected.

    `catalog` goes into the document's root as it is.
    """
    texts = list(pages)
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(texts)))
    key = _rc4_key(password) if password is not None else None
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode(),
        f"<< /Type /Pages /Kids [{kids}] /Count {len(texts)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for text in texts:
        number = len(objects) + 1
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {number + 1} 0 R "
            f"/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        stream = _content(text)
        stream = _rc4(_object_key(key, number + 1), stream) if key else stream
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream))
    return _assembled(objects, _protection(password) if password is not None else b"")


def pdf_of_pages(
    contents: Iterable[bytes | Stream], resources: str = "", extra: Iterable[bytes] = ()
) -> bytes:
    """A PDF whose pages draw these contents with font F1 and `resources`; `extra` objects are 4 and on."""
    streams = [item if isinstance(item, Stream) else Stream(item) for item in contents]
    more = list(extra)
    first = 4 + len(more)
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(streams)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(streams)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *more,
    ]
    for stream in streams:
        number = len(objects) + 1
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{stream.media_box}] /Contents {number + 1} 0 R "
            f"/Resources << /Font << /F1 3 0 R >> {resources} >> >>".encode()
        )
        objects.append(stream.object())
    return _assembled(objects, b"")


@dataclass(frozen=True)
class Stream:
    """The content of a page, and how it is packed."""

    data: bytes
    filters: str = ""
    media_box: str = "0 0 612 792"

    def object(self) -> bytes:
        head = f"<< /Length {len(self.data)} {self.filters} >>"
        return b"%b\nstream\n%b\nendstream" % (head.encode(), self.data)


def page_of(text: str) -> bytes:
    """The content of a page that shows some lines."""
    return _content(text)


@cache
def exploding_page(size_bytes: int = 1024**3) -> Stream:
    """A page of a few hundred bytes that unpacks to a gigabyte."""
    return Stream(zlib.compress(flate_of(size_bytes), 9), "/Filter [/FlateDecode /FlateDecode]")


def flate_of(size_bytes: int) -> bytes:
    """So many spaces, deflated."""
    packer, block = zlib.compressobj(1), b" " * 1024**2
    return b"".join(packer.compress(block) for _ in range(size_bytes // len(block))) + packer.flush()


def endless_page() -> tuple[bytes, str, list[bytes]]:
    """A page that draws forms which draw forms: its content, and the resources and objects it needs."""
    levels, times = 10, 12
    forms = []
    for level in range(levels):
        inner = b"/X%d Do " % (level + 1) * times if level + 1 < levels else b"0 0 m 9 9 l S "
        head = (
            f"<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Length {len(inner)} "
            f"/Resources << /XObject << /X{level + 1} {5 + level} 0 R >> >> >>"
        )
        forms.append(b"%b\nstream\n%b\nendstream" % (head.encode(), inner))
    return b"/X0 Do", "/XObject << /X0 4 0 R >>", forms


def drawn_pdf(
    pages: Iterable[str],
    *,
    page: str = "",
    catalog: str = "",
    info: str = "",
    resources: str = "",
    more: Iterable[str] = (),
) -> bytes:
    """A PDF whose pages draw what these content streams say, with Helvetica as /F1.

    `page`, `catalog`, `info` and `resources` go into their dictionaries as they are. Objects in `more` come
    behind the pages: with one page, the first of them has the number 6.
    """
    texts = list(pages)
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(texts)))
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(texts)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for text in texts:
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] {page} /Contents {len(objects) + 2} 0 R "
            f"/Resources << /Font << /F1 3 0 R >> {resources} >> >>"
        )
        objects.append(f"<< /Length {len(text)} >>\nstream\n{text}\nendstream")
    objects += [*more, f"<< {info} >>"]
    trailer = f"/Info {len(objects)} 0 R "
    return _assembled([body.encode("latin-1") for body in objects], trailer.encode())


def said(text: str, y: int, *, x: int = 72, size: int = 12, how: str = "") -> str:
    """Content that writes a line at this place, in points from the bottom left; `how` sets colour or mode."""
    return f"q BT {how} /F1 {size} Tf {x} {y} Td ({text}) Tj ET Q\n"


def embedded(number: int, name: str) -> str:
    """What the catalog says of a file that is embedded as the object of this number."""
    file = f"<< /Type /Filespec /F ({name}) /UF ({name}) /EF << /F {number} 0 R >> >>"
    return f"/Names << /EmbeddedFiles << /Names [({name}) {file}] >> >>"


def embedded_file(content: str) -> str:
    """A file as an object of a PDF."""
    return f"<< /Type /EmbeddedFile /Length {len(content)} >>\nstream\n{content}\nendstream"


def _content(text: str) -> bytes:
    lines = "".join(f"({line}) Tj T* " for line in text.splitlines())
    return f"BT /F1 14 Tf 20 TL 72 700 Td {lines}ET".encode("latin-1")


def _assembled(objects: list[bytes], trailer: bytes) -> bytes:
    out, places = io.BytesIO(), []
    out.write(b"%PDF-1.4\n")
    for number, body in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))
    start = out.tell()
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    out.write(b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table))
    out.write(b"trailer\n<< /Size %d /Root 1 0 R %b>>\n" % (len(objects) + 1, trailer))
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


def _padded(password: str) -> bytes:
    return (password.encode() + _PAD)[:32]


def _owner_entry(password: str) -> bytes:
    return _rc4(hashlib.md5(_padded(password)).digest()[:5], _padded(password))


def _rc4_key(password: str) -> bytes:
    """The PDF standard's 40-bit key, for permissions -4 and the file id `docmill`."""
    permissions = (-4).to_bytes(4, "little", signed=True)
    return hashlib.md5(_padded(password) + _owner_entry(password) + permissions + b"docmill").digest()[:5]


def _protection(password: str) -> bytes:
    owner, user = _owner_entry(password).hex(), _rc4(_rc4_key(password), _PAD).hex()
    entry = f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{owner}> /U <{user}> /P -4 >> "
    return entry.encode() + b"/ID [<%b> <%b>] " % (b"docmill".hex().encode(), b"docmill".hex().encode())


def _object_key(key: bytes, number: int) -> bytes:
    return hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0").digest()[:10]


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def archive(members: Mapping[str, str]) -> bytes:
    """A zip archive of text members, in their order; the same members give the same bytes at any time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as container:
        for name, text in members.items():
            container.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def tar(members: Mapping[str, str]) -> bytes:
    """A tar archive of text members, in their order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as container:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            container.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def with_part_changed(package: bytes, part: str, old: str, new: str) -> bytes:
    """A package with `new` for `old` in one of its parts."""
    with zipfile.ZipFile(io.BytesIO(package)) as given:
        members = {name: given.read(name).decode() for name in given.namelist()}
    return archive({**members, part: members[part].replace(old, new)})


def with_parts(package: bytes, parts: Mapping[str, str]) -> bytes:
    """A package with these parts besides its own."""
    with zipfile.ZipFile(io.BytesIO(package)) as given:
        return archive({name: given.read(name).decode() for name in given.namelist()} | dict(parts))


def _package(kind: str, main: str, parts: Mapping[str, str]) -> bytes:
    """An Office package whose main part is `main`."""
    types = (
        f'<Types xmlns="{_OFFICE}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{main}" ContentType="application/vnd.openxmlformats-officedocument.{kind}'
        '.main+xml"/></Types>'
    )
    relations = links([("officeDocument", main)])
    return archive({"[Content_Types].xml": types, "_rels/.rels": relations, **parts})


def links(targets: Iterable[tuple[str, str]]) -> str:
    """The relations of a part to others: (kind, target) each."""
    base = f"{_OFFICE}/officeDocument/2006/relationships"
    rows = (
        f'<Relationship Id="rId{number}" Type="{base}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'<Relationships xmlns="{_OFFICE}/package/2006/relationships">{"".join(rows)}</Relationships>'


def docx(body: str) -> bytes:
    """A Word document; `body` is WordprocessingML, see `heading`, `paragraph` and `word_table`."""
    document = f"<w:document {_WORD}><w:body>{body}</w:body></w:document>"
    return _package("wordprocessingml.document", "word/document.xml", {"word/document.xml": document})


def docx_of_xml(pieces: Iterable[bytes]) -> bytes:
    """A Word document whose main part is made of these bytes, whatever they are."""
    file = io.BytesIO(docx(""))
    with zipfile.ZipFile(file) as empty:
        members = {name: empty.read(name) for name in empty.namelist()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            with archive.open(name, "w") as member:
                member.writelines(pieces if name == "word/document.xml" else [content])
    return out.getvalue()


def paragraph(text: str) -> str:
    """A paragraph of a Word document."""
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def heading(text: str, level: int) -> str:
    """A heading of a Word document."""
    style = f'<w:pPr><w:pStyle w:val="Heading{level}"/></w:pPr>'
    return f"<w:p>{style}<w:r><w:t>{text}</w:t></w:r></w:p>"


def word_table(rows: Iterable[Iterable[str]]) -> str:
    """A table of a Word document."""
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def pptx(slides: Iterable[tuple[str, str]]) -> bytes:
    """A presentation of (title, text) slides; an empty title leaves the slide without one."""
    texts = list(slides)
    parts: dict[str, str] = {}
    for number, (title, text) in enumerate(texts, start=1):
        shapes = (_shape("title", title) if title else "") + _shape("body", text)
        parts[f"ppt/slides/slide{number}.xml"] = (
            f"<p:sld {_SLIDE}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        )
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="rId{n}"/>' for n in range(1, len(texts) + 1))
    parts["ppt/presentation.xml"] = (
        f"<p:presentation {_SLIDE}><p:sldIdLst>{ids}</p:sldIdLst>"
        f'<p:sldSz cx="12192000" cy="6858000"/></p:presentation>'
    )
    relations = links(("slide", f"slides/slide{n}.xml") for n in range(1, len(texts) + 1))
    parts["ppt/_rels/presentation.xml.rels"] = relations
    return _package("presentationml.presentation", "ppt/presentation.xml", parts)


def _shape(kind: str, text: str) -> str:
    place = f'<p:cNvPr id="2" name="{kind}"/><p:cNvSpPr/><p:nvPr><p:ph type="{kind}"/></p:nvPr>'
    body = f"<p:txBody><a:bodyPr/><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody>"
    return f"<p:sp><p:nvSpPr>{place}</p:nvSpPr><p:spPr/>{body}</p:sp>"


def xlsx(sheets: Mapping[str, Iterable[Iterable[str]]]) -> bytes:
    """A workbook of named sheets with text cells; an empty text leaves the cell out."""
    names = list(sheets)
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(names, 1))
    parts = {
        "xl/workbook.xml": f"<workbook {_SHEET} {_LINKS}><sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": links(
            ("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(names) + 1)
        ),
    }
    for number, name in enumerate(names, start=1):
        rows = "".join(_sheet_row(at, row) for at, row in enumerate(sheets[name], start=1))
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f"<worksheet {_SHEET}><sheetData>{rows}</sheetData></worksheet>"
        )
    return _package("spreadsheetml.sheet", "xl/workbook.xml", parts)


def _sheet_row(number: int, cells: Iterable[str]) -> str:
    written = (
        f'<c r="{chr(64 + column)}{number}" t="inlineStr"><is><t>{text}</t></is></c>'
        for column, text in enumerate(cells, start=1)
        if text
    )
    return f'<row r="{number}">{"".join(written)}</row>'


def odt(text: str) -> bytes:
    """An OpenDocument text of one paragraph."""
    office = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<office:document-content xmlns:office="{office}:office:1.0" xmlns:text="{office}:text:1.0">'
        f"<office:body><office:text><text:p>{text}</text:p></office:text></office:body>"
        "</office:document-content>"
    )
    return archive({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})


def encrypted_odt() -> bytes:
    """An OpenDocument text whose manifest says that its content is encrypted."""
    data = "<manifest:encryption-data/>"
    members = {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "?"}
    return archive({**members, "META-INF/manifest.xml": f"<manifest:manifest>{data}</manifest:manifest>"})


def ods(sheets: Mapping[str, Iterable[Iterable[str]]]) -> bytes:
    """An OpenDocument spreadsheet of named sheets with text cells."""
    tables = (
        f'<table:table table:name="{name}">'
        + "".join(f"<table:table-row>{''.join(map(_open_cell, row))}</table:table-row>" for row in rows)
        + "</table:table>"
        for name, rows in sheets.items()
    )
    return open_document("spreadsheet", "".join(tables))


def _open_cell(text: str) -> str:
    return f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'


def odp(slides: Iterable[tuple[str, str, str]]) -> bytes:
    """An OpenDocument presentation of slides with a title, an item of a list, and speaker notes."""
    pages = (
        f'<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>{title}</text:p>'
        "</draw:text-box></draw:frame><draw:custom-shape><text:list><text:list-item>"
        f"<text:p>{item}</text:p></text:list-item></text:list></draw:custom-shape>"
        f"<presentation:notes><draw:frame><draw:text-box><text:p>{notes}</text:p></draw:text-box></draw:frame>"
        "</presentation:notes></draw:page>"
        for title, item, notes in slides
    )
    return open_document("presentation", "".join(pages))


def open_document(kind: str, body: str) -> bytes:
    """An OpenDocument `text`, `spreadsheet` or `presentation` with this body."""
    names = ("office", "text", "table", "presentation")
    known = "".join(f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)
    mark = f"application/vnd.oasis.opendocument.{kind}"
    drawing = ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
    content = (
        f"<office:document-content{known}{drawing}><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{mark}"/></manifest:manifest>'
    )
    return archive({"mimetype": mark, "content.xml": content, "META-INF/manifest.xml": manifest})


def epub(chapter: str) -> bytes:
    """A book of one chapter."""
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
        '<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Small book</dc:title></metadata>'
        '<manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="c"/></spine></package>'
    )
    page = f'<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>One</h1><p>{chapter}</p></body></html>'
    members = {"mimetype": "application/epub+zip", "META-INF/container.xml": container}
    return archive({**members, "book.opf": package, "c.xhtml": page})
