"""Tables of AsciiDoc: lines between two `|===` to cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence

from docmill.adapters.readers.tidy import tidy_table
from docmill.domain.documents import Table

COLUMNS = 1_000

# What may stand before the bar of a cell: repeated or spanning (`2+`, `.3+`, `4*`), alignment, style.
_SPEC = r"(?:\d+\*|(?:\d+)?(?:\.\d+)?\+)?(?:[<^>](?:\.[<^>])?|\.[<^>])?[aehlmsdv]?"
_CELL = re.compile(rf"(?:(?<=\s)|^)(?P<spec>{_SPEC})(?<!\\)\|", re.M)
_BAR = re.compile(r"(?<!\\)\|")


def read_table(lines: Sequence[str], mark: str, plain: Callable[[str], str]) -> Table:
    """The cells of the lines of one table. Its first row is the header."""
    if mark in ",:":
        rows = [list(row) for row in csv.reader(lines, delimiter=mark) if row]
    else:
        rows = list(_rows(lines))
    return tidy_table([plain(cell.replace("\\|", "|")) for cell in row] for row in rows)


def _rows(lines: Sequence[str]) -> Iterator[list[str]]:
    """The first line with cells tells how many a row has; later ones may stand on a line each."""
    cells: list[str] = []
    width = 0
    for line in lines:
        found = _cells_of(line)
        if found is None:
            if cells:
                cells[-1] += f"\n{line}"
            continue
        cells += found
        width = width or min(len(found), COLUMNS)
    for start in range(0, len(cells), max(1, width)):
        yield [cell.strip() for cell in cells[start : start + width]]


def _cells_of(line: str) -> list[str] | None:
    """The cells that begin on this line; None when none does."""
    starts = list(_CELL.finditer(line)) or None
    if starts is None or line[: starts[0].start()].strip():
        return None
    ends = [match.start() for match in starts[1:]] + [len(line)]
    return [line[match.end() : end] for match, end in zip(starts, ends, strict=True)]
