"""EPUB on its way into the engine: its chapters are web pages, and mended like them."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote

from docmill.adapters.readers.css_source import sheet_of
from docmill.adapters.readers.html_cells import with_marked_cells
from docmill.adapters.readers.nesting import mended
from docmill.adapters.readers.package_parts import ReadPart
from docmill.adapters.readers.repacked import repacked
from docmill.adapters.readers.unseen_html import marked

# Publishers move a title outside of the page where a picture shows it: it is no less the title.
_MOVED = re.compile(r"\b(?:text-indent|margin-left|left|top)\s*:\s*-\d{3,}[^;{}]*", re.I)
_PAGES = re.compile(r".*\.(?:xhtml|html|htm)", re.I | re.S)


def mended_book(book: bytes) -> bytes:
    """The book with its pages mended; as it is when they are sound, and when it is no archive at all."""
    return repacked(book, _PAGES, _mended)


def _mended(name: str, page: str, read: ReadPart) -> str:
    def linked(address: str) -> str | None:
        place = unquote(address.partition("#")[0])
        sheet = read(posixpath.normpath(posixpath.join("/", posixpath.dirname(name), place))[1:])
        return _MOVED.sub("", sheet) if sheet else None

    return with_marked_cells(mended(marked(page, sheet_of(page, linked))))
