"""HTML the engine would lose words of: the same words, every element ended and none too deep.

The engine leaves out, without a word, what stands more than about sixty elements deep, and what follows
a table whose cells nobody ended. A paragraph that nobody ended holds the next one, so old pages are deep.
"""

from __future__ import annotations

import re
from collections import Counter
from html import escape
from html.parser import HTMLParser
from itertools import islice
from typing import NamedTuple

DEPTH = 56  # a page without anything deeper is left as it is
LEAF_DEPTH = 52
CONTAINER_DEPTH = 44
WRAPPER_DEPTH = 40  # the rest is room for what gives the text its form
TAG_CHARACTERS = 4_000
ATTRIBUTES = 100  # a tag with more of them loses all
NEAR = 64  # how far up an element is looked for that ends where the next one begins

_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]*)(?:[^<>]*(/)>)?")


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_VOID = _names("area base br col embed hr img input link meta param source track wbr")
_INLINE = _names(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q s samp small span "
    "strike strong sub sup time tt u var"
)
_LEAVES = _names("p h1 h2 h3 h4 h5 h6 pre")
_CONTAINERS = _names("table ul ol dl")
_CELLS = frozenset(("td", "th"))
_ROWS = _CELLS | {"tr"}
_GROUPS = _ROWS | {"thead", "tbody", "tfoot", "caption"}
_ENDED_BY = {
    "li": frozenset(("li",)),
    "dt": frozenset(("dt", "dd")),
    "dd": frozenset(("dt", "dd")),
    "td": _CELLS,
    "th": _CELLS,
    "tr": _ROWS,
    "thead": _GROUPS,
    "tbody": _GROUPS,
    "tfoot": _GROUPS,
    "caption": _GROUPS,
}
_PARAGRAPH = frozenset(("p",))


def mended(html: str) -> str:
    """The page as it is when nothing in it is open, too deep or too long; else the same words in order."""
    if _has_short_tags(html) and _is_sound(html):
        return html
    flattener = _Flattener()
    flattener.feed(html)
    flattener.close()
    return "".join(flattener.pieces)


def _has_short_tags(html: str) -> bool:
    """Whether no tag can hold thousands of attributes: the engine compares each of them with all others."""
    return all(len(piece) - piece.find("<") <= TAG_CHARACTERS for piece in html.split(">") if "<" in piece)


def _is_sound(html: str) -> bool:
    """Whether every element is ended by its own name, and so few are open at once that none is too deep."""
    opened: Counter[str] = Counter()
    depth = 0
    for match in _TAG.finditer(html):
        closing, name, closed = match.groups()
        name = name.lower()
        if closing and opened[name]:
            opened[name] -= 1
            depth -= 1
        elif not closing and not closed and name not in _VOID:
            opened[name] += 1
            depth += 1
            if depth > DEPTH:
                return False
    return depth == 0


class _Open(NamedTuple):
    """An element that is open; `loose` when text in it lost the element that set it apart."""

    name: str
    kept: bool
    loose: bool


class _Flattener(HTMLParser):
    """Writes every element's end, and leaves out the elements for which there is no room.

    A paragraph stands in for a block that was left out, so that its words stay apart from the next one's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._open: list[_Open] = []
        self._names: Counter[str] = Counter()
        self._containers: list[bool] = []
        self._kept = 0
        self._stands_in = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        source = self.get_starttag_text() or ""
        if len(attrs) > ATTRIBUTES:
            source = f"<{tag}>"
        if tag in _VOID:
            self._put(source)
            return
        self._end_before(tag)
        kept = self._kept < self._room(tag)
        loose = not kept and (tag not in _INLINE or self._is_loose())
        self._mark(tag, kept, source.removesuffix("/>") + ">" if source.endswith("/>") else source)
        self._open.append(_Open(tag, kept, loose))
        self._names[tag] += 1
        self._kept += kept
        if tag in _CONTAINERS:
            self._containers.append(kept)

    def handle_endtag(self, tag: str) -> None:
        while self._names[tag]:
            if self._close_last() == tag:
                return

    def handle_data(self, data: str) -> None:
        if self.cdata_elem not in ("script", "style"):
            self._put(escape(data, quote=False))

    def handle_decl(self, decl: str) -> None:
        self.pieces.append(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        self.pieces.append(f"<?{data}>")

    def close(self) -> None:
        super().close()
        while self._open:
            self._close_last()

    def _close_last(self) -> str:
        name, kept, _ = self._open.pop()
        self._names[name] -= 1
        self._kept -= kept
        if name in _CONTAINERS:
            self._containers.pop()
        self._mark(name, kept, f"</{name}>")
        return name

    def _end_before(self, tag: str) -> None:
        """Close what ends where `tag` begins, as a browser does: the item before, the paragraph before."""
        ended = _ENDED_BY.get(tag, frozenset() if tag in _INLINE else _PARAGRAPH)
        count = 0
        for up, element in enumerate(islice(reversed(self._open), NEAR), start=1):
            if element.name in ended:
                count = up
            elif element.name in _CONTAINERS or (ended is _PARAGRAPH and element.name not in _INLINE):
                break
        for _ in range(count):
            self._close_last()

    def _room(self, tag: str) -> int:
        """How deep this element may stand; the parts of a table or list are kept when all of it is."""
        if tag in _ENDED_BY:
            return LEAF_DEPTH if self._containers and self._containers[-1] else 0
        if tag in _CONTAINERS:
            return CONTAINER_DEPTH
        return LEAF_DEPTH if tag in _LEAVES else WRAPPER_DEPTH

    def _is_loose(self) -> bool:
        return bool(self._open) and self._open[-1].loose

    def _mark(self, name: str, kept: bool, source: str) -> None:
        """Write an element's start or end, or only what it means for the words around it."""
        if self._stands_in and (kept or name not in _INLINE):
            self.pieces.append("</p>")
            self._stands_in = False
        if kept:
            self.pieces.append(source)

    def _put(self, source: str) -> None:
        if self._is_loose() and not self._stands_in and not source.isspace():
            self.pieces.append("<p>")
            self._stands_in = True
        self.pieces.append(source)
