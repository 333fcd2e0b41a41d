"""HTML on its way into the engine: decoded by us, told to be UTF-8, with nothing in it that runs."""

from __future__ import annotations

import re
from html import unescape

from docmill.adapters.readers.css_source import Linked, nothing_linked, sheet_of
from docmill.adapters.readers.data_pictures import with_names
from docmill.adapters.readers.html_cells import with_marked_cells
from docmill.adapters.readers.nesting import mended
from docmill.adapters.readers.unseen_html import marked

_CHARSET = re.compile(r"(<meta\b[^<>]*?charset\s*=\s*[\"']?)[\w-]+", re.I)
_HIDDEN = re.compile(r"<(script|style|template|iframe|object)\b.*?(?:</\1\s*>|\Z)", re.I | re.S)
_TITLE_ELEMENT = re.compile(r"<title\b[^<>]*>[^<]*</title\s*>", re.I)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.I | re.S)


def title_of(html: str) -> str:
    """What the page calls itself in its head; empty when it does not say."""
    match = _TITLE.search(html[:65536])
    return " ".join(unescape(match[1]).split()) if match else ""


def as_utf8(html: str, linked: Linked = nothing_linked) -> bytes:
    """The page as UTF-8 that says so, without title, scripts and frames, mended, what it hides between marks.

    A title in a head whose tags were left out, as they may be, would come out as the first paragraph. The
    pictures that stand in the page have short addresses. `linked` is as for `sheet_of`.
    """
    html = with_names(html)
    sheet = sheet_of(html, linked)
    shown = _TITLE_ELEMENT.sub(" ", _HIDDEN.sub(" ", html))
    return _CHARSET.sub(r"\1utf-8", with_marked_cells(mended(marked(shown, sheet)))).encode(
        "utf-8", "replace"
    )
