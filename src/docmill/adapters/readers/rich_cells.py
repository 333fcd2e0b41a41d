"""Tables of Rich Text: each cell says its place by a mark, where the engine would lose it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from docmill.adapters.readers.cell_marks import CLOSE, OPEN, inserted, mark_of, need_marks
from docmill.domain.cells import Cell

LONGEST = 20_000_000  # characters; a longer file is read without marks
ROWS = 100_000  # of one table
TABLE_CELLS = 500_000
_SAME = 30  # twips (1/20 point) between edges of cells that are one

_WORD = re.compile(r"\\(?:([a-z]+)(-?\d{1,9})? ?|[^a-z])", re.S)
_OWN_MARK = re.compile(rf"\\u(?:{ord(OPEN)}|{ord(CLOSE)}|{ord(OPEN) - 0x10000}|{ord(CLOSE) - 0x10000})(?!\d)")
_LOST = frozenset(("nestcell", "nestrow", "bin"))  # tables in cells, and bytes that are no text


def with_marked_cells(document: bytes) -> bytes:
    """The document with a mark in each cell of its tables that need them."""
    if len(document) > LONGEST or b"\\trowd" not in document:
        return document
    text = _OWN_MARK.sub("", document.decode("latin-1"))
    return inserted(text, _marks(text)).encode("latin-1")


def _marks(text: str) -> Iterator[tuple[int, str]]:
    tables = [_Table()]
    for word in _WORD.finditer(text):
        if word[1] in _LOST:
            return
        if word[1] in ("par", "sect") and tables[-1].rows and not tables[-1].places:
            tables.append(_Table())
        elif word[1]:
            tables[-1].take(word[1], int(word[2] or 0), word.end(1 if word[2] is None else 2))
    for table in tables:
        cells = list(table.cells())
        if need_marks([cell for _, cell in cells]):
            yield from ((place, _written(mark_of(cell))) for place, cell in cells)


def _written(mark: str) -> str:
    """A mark as Rich Text writes characters that are not Latin."""
    marks = {sign: f"\\u{ord(sign) - 0x10000}?" for sign in (OPEN, CLOSE)}
    return "{\\uc1" + "".join(marks.get(sign, sign) for sign in mark) + "}"


@dataclass(slots=True)
class _Row:
    """A row: where its cells end, in twips, what is said of each, where their text begins."""

    edges: list[int]
    said: list[frozenset[str]]
    places: list[int]
    header: bool


@dataclass(slots=True)
class _Table:
    """A table as Rich Text writes it: what a row is like stands before its cells, or behind them too."""

    rows: list[_Row] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    _edges: list[int] = field(default_factory=list)
    _said: list[frozenset[str]] = field(default_factory=list)
    _next: set[str] = field(default_factory=set)
    _header: bool = False
    _ended: int = 0

    def take(self, word: str, number: int, end: int) -> None:
        """A control word of the table, and where it ends."""
        if word == "trowd":
            self._edges, self._said, self._next, self._header = [], [], set(), False
        elif word == "trhdr":
            self._header = True
        elif word in ("clmgf", "clmrg", "clvmgf", "clvmrg"):
            self._next.add(word)
        elif word == "cellx":
            self._edges.append(number)
            self._said.append(frozenset(self._next))
            self._next = set()
        elif word == "intbl" and not self.places:
            self.places = [end]
        elif word == "cell" and self.places:
            self.places.append(end)
        elif word == "row":
            self.rows.append(_Row(self._edges, self._said, self.places[:-1], self._header))
            self.places = []

    def cells(self) -> Iterator[tuple[int, Cell]]:
        """Each cell and where its text begins; none where the rows are not as they were said to be."""
        rows = self.rows
        wrong = any(not row.places or len(row.places) != len(row.edges) or _falls(row.edges) for row in rows)
        if wrong or len(rows) > ROWS or sum(len(row.places) for row in rows) > TABLE_CELLS:
            return
        edges = _columns(edge for row in rows for edge in row.edges)
        above: dict[int, int] = {}
        found: list[tuple[int, Cell]] = []
        for at, row in enumerate(rows):
            start = 0
            for place, edge, said in zip(row.places, row.edges, row.said, strict=True):
                end = bisect_left(edges, edge - _SAME) + 1
                whole = above.get(start) if "clvmrg" in said else len(found) - 1 if "clmrg" in said else None
                if whole is None:
                    above[start] = len(found)
                    found.append((place, Cell(at, start, 1, end - start, row.header)))
                else:
                    found[whole] = found[whole][0], _with(found[whole][1], at, end)
                start = end
        yield from found


def _falls(edges: list[int]) -> bool:
    """Whether a cell ends before it begins."""
    return any(right - left <= _SAME for left, right in pairwise(edges))


def _columns(edges: Iterator[int]) -> list[int]:
    """The edges of all rows, those that are one counted once."""
    kept: list[int] = []
    for edge in sorted(set(edges)):
        if not kept or edge - kept[-1] > _SAME:
            kept.append(edge)
    return kept


def _with(cell: Cell, row: int, end: int) -> Cell:
    """The cell with a place that goes on with it."""
    return replace(cell, rows=row - cell.row + 1, columns=max(end - cell.column, cell.columns))
