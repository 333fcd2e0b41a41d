"""Cuts a table between its rows; every part but the first says its header row again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docmill.domain.documents import Block, Table
from docmill.domain.packing import Ruler
from docmill.domain.sentences import Span, lines

_RULE = re.compile(r"[|:+=\-\s]+")  # the line under a Markdown header
_SEPARATORS = ("\t", " | ", "|", ";", ",")


@dataclass(frozen=True, slots=True)
class TableChunk:
    """A part of a table: `span` in the section's text, `prefix` the header that is said before it."""

    span: Span
    tokens: int
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class _Header:
    """What is repeated (empty: nothing), what it costs, and how many rows of the text it takes."""

    text: str
    size: int
    tokens: int
    rows: int


def cut_table(ruler: Ruler, block: Block, base: int, lead: int | None) -> list[TableChunk]:
    """The parts of a table whose text begins at `base` of the section; `lead` is where its headings begin.

    The headings belong to the first part where they fit into it. A row is cut only where it is longer than
    the limit. A header above half the limit is not repeated.
    """
    rows = [(base + start, base + end) for start, end in _rows(block)]
    header = _header(ruler, block, rows)
    pieces = [piece for row in rows for piece in ruler.split(row)]
    inside = header.rows and rows[header.rows - 1][1]  # up to here the header stands in the text itself
    first = pieces[0][0]
    in_place = inside or not header.text
    if lead is not None and in_place and ruler.size(lead, pieces[0][1]) <= ruler.limit:
        first = lead
    return list(_packed(ruler, pieces, first, header, inside))


def _packed(
    ruler: Ruler, pieces: Sequence[Span], start: int, header: _Header, inside: int
) -> Iterator[TableChunk]:
    end = pieces[0][1]
    spoken = _spoken(ruler, start, end, header, inside)
    for piece in pieces[1:]:
        if ruler.size(start, piece[1]) + (header.size if spoken else 0) > ruler.limit:
            yield _part(ruler, (start, end), header, spoken)
            start = piece[0]
            spoken = _spoken(ruler, start, piece[1], header, inside)
        end = piece[1]
    yield _part(ruler, (start, end), header, spoken)


def _spoken(ruler: Ruler, start: int, end: int, header: _Header, inside: int) -> bool:
    """Whether the header is said before a part that begins with this piece: where it lacks and fits."""
    missing = bool(header.text) and start >= inside
    return missing and ruler.size(start, end) + header.size <= ruler.limit


def _part(ruler: Ruler, span: Span, header: _Header, spoken: bool) -> TableChunk:
    tokens = ruler.tokens(*span)
    if not spoken:
        return TableChunk(span, tokens)
    return TableChunk(span, tokens + header.tokens, header.text)


def _header(ruler: Ruler, block: Block, rows: Sequence[Span]) -> _Header:
    """The header of a table, from its text where it stands there, else from its cells."""
    if block.table is None or not block.table.header_rows or not block.table.rows:
        return _Header("", 0, 0, 0)
    count = _header_rows_in_text(block.table, [ruler.text[start:end] for start, end in rows])
    if count:
        text = ruler.text[rows[0][0] : rows[count - 1][1]] + "\n"
    else:
        text = _from_cells(block.table, ruler.text[slice(*rows[0])])
    size, tokens = ruler.size_of(text)
    if 2 * size > ruler.limit or len(rows) <= count:
        text, size, tokens = "", 0, 0
    return _Header(text, size, tokens, count)


def _header_rows_in_text(table: Table, rows: Sequence[str]) -> int:
    """How many rows of the text are header: 0 where the header stands in the cells only."""
    count = min(table.header_rows, len(rows))
    if not all(_says(rows[at], table.rows[at]) for at in range(count)):
        return 0
    if count < len(rows) and _RULE.fullmatch(rows[count]):
        return count + 1
    return count


def _says(row: str, cells: Sequence[str]) -> bool:
    """Whether the text of a row holds most of its cells; signs of the format may change a few."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    return 2 * sum(cell in row for cell in filled) > len(filled)


def _from_cells(table: Table, example: str) -> str:
    """The header rows written like the row `example`."""
    width = len(table.rows[0]) - 1
    separator = next((sign for sign in _SEPARATORS if width and example.count(sign) >= width), " | ")
    return "".join(separator.join(cells) + "\n" for cells in table.rows[: table.header_rows])


def _rows(block: Block) -> list[Span]:
    """The rows of a table's text: its lines, or where cells hold line breaks, lines with even quotes."""
    spans = list(lines(block.text))
    if block.table is None or len(spans) <= len(block.table.rows) + 1:
        return spans
    joined: list[Span] = []
    quotes = 0
    for start, end in spans:
        if quotes % 2:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
        quotes += block.text.count('"', start, end)
    return joined
