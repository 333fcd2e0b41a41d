"""OpenDocument presentations, from their own XML: the engine leaves out what stands in drawn shapes."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

from docmill.adapters.readers.open_cells import open_cells
from docmill.adapters.readers.open_pictures import framed_picture
from docmill.adapters.readers.outlined_lists import list_item
from docmill.adapters.readers.rendered import first_without_lead
from docmill.adapters.readers.slide_titles import numbered, under_heading
from docmill.adapters.readers.tidy import clean, laid_out, table_block
from docmill.adapters.readers.unseen_marks import BEGIN, END, told_apart
from docmill.adapters.readers.unseen_open import mark_unseen
from docmill.adapters.readers.xml_tree import xml_tree
from docmill.domain.documents import BlockKind, Part, RawBlock, ReadInfo, Table
from docmill.domain.reading_errors import DamagedFile, NoPages, NoText, ReaderTooLarge

CONTENT_BYTES = 200 * 1024 * 1024

_LEFT_OUT = frozenset(("office:annotation", "office:event-listeners", "svg:title"))


class OpenSlidesReader:
    """Reads presentations: each slide is a page under a heading with its title, its notes at the end."""

    name = "open-slides-1"

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then one part for each slide. Raises NoPages, NoText, ReaderTooLarge, DamagedFile."""
        content, about = _members(path)
        pages = enumerate(_all(content, "draw:page"), start=1)
        slides = [under_heading(list(told_apart(_slide(page, number))), number) for number, page in pages]
        if not slides:
            raise NoPages
        if not any(len(slide) > 1 or slide[0].text != "Slide 1" for slide in slides):
            raise NoText("The document holds no text. Send one with content.")
        slides[0] = list(first_without_lead(slides[0]))
        yield _info(about, media_type, len(slides))
        for number, blocks in enumerate(slides, start=1):
            yield Part(tuple(replace(block, page=number) for block in blocks), number, len(slides))


def _members(path: Path) -> tuple[Element, Element]:
    """The content, and what is known of the document."""
    try:
        with zipfile.ZipFile(path) as archive:
            content = xml_tree(_member(archive, "content.xml"))[0]
            styles, about = (_tree(archive, name) for name in ("styles.xml", "meta.xml"))
            mark_unseen(content, [styles, content])
            return content, about
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, RuntimeError, ValueError) as error:
        raise DamagedFile from error


def _tree(archive: zipfile.ZipFile, name: str) -> Element:
    return xml_tree(_member(archive, name))[0] if name in archive.namelist() else Element("none")


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        data = member.read(CONTENT_BYTES + 1)
    if len(data) > CONTENT_BYTES:
        raise ReaderTooLarge
    return data.replace(BEGIN.encode(), b"").replace(END.encode(), b"")


def _info(about: Element, media_type: str, pages: int) -> ReadInfo:
    known = {"author": "dc:creator", "created": "meta:creation-date", "language": "dc:language"}
    metadata = {key: text for key, name in known.items() if (text := _first(about, name))}
    return ReadInfo(media_type, OpenSlidesReader.name, pages, _first(about, "dc:title") or None, metadata)


def _first(about: Element, name: str) -> str:
    return next((_text(element) for element in _all(about, name)), "")


def _slide(page: Element, number: int) -> Iterator[RawBlock]:
    title = next((text for shape in page if _is_title(shape) and (text := _text(shape))), "")
    yield RawBlock(BlockKind.HEADING, title, level=1) if title else numbered(number)
    for shape in page:
        if not _is_title(shape) or _text(shape) != title:
            yield from (block for block in _blocks(shape, 0) if block.text or block.picture)


def _is_title(shape: Element) -> bool:
    return shape.get("presentation:class") == "title"


def _blocks(element: Element, depth: int) -> Iterator[RawBlock]:
    """The blocks of a shape; `depth` counts the lists around it."""
    name = element.tag
    if name in _LEFT_OUT:
        return
    if name == "presentation:notes":
        notes = "\n".join(text for paragraph in _all(element, "text:p") if (text := _text(paragraph)))
        yield RawBlock(BlockKind.TEXT, f"Notes: {notes}" if notes else "")
    elif name == "table:table":
        yield table_block(_table(element))
    elif name == "text:list-item":
        yield from _item(element, depth)
    elif name in ("text:p", "text:h"):
        yield RawBlock(BlockKind.TEXT, _text(element))
    else:
        if name == "draw:frame" and (picture := framed_picture(element)):
            yield picture
        for child in element:
            yield from _blocks(child, depth + (name == "text:list"))


def _item(element: Element, depth: int) -> Iterator[RawBlock]:
    """A paragraph of an item is its line; lists inside it stand deeper."""
    for child in element:
        if child.tag in ("text:p", "text:h"):
            text = _text(child)
            yield list_item(text, depth - 1, "-", first=False) if text else RawBlock(BlockKind.TEXT, "")
        else:
            yield from _blocks(child, depth)


def _table(element: Element) -> Table:
    return laid_out([replace(cell, text=_text(found)) for found, cell in open_cells(element)])


def _all(element: Element, name: str) -> Iterator[Element]:
    return element.iter(name)


def _text(element: Element) -> str:
    """The words of an element; a tab, a break and the end of a paragraph part them."""
    pieces: list[str] = []
    for part in element.iter():
        if part.tag in ("text:tab", "text:line-break", "text:s", "text:p", "text:h"):
            pieces.append(" ")
        pieces += [part.text or ""]
        pieces += [part.tail or ""] if part is not element else []
    return clean(" ".join("".join(pieces).split()))
