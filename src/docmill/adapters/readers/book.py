"""EPUB on its way into the engine: its chapters are web pages, and mended like them."""

from __future__ import annotations

import io
import zipfile
import zlib

from docmill.adapters.readers.nesting import mended
from docmill.adapters.readers.unseen_html import marked
from docmill.domain.media_types import EPUB

UNPACKED_BYTES = 400 * 1024 * 1024

_PAGES = (".xhtml", ".html", ".htm")


def mended_book(book: bytes) -> bytes:
    """The book with its pages mended; as it is when they are sound, and when it is no archive at all."""
    try:
        with zipfile.ZipFile(io.BytesIO(book)) as archive:
            changed = _changed_pages(archive)
            return _rewritten(archive, changed) if changed else book
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError):
        return book


def _changed_pages(archive: zipfile.ZipFile) -> dict[str, str]:
    """By name. A book that claims to be huge is left to the limits of the engine."""
    if sum(member.file_size for member in archive.infolist()) > UNPACKED_BYTES:
        return {}
    names = [name for name in archive.namelist() if name.lower().endswith(_PAGES)]
    pages = ((name, archive.read(name).decode("utf-8", "replace")) for name in names)
    return {name: flat for name, page in pages if (flat := mended(marked(page))) != page}


def _rewritten(archive: zipfile.ZipFile, changed: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", EPUB, zipfile.ZIP_STORED)
        for name in dict.fromkeys(archive.namelist()):
            if name != "mimetype":
                book.writestr(name, changed[name] if name in changed else archive.read(name))
    return out.getvalue()
