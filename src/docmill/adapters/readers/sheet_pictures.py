"""Pictures on the sheets of workbooks, which the engine does not tell."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from docmill.adapters.readers.open_pictures import framed_picture
from docmill.adapters.readers.package_parts import ReadPart, links_of, part_of, reading
from docmill.adapters.readers.packages import DAMAGE
from docmill.adapters.readers.picture_names import name_inside
from docmill.adapters.readers.sheet_spans import TREE_BYTES, sheet_parts
from docmill.adapters.readers.tidy import clean, image_block
from docmill.adapters.readers.xml_tree import OFF, children, local_name, tree_or_none, xml_tree
from docmill.domain import media_types as types
from docmill.domain.documents import RawBlock
from docmill.domain.reading_errors import Unreadable


def sheet_pictures(workbook: bytes, media_type: str) -> Mapping[str, Sequence[RawBlock]]:
    """The pictures by the name of their sheet, as images; none where they cannot be told."""
    tell = {types.XLSX: _of_excel, types.ODS: _of_open_document}.get(media_type)
    if tell is None:
        return {}
    try:
        with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
            told = ((" ".join(name.split()), list(images)) for name, images in tell(archive))
            return {name: images for name, images in told if images}
    except (zipfile.BadZipFile, NotImplementedError, KeyError, Unreadable, *DAMAGE):
        return {}


def _of_excel(archive: zipfile.ZipFile) -> Iterator[tuple[str, Iterable[RawBlock]]]:
    read = reading(archive, TREE_BYTES)
    for name, part in sheet_parts(archive):
        drawings = (link.part for link in links_of(part, read) if link.kind == "drawing")
        yield name, (image for drawing in drawings for image in _drawn(drawing, read))


def _drawn(drawing: str, read: ReadPart) -> Iterator[RawBlock]:
    """The pictures of a drawing, by the rows and columns where they begin."""
    parts = {link.identity: link.part for link in links_of(drawing, read)}
    for anchor in sorted(tree_or_none(read(drawing)), key=_begins):
        for picture in _inside(anchor, "pic"):
            about = next(_inside(picture, "cNvPr"), picture)
            links = (value for blip in _inside(picture, "blip") for value in _embedded(blip))
            name = name_inside(next((parts[link] for link in links if link in parts), None))
            if name and about.get("hidden", "0") in OFF:
                yield image_block(clean(about.get("descr", "")), name)


def _begins(anchor: Element) -> tuple[int, int]:
    places = next(_inside(anchor, "from"), anchor)
    row, column = (next(_inside(places, side), anchor).text or "" for side in ("row", "col"))
    return _number(row), _number(column)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) <= 9 else 0


def _inside(element: Element, name: str) -> Iterator[Element]:
    """The elements of this name, whatever its prefix: programs differ in it."""
    return (each for each in element.iter() if local_name(each.tag) == name)


def _embedded(blip: Element) -> Iterator[str]:
    return (value for key, value in blip.attrib.items() if local_name(key) == "embed")


def _of_open_document(archive: zipfile.ZipFile) -> Iterator[tuple[str, Iterable[RawBlock]]]:
    content = part_of(archive, "content.xml", TREE_BYTES)
    if b"<draw:image" not in content:
        return
    for document in xml_tree(content)[0].iter("office:spreadsheet"):
        for table in children(document, "table:table"):
            framed = map(framed_picture, table.iter("draw:frame"))
            yield table.get("table:name", ""), (image for image in framed if image)
