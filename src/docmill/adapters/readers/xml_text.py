"""XML and SVG: prose as text, records as lines of `name: value`, tables as cells; nothing in them runs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from xml.etree.ElementTree import Element

from docmill.adapters.readers.parts import in_parts
from docmill.adapters.readers.rendered import first_without_lead
from docmill.adapters.readers.tidy import clean, table_block
from docmill.adapters.readers.xml_table import xml_table
from docmill.adapters.readers.xml_tree import local_name, text_of, xml_tree
from docmill.domain.documents import BlockKind, Part, RawBlock, ReadInfo
from docmill.domain.media_types import SVG
from docmill.domain.reading_errors import NoText

FIELD_CHARACTERS = 200  # longer text is prose, and a block of its own
FIELDS = 20  # of one block

_INERT = frozenset(("script", "style"))
_CODE = frozenset(["code", "pre", "programlisting", "screen", "literallayout"])
_TITLES = frozenset(("title", "head", "heading"))
_SECTIONS = frozenset(
    (
        "appendix",
        "article",
        "back",
        "body",
        "book",
        "chapter",
        "div",
        "front",
        "part",
        "preface",
        "sec",
        "sect1",
        "sect2",
        "sect3",
        "sect4",
        "section",
        "svg",
        "topic",
    )
)
_TABLES = frozenset(("table", "informaltable"))


class XmlReader:
    """Reads XML by its elements, and of an SVG drawing its words."""

    name = "xml-1"

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the blocks. Raises NoText and as `xml_tree`."""
        root, declares_entities = xml_tree(path.read_bytes())
        words = _drawn(root) if media_type == SVG else _blocks(root)
        blocks = list(first_without_lead(block for block in words if block.text))
        if not blocks:
            raise NoText("The file holds no text. Send one with content.")
        title = next((block.text for block in blocks if block.kind is BlockKind.HEADING), None)
        notices = (
            ("Entities that the file declares are shown as they are written.",) if declares_entities else ()
        )
        yield ReadInfo(media_type, self.name, title=title, notices=notices)
        yield from in_parts(blocks)


def _drawn(root: Element) -> Iterator[RawBlock]:
    """Title, description and labels of a drawing, in the order of the file."""
    for element in root.iter():
        name = local_name(element.tag)
        if name == "title" and text_of(element):
            yield RawBlock(BlockKind.HEADING, text_of(element), level=1)
        elif name in ("desc", "text", "foreignObject"):
            yield RawBlock(BlockKind.TEXT, text_of(element), lead="\n" if name == "text" else "\n\n")


def _blocks(root: Element) -> Iterator[RawBlock]:
    """In the order of the file, without recursion: what waits is a block, or an element with its depth."""
    waiting: list[RawBlock | tuple[Element, int]] = [(root, 1)]
    while waiting:
        item = waiting.pop()
        if isinstance(item, RawBlock):
            yield item
        else:
            waiting.extend(reversed(list(_inside(*item))))


def _inside(element: Element, depth: int) -> Iterator[RawBlock | tuple[Element, int]]:
    """What one element gives: its own block, or its fields, then the elements that need a closer look."""
    name = local_name(element.tag)
    if name in _INERT:
        return
    if name in _CODE:
        yield RawBlock(BlockKind.CODE, clean("".join(element.itertext())))
    elif name in _TABLES and (table := xml_table(element)):
        yield table_block(table)
    elif len(element) == 0 or _is_mixed(element):
        yield RawBlock(BlockKind.TEXT, _field(element) if len(element) == 0 else text_of(element))
    else:
        yield from _members(element, name, depth)


def _members(element: Element, name: str, depth: int) -> Iterator[RawBlock | tuple[Element, int]]:
    attributes = _attributes(element)
    if attributes and name not in _SECTIONS:
        yield RawBlock(BlockKind.TEXT, f"{name}: {attributes}")
    for is_field, group in groupby(element, key=lambda child: _is_field(child, name)):
        children = list(group)
        if not is_field:
            yield from (_titled(child, name, depth) for child in children)
            continue
        for start in range(0, len(children), FIELDS):
            lines = (line for child in children[start : start + FIELDS] if (line := _field(child)))
            yield RawBlock(BlockKind.TEXT, "\n".join(lines))


def _titled(child: Element, parent: str, depth: int) -> RawBlock | tuple[Element, int]:
    if parent in _SECTIONS and local_name(child.tag) in _TITLES:
        return RawBlock(BlockKind.HEADING, text_of(child), level=min(depth, 6))
    return child, depth + (local_name(child.tag) in _SECTIONS)


def _is_field(element: Element, parent: str) -> bool:
    """Whether it is a name with a short value: no element inside, and no part of prose."""
    if len(element) or parent in _SECTIONS or local_name(element.tag) in _INERT | _CODE:
        return False
    return len(element.text or "") <= FIELD_CHARACTERS


def _field(element: Element) -> str:
    """`name: value`; prose alone stands without the name of its element."""
    text, attributes = text_of(element), _attributes(element)
    if len(text) > FIELD_CHARACTERS:
        return text
    known = " ".join(part for part in (text, attributes if not text else "") if part)
    return f"{local_name(element.tag)}: {known}" if known else ""


def _attributes(element: Element) -> str:
    """Attributes as people read them; what only binds names is left out."""
    known = (
        f"{local_name(name)}={' '.join(value.split())}"
        for name, value in element.attrib.items()
        if value.strip() and not name.startswith(("xmlns", "xsi:", "xml:"))
    )
    return clean(" ".join(known))


def _is_mixed(element: Element) -> bool:
    """Whether text stands between its elements."""
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)
