"""The shapes of a PowerPoint slide: where each lies, those in groups too, and what it is painted with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

from docmill.adapters.readers.xml_tree import OFF, children, first_inside

NESTED_GROUPS = 20  # a group inside more of them is taken as one shape

FILLS = frozenset(("a:solidFill", "a:gradFill", "a:blipFill", "a:pattFill", "a:grpFill", "a:noFill"))
_SHAPES = frozenset(("p:sp", "p:grpSp", "p:pic", "p:graphicFrame", "p:cxnSp"))


class Box(NamedTuple):
    """Where a shape lies, in English metric units from the top left of the slide."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two have a place in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


class Shape(NamedTuple):
    """A shape, and where it lies; None where it takes that from elsewhere."""

    element: Element
    box: Box | None


_Placing = Callable[[Box], Box | None]


def shapes_of(part: Element) -> Iterator[Shape]:
    """The shapes of a slide, layout or master in the order of drawing; in place of a group those in it."""
    for tree in part.iter("p:spTree"):
        yield from _placed(tree, lambda box: box, 0)


def is_hidden(shape: Element) -> bool:
    """Whether a shape says that it is not shown."""
    about = first_inside(shape, "p:cNvPr")
    return about is not None and about.get("hidden", "0") not in OFF


def fill_of(shape: Element) -> Element | None:
    """What a shape says that it is filled with."""
    return next((fill for about in children(shape, "p:spPr") for fill in about if fill.tag in FILLS), None)


def is_painted(shape: Element) -> bool:
    """Whether a shape hides what is behind it, or may."""
    fill = fill_of(shape)
    if fill is not None:
        return fill.tag != "a:noFill"
    return shape.tag not in ("p:sp", "p:cxnSp") or _is_styled(shape)


def _placed(group: Iterable[Element], place: _Placing, depth: int) -> Iterator[Shape]:
    for shape in group:
        if shape.tag == "p:grpSp" and depth < NESTED_GROUPS and not is_hidden(shape):
            yield from _placed(shape, _inside(shape, place), depth + 1)
        elif shape.tag in _SHAPES:
            box = _box(shape)
            yield Shape(shape, place(box) if box else None)


def _inside(group: Element, outer: _Placing) -> _Placing:
    """From places inside a group to those on the slide; it may be drawn larger or smaller."""
    box = _box(group)
    frame = next((frame for frame in _frames(group)), group)
    start, size = first_inside(frame, "a:chOff"), first_inside(frame, "a:chExt")
    if box is None or start is None or size is None:
        return lambda _: None
    left, top, width, height = *_pair(start, "x", "y"), *_pair(size, "cx", "cy")
    across = (box.right - box.left) / width if width else 1.0
    down = (box.bottom - box.top) / height if height else 1.0

    def place(inner: Box) -> Box | None:
        xs = [box.left + (x - left) * across for x in (inner.left, inner.right)]
        ys = [box.top + (y - top) * down for y in (inner.top, inner.bottom)]
        return outer(Box(xs[0], ys[0], xs[1], ys[1]))

    return place


def _is_styled(shape: Element) -> bool:
    """Whether a shape takes its fill from the theme."""
    return any(ref.get("idx", "0") != "0" for ref in shape.iter("a:fillRef"))


def _box(shape: Element) -> Box | None:
    """Where a shape says that it lies, by the measure of the group that it is in."""
    for frame in _frames(shape):
        offset, extent = first_inside(frame, "a:off"), first_inside(frame, "a:ext")
        if offset is not None and extent is not None:
            left, top = _pair(offset, "x", "y")
            width, height = _pair(extent, "cx", "cy")
            return Box(left, top, left + width, top + height)
    return None


def _frames(shape: Element) -> Iterator[Element]:
    return (frame for about in shape for frame in (about, *about) if frame.tag in ("a:xfrm", "p:xfrm"))


def _pair(element: Element, one: str, other: str) -> tuple[int, int]:
    return _number(element.get(one)), _number(element.get(other))


def _number(value: str | None) -> int:
    bare = (value or "").removeprefix("-")
    return int(value or "0") if bare.isdecimal() and len(bare) <= 12 else 0
