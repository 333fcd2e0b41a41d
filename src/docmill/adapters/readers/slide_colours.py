"""What is behind the text of a PowerPoint slide, as far as the presentation says it in plain colours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from docmill.adapters.readers.css_values import WHITE, Colour
from docmill.adapters.readers.package_parts import ReadPart, links_of
from docmill.adapters.readers.xml_tree import children, first_inside, tree_or_none

_HEX = re.compile(r"[0-9a-fA-F]{6}")
_KINDS = ("slideLayout", "slideMaster", "theme")


class Backdrop:
    """The slide `name` with the layout, master and theme that it is shown on."""

    def __init__(self, name: str, slide: Element, read: ReadPart) -> None:
        self.behind = list(_behind(name, read))
        theme = self.behind[-1] if len(self.behind) == len(_KINDS) else Element("none")
        self._scheme = _scheme(theme, self.behind[1] if len(self.behind) > 1 else Element("none"))
        self.ground = self._ground([slide, *self.behind[:2]])

    def colour(self, fill: Element) -> Colour | None:
        """The colour of a fill; None where it is not a plain one."""
        for said in fill:
            if any(child.tag != "a:alpha" for child in said):
                return None
            name = said.get("val", "")
            if said.tag == "a:srgbClr":
                return _rgb(name)
            return self._scheme.get(name) if said.tag == "a:schemeClr" else None
        return None

    def _ground(self, parts: list[Element]) -> Colour | None:
        """The background of the first of these that says one; white where none does."""
        for part in parts:
            for background in part.iter("p:bg"):
                solid = first_inside(background, "a:solidFill")
                plain = [fill for fill in children(background, "p:bgRef") if fill.get("idx") == "1001"]
                fill = solid if solid is not None else next(iter(plain), None)
                return None if fill is None else self.colour(fill)
        return WHITE


def _behind(name: str, read: ReadPart) -> Iterator[Element]:
    """Layout, master and theme, as far as each names the next."""
    for kind in _KINDS:
        targets = [link.part for link in links_of(name, read) if link.kind == kind]
        if not targets:
            return
        name = targets[0]
        yield tree_or_none(read(name))


def _scheme(theme: Element, master: Element) -> Mapping[str, Colour]:
    """Colours by the names that a slide calls them."""
    known = {
        name: _rgb(_value(said)) for scheme in theme.iter("a:clrScheme") for name, said in _named(scheme)
    }
    found = {name: colour for name, colour in known.items() if colour is not None}
    for mapped in master.iter("p:clrMap"):
        found |= {name: found[own] for name, own in mapped.attrib.items() if own in found}
    return found


def _named(scheme: Element) -> Iterator[tuple[str, Element]]:
    return ((child.tag.removeprefix("a:"), said) for child in scheme for said in child)


def _value(said: Element) -> str:
    return said.get("lastClr", "") or said.get("val", "")


def _rgb(value: str) -> Colour | None:
    if not _HEX.fullmatch(value):
        return None
    return int(value[:2], 16), int(value[2:4], 16), int(value[4:], 16)
