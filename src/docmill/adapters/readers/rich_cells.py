"""Tables of Rich Text: each cell says its place by a mark, where the engine would lose it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from docmill.adapters.readers.cell_marks import CLOSE, OPEN, inserted, mark_of, need_marks
from docmill.adapters.readers.row_edges import EdgedRow, cells_by_edges
from docmill.domain.cells import Cell

LONGEST = 20_000_000  # characters; a longer file is read without marks

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
    """A row, and where the texts of its cells begin."""

    edged: EdgedRow
    places: list[int]


@dataclass(slots=True)
class _Table:
    """A table as Rich Text writes it: what a row is like stands before its cells, or behind them too."""

    rows: list[_Row] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    _edges: list[int] = field(default_factory=list)
    _said: list[frozenset[str]] = field(default_factory=list)
    _next: set[str] = field(default_factory=set)
    _header: bool = False

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
            self.rows.append(_Row(self._row(), self.places[:-1]))
            self.places = []

    def _row(self) -> EdgedRow:
        across, down = (
            frozenset(number for number, said in enumerate(self._said) if word in said)
            for word in ("clmrg", "clvmrg")
        )
        return EdgedRow(self._edges, across, down, self._header)

    def cells(self) -> Iterator[tuple[int, Cell]]:
        """Each cell and where its text begins; none where the rows are not as they were said to be."""
        if any(len(row.places) != len(row.edged.edges) for row in self.rows):
            return
        for number, cell in cells_by_edges([row.edged for row in self.rows]):
            yield self.rows[cell.row].places[number], cell
