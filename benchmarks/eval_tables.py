"""How well tables of PDFs are read: relations between neighbouring cells, found and expected.

The measure is that of the ICDAR 2013 table competition: every two neighbouring cells that are not blank,
across or down, are one relation, made of their texts and the direction. Relations are compared page by
page. Tables on a page without any in the truth are not counted, because the truth names the pages that were
looked at.

Merged cells are compared the same way: each is its text, and how many rows and columns it spans.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks.figures import Figure, at_least, info
from benchmarks.read_files import read_all

from docmill.domain.documents import RawBlock, Span, Table

GOAL = 0.80
SPANS_GOAL = 0.90

Relations = Counter[tuple[str, str, str]]
Merged = Counter[tuple[str, int, int]]


@dataclass(frozen=True, slots=True)
class Counts:
    """Relations, or merged cells, of one file: right ones, those found, those expected."""

    right: int
    found: int
    expected: int


def evaluate_tables(folder: Path) -> list[Figure]:
    """Precision, recall and F1 over all relations of the set; precision and recall of merged cells."""
    files = sorted((folder / "tables_icdar2013_us").glob("*.pdf"))
    read = list(zip(files, read_all(files), strict=True))
    precision, recall = _shares(compare(path, blocks, relations) for path, blocks in read)
    spans_precision, spans_recall = _shares(compare(path, blocks, merged) for path, blocks in read)
    return [
        at_least("tables_adjacency_f1", 2 * precision * recall / max(precision + recall, 1e-9), GOAL),
        info("tables_adjacency_precision", precision),
        info("tables_adjacency_recall", recall),
        at_least("tables_spans_precision", spans_precision, SPANS_GOAL),
        info("tables_spans_recall", spans_recall),
    ]


def _shares(counts: Iterable[Counts]) -> tuple[float, float]:
    """Precision and recall over all files."""
    right, found, expected = (
        sum(part) for part in zip(*((c.right, c.found, c.expected) for c in counts), strict=True)
    )
    return right / max(found, 1), right / max(expected, 1)


def compare(path: Path, blocks: Sequence[RawBlock], tell: Callable[[Table], Counter[Any]]) -> Counts:
    """What is told of the tables that were found in a file, against those that are expected there."""
    expected = [(page, tell(table)) for page, table in _expected(path)]
    pages = {page for page, _ in expected}
    found = [(block.page, tell(block.table)) for block in blocks if block.table and block.page in pages]
    right = 0
    for page in pages:
        wanted = sum((told for at, told in expected if at == page), Counter())
        seen = sum((told for at, told in found if at == page), Counter())
        right += (wanted & seen).total()
    return Counts(right, sum(told.total() for _, told in found), sum(told.total() for _, told in expected))


def merged(table: Table) -> Merged:
    """The cells of a table that span more than one row or column."""
    return Counter(
        (_bare(table.rows[span.row][span.column]), span.rows, span.columns)
        for span in table.spans
        if span.rows * span.columns > 1
    )


def relations(table: Table) -> Relations:
    """The neighbours of a table, across and down, blank places passed over; a pair of cells counts once."""
    places = [[(row, column) for column in range(len(table.rows[0]))] for row in range(len(table.rows))]
    for span in table.spans:
        for row in range(span.row, span.row + span.rows):
            for column in range(span.column, span.column + span.columns):
                places[row][column] = span.row, span.column
    lines = [("across", row) for row in places] + [("down", column) for column in zip(*places, strict=True)]
    pairs = {
        (direction, *pair)
        for direction, line in lines
        for pair in pairwise(place for place in line if _bare(table.rows[place[0]][place[1]]))
        if pair[0] != pair[1]
    }
    return Counter(
        (direction, _bare(table.rows[a[0]][a[1]]), _bare(table.rows[b[0]][b[1]])) for direction, a, b in pairs
    )


def _bare(text: str) -> str:
    """The text without white space and signs that fonts write in several ways."""
    return re.sub(r"\W+", "", text).casefold() or re.sub(r"\s+", "", text)


def _expected(path: Path) -> Iterator[tuple[int, Table]]:
    """(page, table) of each region of a table in the truth."""
    truth = ElementTree.parse(path.with_name(f"{path.stem}-str.xml"))
    for region in truth.iter("region"):
        yield int(region.get("page", "0")), _region(region)


def _region(region: ElementTree.Element) -> Table:
    cells = [(_span(cell), cell.findtext("content") or "") for cell in region.iter("cell")]
    rows = max((span.row + span.rows for span, _ in cells), default=1)
    columns = max((span.column + span.columns for span, _ in cells), default=1)
    grid = [[""] * columns for _ in range(rows)]
    for span, text in cells:
        grid[span.row][span.column] = text
    return Table(tuple(map(tuple, grid)), spans=tuple(span for span, _ in cells))


def _span(cell: ElementTree.Element) -> Span:
    row, column = int(cell.get("start-row", 0)), int(cell.get("start-col", 0))
    last_row, last_column = int(cell.get("end-row", row)), int(cell.get("end-col", column))
    return Span(row, column, max(last_row - row, 0) + 1, max(last_column - column, 0) + 1)
