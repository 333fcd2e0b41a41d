"""What a web page holds and does not show, between marks: by attributes, styles and style sheets."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape

from docmill.adapters.readers.css_rules import NEIGHBOURS, Declarations, Placed, Sheet, Tag, tag_of
from docmill.adapters.readers.css_values import (
    BLACK,
    LINK,
    WHITE,
    Colour,
    ground_colour,
    inline,
    is_clear,
    is_gone,
    is_invisible,
    is_tiny,
    look_alike,
    text_colour,
)
from docmill.adapters.readers.unseen_marks import BEGIN, END, unmarked

NESTED = 10_000
NEAR = 64  # how far up the element is looked for that an end tag ends

_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<(/?)([a-zA-Z][\w:-]*)((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+)>", re.S)
_HINT = re.compile(r"\bhidden\b|display|visibility|opacity|font-size|-\d{3,}(?:px|em)|color|clip", re.I)
_STYLE = re.compile(r"""\bstyle\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""", re.I)
_HIDDEN = re.compile(r"""\s+hidden(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+))?(?=[\s/>]|$)""", re.I)
_VOID = frozenset(("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"))
_SHUT = frozenset(("p", "li", "dt", "dd", "td", "th", "tr", "option"))  # what the next of its name ends
_AFLOAT = frozenset(("absolute", "fixed", "sticky"))


@dataclass(frozen=True, slots=True)
class _Element:
    """An element, and how its text looks: colours that are not known are None."""

    tag: Tag
    gone: bool = False
    invisible: bool = False
    tiny: bool = False
    clear: bool = False
    afloat: bool = False  # it may lie over anything
    colour: Colour | None = BLACK
    ground: Colour | None = WHITE
    before: Sequence[Tag] = ()  # the elements beside it, before it
    inside: deque[Tag] = field(default_factory=partial(deque, maxlen=NEIGHBOURS))  # those right in it, so far

    @property
    def unseen(self) -> bool:
        """Whether the text in it is not seen."""
        return self.gone or self.invisible or self.tiny or self.clear or look_alike(self.colour, self.ground)


def marked(html: str, sheet: Sheet) -> str:
    """The page with the text that it does not show between marks; as it is where it shows all."""
    html = unmarked(html)
    return "".join(_pieces(html, sheet)) if sheet.may_hide or _HINT.search(html) else html


def _pieces(html: str, sheet: Sheet) -> list[str]:
    pieces: list[str] = []
    stack = [_Element(Tag("", {}, frozenset()))]
    at = 0
    for tag in _TAG.finditer(html):
        pieces.append(_text(html[at : tag.start()], stack[-1]))
        at = tag.end()
        name = (tag[2] or "").lower()
        picture = _picture(tag, stack, sheet) if name == "img" else None
        if name:
            _follow(stack, sheet, bool(tag[1]), name, tag[3])
        opened = _opened(tag[0]) if stack[-1].unseen and name else tag[0]
        pieces.append(opened if picture is None else picture)
    return [*pieces, _text(html[at:], stack[-1])]


def _text(text: str, within: _Element) -> str:
    return f"{BEGIN}{text}{END}" if within.unseen and text.strip() else text


def _picture(img: re.Match[str], stack: Sequence[_Element], sheet: Sheet) -> str:
    """The tag of a picture; of one that is not shown its description alone, between marks."""
    tag = tag_of("img", img[3])
    element = _inside(stack, tag, sheet)
    if not (element.gone or element.invisible):
        return img[0]
    description = escape(tag.attributes.get("alt", ""), quote=False)
    return f"{BEGIN}{description}{END}" if description.strip() else ""


def _opened(tag: str) -> str:
    """A tag without what hides its text, which the engine would leave out."""
    return _HIDDEN.sub(" ", _STYLE.sub(" ", tag))


def _follow(stack: list[_Element], sheet: Sheet, closing: bool, name: str, attributes: str) -> None:
    if closing:
        lowest = max(len(stack) - NEAR, 1)
        at = next((at for at in range(len(stack) - 1, lowest - 1, -1) if stack[at].tag.name == name), None)
        del stack[at or len(stack) :]
        return
    if name in _SHUT and stack[-1].tag.name == name:
        stack.pop()
    tag = tag_of(name, attributes)
    outer = stack[-1]
    if name not in _VOID and len(stack) <= NESTED:
        stack.append(_inside(stack, tag, sheet))
    outer.inside.append(tag)


def _inside(stack: Sequence[_Element], tag: Tag, sheet: Sheet) -> _Element:
    outer = stack[-1]
    before = tuple(outer.inside) if sheet else ()
    said = _declared(stack, Placed(tag, before), sheet)
    link = tag.name == "a" and "href" in tag.attributes and "color" not in said
    return _Element(
        tag,
        gone=outer.gone or is_gone(said) or ("hidden" in tag.attributes and "display" not in said),
        invisible=is_invisible(said, outer.invisible),
        tiny=is_tiny(said, outer.tiny),
        clear=is_clear(said, outer.clear),
        afloat=outer.afloat or said.get("position") in _AFLOAT,
        colour=LINK if link else text_colour(said, outer.colour),
        ground=ground_colour(said, outer.ground),
        before=before,
    )


def _declared(stack: Sequence[_Element], element: Placed, sheet: Sheet) -> Declarations:
    """What holds for an element; what stands further right counts more.

    The colour that a style sheet gives a text counts only where what is behind the text can be known.
    """
    tag = element.tag
    old = {"color": tag.attributes.get("color"), "background-color": tag.attributes.get("bgcolor")}
    attributes = {name: value.lower() for name, value in old.items() if value and _is_colour(tag, name)}
    own, own_important = inline(tag.attributes.get("style", ""))
    if not sheet:
        return {**attributes, **own, **own_important}
    normal, important = sheet.declared(stack, element)
    said = {**attributes, **normal, **own, **important, **own_important}
    own_colour = "color" in own or "color" in own_important
    if "color" in said and not own_colour and (sheet.elsewhere or stack[-1].afloat or said.get("position")):
        said["color"] = "unknown"
    return said


def _is_colour(tag: Tag, name: str) -> bool:
    """Whether an old attribute means a colour: that of a letter only does so in a font."""
    return name != "color" or tag.name == "font"
