"""Tables of web pages: each cell says its place by a mark, where the engine would lose it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from docmill.adapters.readers.cell_marks import LONGEST_SPAN, inserted, mark_of, need_marks
from docmill.domain.cells import Cell, Layout

WIDEST = 1_000  # columns of one cell, as in browsers

_HINT = re.compile(r"<th\b|<thead\b|\b(?:row|col)span\b", re.I)
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(/?)(table|thead|tbody|tfoot|tr|td|th)\b((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+)>",
    re.S | re.I,
)
_SPAN = re.compile(r"""\b(row|col)span\s*=\s*["']?\s*(\d{1,9})""", re.I)


def with_marked_cells(html: str) -> str:
    """A sound page, whose elements all end, with a mark in each cell of its tables that need them."""
    return inserted(html, _marks(html)) if _HINT.search(html) else html


def _marks(html: str) -> Iterator[tuple[int, str]]:
    tables: list[_Table] = []
    for tag in _TAG.finditer(html):
        closing, name = bool(tag[1]), (tag[2] or "").lower()
        if name == "table":
            if not closing:
                tables.append(_Table())
            elif tables:
                yield from _told(tables.pop())
        elif name and tables:
            tables[-1].take(closing, name, tag[3], tag.end())


def _told(table: _Table) -> Iterator[tuple[int, str]]:
    if need_marks(table.cells) and not table.layout.lost:
        yield from zip(table.places, map(mark_of, table.cells), strict=True)


@dataclass(slots=True)
class _Table:
    """A table as browsers lay it out, so far."""

    cells: list[Cell] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    layout: Layout = field(default_factory=Layout)
    _in_head: bool = False

    def take(self, closing: bool, name: str, attributes: str, end: int) -> None:
        """A tag of the table; no cell reaches out of its head, foot or body."""
        if name in ("thead", "tbody", "tfoot"):
            self._in_head = name == "thead" and not closing
            self.layout.end_group()
        elif not closing and name == "tr":
            self.layout.next_row()
        elif not closing:
            rows, columns = _spans(attributes)
            place = self.layout.place(rows, columns)
            self.cells.append(Cell(*place, rows, columns, name == "th" or self._in_head))
            self.places.append(end)


def _spans(attributes: str) -> tuple[int, int]:
    """Rows and columns; no rows mean all that follow."""
    told = {name.lower(): int(count) for name, count in _SPAN.findall(attributes)}
    return told.get("row", 1) or LONGEST_SPAN, min(max(told.get("col", 1), 1), WIDEST)
