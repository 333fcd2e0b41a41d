"""The objects that a PDF page draws, those inside forms among them, as PDFium tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

Rectangle = tuple[float, float, float, float]  # x0, y0, x1, y1
Placing = Callable[[Rectangle], Rectangle]

PAGE_OBJECTS = 50_000  # what is behind them is not looked at
NESTED_FORMS = 8
TEXT, PATH, IMAGE, FORM = 1, 2, 3, 5


class PageObject(NamedTuple):
    """An object, its kind, and how its coordinates become those of the page."""

    thing: Any
    kind: int
    place: Placing


def page_objects(page: Any) -> Iterator[PageObject]:
    """The objects of an open page in the order of drawing, a form before what is in it, up to a bound."""
    import pypdfium2.raw as raw

    found = _objects(raw.FPDFPage_CountObjects, raw.FPDFPage_GetObject, page, _same, 0)
    return islice(found, PAGE_OBJECTS)


def _objects(count: Any, get: Any, holder: Any, place: Placing, depth: int) -> Iterator[PageObject]:
    import pypdfium2.raw as raw

    for at in range(count(holder)):
        thing = get(holder, at)
        kind = raw.FPDFPageObj_GetType(thing)
        yield PageObject(thing, kind, place)
        if kind == FORM and depth < NESTED_FORMS:
            count_in, get_in = raw.FPDFFormObj_CountObjects, raw.FPDFFormObj_GetObject
            yield from _objects(count_in, get_in, thing, _placing(thing, place), depth + 1)


def _same(box: Rectangle) -> Rectangle:
    return box


def _placing(form: Any, outer: Placing) -> Placing:
    """From the coordinates inside a form to those of the page."""
    import pypdfium2.raw as raw

    m = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(form, m)

    def place(box: Rectangle) -> Rectangle:
        xs = [m.a * x + m.c * y + m.e for x in box[::2] for y in box[1::2]]
        ys = [m.b * x + m.d * y + m.f for x in box[::2] for y in box[1::2]]
        return outer((min(xs), min(ys), max(xs), max(ys)))

    return place
