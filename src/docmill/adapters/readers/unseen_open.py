"""What an OpenDocument text or presentation holds and does not show, between marks.

The colour of a text counts only where the page is behind it: not in tables, frames and shapes, nor where a
style on the way paints a ground. Speaker notes are never hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from docmill.adapters.readers.css_values import BLACK, WHITE, Colour, colour_of, look_alike
from docmill.adapters.readers.unseen_marks import BEGIN, END

TINIEST = 1.1  # points
PARENTS = 20  # of a style

HINT = re.compile(
    r"""\bdisplay=["']none|is-hidden=["']true|visibility=["']hidden|\bfo:color=|fo:font-size=["'][01][.p]"""
)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)pt")
_NAMES = ("text:style-name", "draw:style-name")
_PROPERTIES = frozenset(
    (
        "style:text-properties",
        "style:paragraph-properties",
        "style:section-properties",
        "style:drawing-page-properties",
    )
)
_PAINTED = frozenset(("table:table", "draw:frame", "draw:custom-shape", "draw:rect", "draw:g", "draw:page"))
_HIDDEN_FIELDS = frozenset(("text:hidden-text", "text:hidden-paragraph"))


@dataclass(frozen=True, slots=True)
class _Look:
    """How a text looks, as far as it is known."""

    gone: bool = False
    colour: Colour | None = BLACK
    ground: Colour | None = WHITE

    @property
    def unseen(self) -> bool:
        """Whether nobody sees it."""
        return self.gone or look_alike(self.colour, self.ground)


def mark_unseen(content: Element, styles: Sequence[Element]) -> bool:
    """Put marks around the text of the content that is not shown; whether there is any.

    `styles` hold the styles of the document, those of the content itself among them.
    """
    known = _styles(styles)
    waiting = [(element, _Look()) for element in content.iter("office:body")]
    found = False
    while waiting:
        element, outer = waiting.pop()
        look = _inside(element, outer, known)
        found |= look.unseen and _mark(element)
        waiting.extend((child, look) for child in element)
    return found


def _mark(element: Element) -> bool:
    """The text at the beginning of an element and behind those in it. A picture loses its name."""
    found = element.tag == "draw:image" and element.attrib.pop("xlink:href", None) is not None
    if (element.text or "").strip():
        element.text, found = f"{BEGIN}{element.text}{END}", True
    for child in element:
        if (child.tail or "").strip():
            child.tail, found = f"{BEGIN}{child.tail}{END}", True
    return found


def _inside(element: Element, outer: _Look, known: Mapping[str, Mapping[str, str]]) -> _Look:
    look = replace(outer, ground=None) if element.tag in _PAINTED else outer
    if element.tag == "presentation:notes":
        return _Look(ground=None)
    if element.get("text:display") == "none" or (
        element.tag in _HIDDEN_FIELDS and element.get("text:is-hidden") == "true"
    ):
        look = replace(look, gone=True)
    for name in _NAMES:
        if said := known.get(element.get(name, "")):
            look = _styled(look, said)
    return look


def _styled(look: _Look, said: Mapping[str, str]) -> _Look:
    size = _SIZE.fullmatch(said.get("fo:font-size", ""))
    gone = (
        "none" in (said.get("text:display"), said.get("style:display"))
        or said.get("presentation:visibility") == "hidden"
        or (size is not None and float(size[1]) <= TINIEST)
    )
    painted = said.get("fo:background-color", "transparent") != "transparent"
    return _Look(
        look.gone or gone,
        colour_of(said["fo:color"]) if "fo:color" in said else look.colour,
        None if painted else look.ground,
    )


def _styles(parts: Sequence[Element]) -> Mapping[str, Mapping[str, str]]:
    """What each style says by itself and by those it is made from."""
    own = {style.get("style:name", ""): style for part in parts for style in part.iter("style:style")}
    return {name: _said(style, own) for name, style in own.items()}


def _said(style: Element, own: Mapping[str, Element]) -> Mapping[str, str]:
    line = list(_line(style, own))
    return {
        name: value
        for each in reversed(line)
        for properties in each
        if properties.tag in _PROPERTIES
        for name, value in properties.attrib.items()
    }


def _line(style: Element, own: Mapping[str, Element]) -> Iterator[Element]:
    """A style and those it is made from, the nearest first."""
    at: Element | None = style
    for _ in range(PARENTS):
        if at is None:
            return
        yield at
        at = own.get(at.get("style:parent-style-name", ""))
