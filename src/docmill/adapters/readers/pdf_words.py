"""The words of a PDF page, each with its box, as PDFium tells them letter by letter."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

from docmill.adapters.readers.pdf_objects import Rectangle
from docmill.adapters.readers.pdf_pieces import Piece, around, holds, middle
from docmill.adapters.readers.tidy import clean

LETTERS = 2_000  # of one piece of text
_BESIDE = 2.0  # points that a letter may stand beside its piece


def words_of(textpage: Any, within: Rectangle) -> Iterator[Piece]:
    """The words of a piece of text in this box, in the page's own coordinates, as they follow one another."""
    letters: list[str] = []
    boxes: list[Rectangle] = []
    for letter, box in _letters(textpage, within):
        if box is not None:
            letters.append(letter)
            boxes.append(box)
            continue
        if text := clean("".join(letters)):
            yield Piece(text, around(boxes))
        letters, boxes = [], []


def _letters(textpage: Any, within: Rectangle) -> Iterator[tuple[str, Rectangle | None]]:
    """Each letter with its box; what parts words has none."""
    import pypdfium2.raw as raw

    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    x, y = within[0] + _BESIDE, middle(within)[1]
    first = raw.FPDFText_GetCharIndexAtPos(textpage, x, y, 3 * _BESIDE, within[3] - y)
    for at in range(first, first + LETTERS if first >= 0 else first):
        letter = chr(raw.FPDFText_GetUnicode(textpage, at))
        if letter <= " " or not raw.FPDFText_GetCharBox(textpage, at, left, right, bottom, top):
            yield letter, None
            continue
        box = left.value, bottom.value, right.value, top.value
        if not holds(within, middle(box), _BESIDE):
            break
        yield letter, box
    yield "", None
