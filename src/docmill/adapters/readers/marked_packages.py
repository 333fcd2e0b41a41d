"""Office files on their way into the engine, with marks for what it would lose."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element

from docmill.adapters.readers import open_cells, rich_cells, slide_cells, unseen_open, word_cells
from docmill.adapters.readers.package_parts import ReadPart
from docmill.adapters.readers.repacked import repacked
from docmill.adapters.readers.unseen_marks import unmarked
from docmill.adapters.readers.unseen_slides import mark_unseen
from docmill.adapters.readers.unseen_word import marked_part
from docmill.adapters.readers.xml_tree import tree_or_none, xml_text, xml_tree
from docmill.domain import media_types as types
from docmill.domain.reading_errors import Unreadable

UNPACKED_BYTES = 100 * 1024 * 1024
TREE_CHARACTERS = 20_000_000  # a longer part goes into the engine as it is: a tree takes ten times the room

_WORD = re.compile(r"word/(document|footnotes|endnotes)\d*\.xml")
_SLIDES = re.compile(r"ppt/slides/[^/]+\.xml")
_CONTENT = re.compile(r"content\.xml")


def marked_package(package: bytes, media_type: str) -> bytes:
    """The package with marks around hidden text and in the cells of tables; others as they are."""
    if media_type == types.DOCX:
        return repacked(package, _WORD, _marked_word, UNPACKED_BYTES)
    if media_type == types.PPTX:
        return repacked(package, _SLIDES, _marked_slide, UNPACKED_BYTES)
    if media_type == types.ODT:
        return repacked(package, _CONTENT, _marked_content, UNPACKED_BYTES)
    if media_type == types.RTF:
        return rich_cells.with_marked_cells(package)
    return package


def _marked_word(_name: str, part: str, _read: ReadPart) -> str:
    return word_cells.with_marked_cells(marked_part(part))


def _marked_slide(name: str, part: str, read: ReadPart) -> str:
    """Hidden text first: the mark of a cell is not hidden with it."""
    return _changed(
        unmarked(part), lambda slide: [mark_unseen(slide, name, read), slide_cells.mark_cells(slide)]
    )


def _marked_content(_name: str, part: str, read: ReadPart) -> str:
    part, styles = unmarked(part), read("styles.xml")
    hints = (open_cells.HAS_SPANS, open_cells.HAS_HEADERS, unseen_open.HINT)
    if not any(hint.search(part) for hint in hints) and not unseen_open.HINT.search(styles):
        return part
    return _changed(
        part,
        lambda content: [
            unseen_open.mark_unseen(content, [tree_or_none(styles), content]),
            open_cells.mark_cells(content),
        ],
    )


def _changed(part: str, change: Callable[[Element], Sequence[bool]]) -> str:
    """The part as its tree is after the changes, if there were any; what is wrong in it the engine tells."""
    if len(part) > TREE_CHARACTERS:
        return part
    try:
        root = xml_tree(part.encode())[0]
    except Unreadable:
        return part
    return xml_text(root) if any(change(root)) else part
