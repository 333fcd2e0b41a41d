"""XML to a tree, safely: entities are never expanded, nothing is fetched, depth is bounded."""

from __future__ import annotations

from html import unescape
from xml.etree.ElementTree import Element, TreeBuilder, tostring
from xml.parsers import expat

from docmill.adapters.readers.decoding import decode
from docmill.adapters.readers.tidy import clean
from docmill.domain.reading_errors import DamagedFile, ReaderTooLarge, Unreadable

DEPTH = 1_000  # elements inside one another
OFF = frozenset(("0", "false", "off"))  # how office programs write that something is not so

Tree = tuple[Element, bool]


def xml_tree(data: bytes) -> Tree:
    """The root element, and whether the file declares entities; references to them stay as written.

    Raises DamagedFile for what is not XML, and ReaderTooLarge for what grows while it is parsed.
    """
    try:
        return _parsed(data, None)
    except LookupError:  # an encoding that the parser does not know
        return _parsed(decode(data).text.encode(), "utf-8")


def tree_or_none(source: str) -> Element:
    """The root element of this XML; an element without anything in it where that is none."""
    try:
        return xml_tree(source.encode())[0] if source else Element("none")
    except Unreadable:
        return Element("none")


def children(element: Element, name: str) -> list[Element]:
    """The elements of this name, prefix and all, right inside another one."""
    return [child for child in element if child.tag == name]


def first_inside(element: Element, name: str) -> Element | None:
    """The first element of this name, prefix and all, anywhere inside another one."""
    return next(element.iter(name), None)


def local_name(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2]


def text_of(element: Element) -> str:
    """All words in an element, on one line."""
    return clean(" ".join("".join(element.itertext()).split()))


def xml_text(root: Element) -> str:
    """The XML of a tree that `xml_tree` made, whose names kept their prefixes."""
    return tostring(root, encoding="unicode")


def _parsed(data: bytes, encoding: str | None) -> Tree:
    handler = _Handler()
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.UseForeignDTD(True)  # so that an entity which is declared elsewhere is no error
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    parser.EntityDeclHandler = handler.declaration
    parser.ExternalEntityRefHandler = handler.elsewhere
    parser.DefaultHandler = handler.other
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        if "amplification" in str(error):
            raise ReaderTooLarge from error
        message = f"The file is not valid XML near line {error.lineno}. Correct it and send it again."
        raise DamagedFile(message) from error
    return handler.builder.close(), handler.declares_entities


class _Handler:
    """Builds the tree."""

    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self.declares_entities = False
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH:
            raise DamagedFile("The XML is nested too deeply to be read. Flatten it and send it again.")
        self.builder.start(name, attributes)

    def end(self, name: str) -> None:
        self._depth -= 1
        self.builder.end(name)

    def text(self, data: str) -> None:
        self.builder.data(data)

    def declaration(self, *_: object) -> None:
        self.declares_entities = True

    def elsewhere(self, *_: object) -> int:
        """Take what stands elsewhere as read, without reading it."""
        return 1

    def other(self, data: str) -> None:
        """What has no handler of its own: a reference to an entity comes here unexpanded."""
        if self._depth and data.startswith("&"):
            self.builder.data(unescape(data))
