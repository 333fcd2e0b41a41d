"""What a PowerPoint slide holds and does not show, between marks.

A colour counts only where what lies behind the text is known: not on pictures, nor on shapes and tables whose
fill comes from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from xml.etree.ElementTree import Element

from docmill.adapters.readers.css_values import Colour, look_alike
from docmill.adapters.readers.package_parts import ReadPart
from docmill.adapters.readers.slide_colours import Backdrop
from docmill.adapters.readers.slide_shapes import (
    FILLS,
    Box,
    Shape,
    fill_of,
    is_hidden,
    is_painted,
    shapes_of,
)
from docmill.adapters.readers.slide_size import sides_in
from docmill.adapters.readers.unseen_marks import BEGIN, END
from docmill.adapters.readers.xml_tree import OFF, children

TINIEST = 110  # hundredths of a point
MOST_PAINTED = 500  # shapes of a slide that are looked at for what is behind a text

_RUNS = frozenset(("a:r", "a:fld"))
# What the file calls the styles "No Style, No Grid" and "No Style, Table Grid".
_PLAIN_STYLES = frozenset(
    ("{2D5ABB26-0587-4C30-8999-92F81FD0307C}", "{5940675A-B579-460E-94D1-54222C63F5DA}")
)


def mark_unseen(slide: Element, name: str, read: ReadPart) -> bool:
    """Put marks around the text of the slide of this name that is not shown; whether there is any."""
    if slide.get("show") in OFF:
        return _mark_all(slide)
    area, behind, found = _slide_area(read), _Behind(name, slide, read), False
    for shape in shapes_of(slide):
        box = shape.box
        if is_hidden(shape.element) or (box is not None and area is not None and not box.meets(area)):
            found |= _mark_all(shape.element)
        else:
            for part in _parts(shape.element):
                found |= _mark_runs(part, shape, behind)
        behind.lay(shape)
    return found


def _parts(shape: Element) -> list[Element]:
    """The cells of a table, which may have a ground each; else the shape as a whole."""
    cells = shape.iter("a:tc") if shape.tag == "p:graphicFrame" else ()
    return [*cells] or [shape]


def _mark_runs(part: Element, shape: Shape, behind: _Behind) -> bool:
    runs = [run for run in part.iter() if run.tag in _RUNS and _may_be_unseen(run)]
    ground = behind.ground(part, shape) if runs else None
    found = False
    for run in runs:
        found |= _is_unseen(run, ground, behind.backdrop) and _mark_all(run)
    return found


class _Behind:
    """What lies behind the next shape of a slide."""

    def __init__(self, name: str, slide: Element, read: ReadPart) -> None:
        self._known = name, slide, read
        self._painted: list[Box | None] = []

    @cached_property
    def backdrop(self) -> Backdrop:
        """The slide with what it is shown on, which is looked for only where a text needs it."""
        return Backdrop(*self._known)

    @cached_property
    def _drawn(self) -> Sequence[Box | None]:
        """What layout and master draw, and the places from which a placeholder may take its fill."""
        shapes = (shape for part in self.backdrop.behind[:2] for shape in shapes_of(part))
        return [shape.box for shape in shapes if is_painted(shape.element)]

    def lay(self, shape: Shape) -> None:
        """Put a shape on top of the others."""
        if is_painted(shape.element):
            self._painted.append(shape.box)

    def ground(self, part: Element, shape: Shape) -> Colour | None:
        """What is behind the text of a shape, or of a cell in it; None where that is not certainly plain."""
        if part.tag == "a:tc":
            fill, is_clear = _cell_fill(part), _is_plain_table(shape.element)
        else:
            fill, is_clear = fill_of(part), part.tag == "p:sp" and not is_painted(part)
        if fill is not None and fill.tag == "a:solidFill" and part.tag in ("a:tc", "p:sp"):
            return self.backdrop.colour(fill)
        return self._under(shape.box) if is_clear and (fill is None or fill.tag == "a:noFill") else None

    def _under(self, box: Box | None) -> Colour | None:
        """The ground of the slide, where nothing else was drawn on it."""
        if len(self._painted) > MOST_PAINTED:
            return None
        under = (*self._painted, *self._drawn)
        free = not any(other is None or box is None or other.meets(box) for other in under)
        return self.backdrop.ground if free else None


def _cell_fill(cell: Element) -> Element | None:
    return next((fill for about in children(cell, "a:tcPr") for fill in about if fill.tag in FILLS), None)


def _is_plain_table(frame: Element) -> bool:
    """Whether a table paints nothing behind its cells that they do not say themselves."""
    styles = [(style.text or "").strip().upper() for style in frame.iter("a:tableStyleId")]
    filled = any(fill.tag in FILLS for about in frame.iter("a:tblPr") for fill in about)
    return not filled and all(style in _PLAIN_STYLES for style in styles)


def _mark_all(element: Element) -> bool:
    """All text in an element, and what describes its pictures: a picture between marks is none."""
    texts = [text for text in element.iter("a:t") if (text.text or "").strip()]
    for text in texts:
        text.text = f"{BEGIN}{text.text}{END}"
    about = [about for picture in element.iter("p:pic") for about in picture.iter("p:cNvPr")]
    for each in about:
        each.set("descr", f"{BEGIN}{each.get('descr', '')}{END}")
    return bool(texts or about)


def _may_be_unseen(run: Element) -> bool:
    """Whether the run itself says its size or its fill; what it inherits is the design's, and shown."""
    return any(said.get("sz") or any(fill.tag in FILLS for fill in said) for said in children(run, "a:rPr"))


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


def _slide_area(read: ReadPart) -> Box | None:
    sides = sides_in(read("ppt/presentation.xml").encode())
    return Box(0, 0, *sides) if sides else None
