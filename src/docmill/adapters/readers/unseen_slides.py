"""What a PowerPoint slide holds and does not show, between marks.

A colour counts only where what lies behind the text is known: not in tables, on pictures or on shapes whose
fill comes from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple
from xml.etree.ElementTree import Element

from docmill.adapters.readers.css_values import Colour, look_alike
from docmill.adapters.readers.package_parts import ReadPart
from docmill.adapters.readers.slide_colours import Backdrop
from docmill.adapters.readers.slide_size import sides_in
from docmill.adapters.readers.unseen_marks import BEGIN, END
from docmill.adapters.readers.xml_tree import children, first_inside

TINIEST = 110  # hundredths of a point
MOST_PAINTED = 500  # shapes of a slide that are looked at for what is behind a text

_RUNS = frozenset(("a:r", "a:fld"))
_OFF = frozenset(("0", "false", "off"))
_SHAPES = frozenset(("p:sp", "p:grpSp", "p:pic", "p:graphicFrame", "p:cxnSp"))
_FILLS = frozenset(("a:solidFill", "a:gradFill", "a:blipFill", "a:pattFill", "a:grpFill", "a:noFill"))


class _Box(NamedTuple):
    """Where a shape lies, in English metric units from the top left of the slide."""

    left: int
    top: int
    right: int
    bottom: int

    def meets(self, other: _Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def mark_unseen(slide: Element, name: str, read: ReadPart) -> bool:
    """Put marks around the text of the slide of this name that is not shown; whether there is any."""
    if slide.get("show") in _OFF:
        return _mark_all(slide)
    area, behind, found = _slide_area(read), _Behind(name, slide, read), False
    for shape in _shapes(slide):
        box = _box(shape)
        if _is_hidden(shape) or (box is not None and area is not None and not box.meets(area)):
            found |= _mark_all(shape)
        elif runs := [run for run in shape.iter() if run.tag in _RUNS and _may_be_unseen(run)]:
            ground = behind.ground(shape)
            for run in runs:
                found |= _is_unseen(run, ground, behind.backdrop) and _mark_all(run)
        behind.lay(shape)
    return found


class _Behind:
    """What lies behind the next shape of a slide."""

    def __init__(self, name: str, slide: Element, read: ReadPart) -> None:
        self._known = name, slide, read
        self._painted: list[_Box | None] = []

    @cached_property
    def backdrop(self) -> Backdrop:
        """The slide with what it is shown on, which is looked for only where a text needs it."""
        return Backdrop(*self._known)

    @cached_property
    def _drawn(self) -> Sequence[_Box | None]:
        """What layout and master draw, and the places from which a placeholder may take its fill."""
        shapes = (shape for part in self.backdrop.behind[:2] for shape in _shapes(part))
        return [_box(shape) for shape in shapes if _is_painted(shape)]

    def lay(self, shape: Element) -> None:
        """Put a shape on top of the others."""
        if _is_painted(shape):
            self._painted.append(_box(shape))

    def ground(self, shape: Element) -> Colour | None:
        """What is behind the text of a shape; None where that is not a plain colour for certain."""
        fill = _fill(shape)
        if shape.tag != "p:sp" or len(self._painted) > MOST_PAINTED:
            return None
        if fill is not None and fill.tag == "a:solidFill":
            return self.backdrop.colour(fill)
        box, under = _box(shape), (*self._painted, *self._drawn)
        free = not _is_painted(shape) and not any(
            other is None or box is None or other.meets(box) for other in under
        )
        return self.backdrop.ground if free else None


def _shapes(part: Element) -> Iterator[Element]:
    return (shape for tree in part.iter("p:spTree") for shape in tree if shape.tag in _SHAPES)


def _mark_all(element: Element) -> bool:
    """All text in an element, and what describes its pictures: a picture between marks is none."""
    texts = [text for text in element.iter("a:t") if (text.text or "").strip()]
    for text in texts:
        text.text = f"{BEGIN}{text.text}{END}"
    about = [about for picture in element.iter("p:pic") for about in picture.iter("p:cNvPr")]
    for each in about:
        each.set("descr", f"{BEGIN}{each.get('descr', '')}{END}")
    return bool(texts or about)


def _is_hidden(shape: Element) -> bool:
    about = first_inside(shape, "p:cNvPr")
    return about is not None and about.get("hidden", "0") not in _OFF


def _may_be_unseen(run: Element) -> bool:
    """Whether the run itself says its size or its fill; what it inherits is the design's, and shown."""
    return any(said.get("sz") or any(fill.tag in _FILLS for fill in said) for said in children(run, "a:rPr"))


def _is_unseen(run: Element, ground: Colour | None, backdrop: Backdrop) -> bool:
    for said in children(run, "a:rPr"):
        size = said.get("sz", "")
        if size.isdecimal() and int(size) <= TINIEST:
            return True
        outlined = any(child.tag == "a:ln" for child in said)
        for fill in said:
            if fill.tag == "a:noFill" and not outlined:
                return True
            if fill.tag == "a:solidFill" and not outlined:
                return _is_clear(fill) or look_alike(backdrop.colour(fill), ground)
    return False


def _is_clear(fill: Element) -> bool:
    return any(alpha.get("val") in ("0", "0%") for alpha in fill.iter("a:alpha"))


def _is_painted(shape: Element) -> bool:
    """Whether a shape hides what is behind it, or may."""
    fill = _fill(shape)
    if fill is not None:
        return fill.tag != "a:noFill"
    return shape.tag not in ("p:sp", "p:cxnSp") or _is_styled(shape)


def _is_styled(shape: Element) -> bool:
    """Whether a shape takes its fill from the theme."""
    return any(ref.get("idx", "0") != "0" for ref in shape.iter("a:fillRef"))


def _fill(shape: Element) -> Element | None:
    return next((fill for about in children(shape, "p:spPr") for fill in about if fill.tag in _FILLS), None)


def _box(shape: Element) -> _Box | None:
    """Where a shape says that it lies; None where it takes that from elsewhere."""
    places = [frame for about in shape for frame in (about, *about) if frame.tag in ("a:xfrm", "p:xfrm")]
    for frame in places:
        offset, extent = first_inside(frame, "a:off"), first_inside(frame, "a:ext")
        if offset is not None and extent is not None:
            left, top = _number(offset.get("x")), _number(offset.get("y"))
            return _Box(left, top, left + _number(extent.get("cx")), top + _number(extent.get("cy")))
    return None


def _slide_area(read: ReadPart) -> _Box | None:
    sides = sides_in(read("ppt/presentation.xml").encode())
    return _Box(0, 0, *sides) if sides else None


def _number(value: str | None) -> int:
    bare = (value or "").removeprefix("-")
    return int(value or "0") if bare.isdecimal() and len(bare) <= 12 else 0
