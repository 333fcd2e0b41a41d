"""Merged cells of workbooks, which the engine does not tell: their places in what it tells of each sheet."""

from __future__ import annotations

import io
import re
import zipfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from docmill.adapters.readers.open_cells import HAS_SPANS, open_cells
from docmill.adapters.readers.package_parts import links_of, part_of, reading
from docmill.adapters.readers.packages import DAMAGE
from docmill.adapters.readers.sheet_records import sheets_of
from docmill.adapters.readers.xml_tree import children, xml_tree
from docmill.domain import media_types as types
from docmill.domain.cells import PLACES
from docmill.domain.documents import Span, Table
from docmill.domain.reading_errors import Unreadable

PART_BYTES = 64 * 1024 * 1024  # of a sheet; of a longer one no spans are told
TREE_BYTES = 20 * 1024 * 1024

_PLACE = rb"([A-Z]{1,3})(\d{1,7})"
_MERGED = re.compile(rb"<mergeCell\b[^<>]*?\bref\s*=\s*[\"']" + _PLACE + rb":" + _PLACE + rb"[\"']")
_FILLED = re.compile(rb"<c\b[^<>]*?\br\s*=\s*[\"']" + _PLACE + rb"[\"'][^<>]*(?<!/)>(?!</c>)")

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Merged:
    """Where the filled part of a sheet begins and how large it is, and its merged cells, by row."""

    row: int
    column: int
    rows: int
    columns: int
    spans: tuple[Span, ...]

    def inside(self, cells: Sequence[Sequence[str]]) -> tuple[Span, ...]:
        """The merged cells as places in these cells; none where these are not the filled part."""
        if len(cells) != self.rows or any(len(line) != self.columns for line in cells):
            return ()
        return tuple(
            Span(span.row - self.row, span.column - self.column, span.rows, span.columns)
            for span in self.spans
            if span.row >= self.row and span.column >= self.column
        )


def merged_cells(workbook: bytes, media_type: str) -> Mapping[str, Merged]:
    """The merged cells by the name of their sheet; none where they cannot be told."""
    tell = {types.XLSX: _of_excel, types.ODS: _of_open_document}.get(media_type)
    if tell is None and media_type != types.XLS:
        return {}
    try:
        if tell is None:
            return dict(_of_records(workbook))
        with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
            return dict(tell(archive))
    except (zipfile.BadZipFile, NotImplementedError, KeyError, Unreadable, *DAMAGE):
        return {}


def with_spans(table: Table, spans: Sequence[Span], top: int, left: int) -> Table:
    """The table, cut out of a sheet at this place, with the merged cells of the sheet that begin in it.

    A merged cell whose text is not all in its first place is left out.
    """
    height, width = len(table.rows), max(map(len, table.rows), default=0)
    begins = bisect_left(spans, top, key=lambda span: span.row)
    ends = bisect_left(spans, top + height, key=lambda span: span.row)
    moved = (_clipped(span, top, left, height, width) for span in spans[begins:ends])
    kept = [span for span in moved if span.rows * span.columns > 1]
    if sum(span.rows * span.columns for span in kept) > min(PLACES, height * width):
        return table
    return replace(table, spans=tuple(span for span in kept if _is_true(span, table)))


def _clipped(span: Span, top: int, left: int, height: int, width: int) -> Span:
    """The span as it stands in the table; of no rows or columns where it does not begin there."""
    row, column = span.row - top, span.column - left
    rows = min(span.rows, height - row)
    return Span(row, column, rows, max(min(span.columns, width - column), 0) if column >= 0 else 0)


def _is_true(span: Span, table: Table) -> bool:
    lines = [row[span.column : span.column + span.columns] for row in table.rows[span.row :][: span.rows]]
    return bool(lines[0][0]) and sum(bool(text) for line in lines for text in line) == 1


def _of_records(workbook: bytes) -> Iterator[tuple[str, Merged]]:
    for sheet in sheets_of(workbook):
        yield from _told(" ".join(sheet.name.split()), sheet.corners, sheet.spans)


def _of_excel(archive: zipfile.ZipFile) -> Iterator[tuple[str, Merged]]:
    for name, sheet in sheet_parts(archive):
        part = part_of(archive, sheet, PART_BYTES)
        spans = [_span(*found.groups()) for found in _MERGED.finditer(part)]
        if spans:
            filled = ((_number(row), _column(name)) for name, row in _FILLED.findall(part))
            yield from _told(" ".join(name.split()), filled, spans)


def sheet_parts(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """The sheets of an Excel workbook: the name of each, and of its part. Raises Unreadable."""
    read = reading(archive, PART_BYTES)
    places = {link.identity: link.part for link in links_of("xl/workbook.xml", read)}
    for sheet in xml_tree(read("xl/workbook.xml").encode())[0].iter("sheet"):
        yield sheet.get("name", ""), places.get(sheet.get("r:id", ""), "")


def _span(left: bytes, top: bytes, right: bytes, bottom: bytes) -> Span:
    row, column = _number(top), _column(left)
    return Span(row, column, max(_number(bottom) - row, 0) + 1, max(_column(right) - column, 0) + 1)


def _number(digits: bytes) -> int:
    return int(digits) - 1


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number - 1


def _of_open_document(archive: zipfile.ZipFile) -> Iterator[tuple[str, Merged]]:
    content = part_of(archive, "content.xml", PART_BYTES)
    if len(content) > TREE_BYTES or not HAS_SPANS.search(content.decode("utf-8", "replace")):
        return
    for document in xml_tree(content)[0].iter("office:spreadsheet"):
        for table in children(document, "table:table"):
            cells = [cell for _, cell in open_cells(table)]
            spans = [Span(cell.row, cell.column, cell.rows, cell.columns) for cell in cells]
            places = ((cell.row, cell.column) for cell in cells)
            yield from _told(" ".join(table.get("table:name", "").split()), places, spans)


def _told(name: str, filled: Iterable[Place], spans: Iterable[Span]) -> Iterator[tuple[str, Merged]]:
    places = list(filled)
    wide = sorted((span for span in spans if span.rows * span.columns > 1), key=_first_place)
    if places and wide:
        (top, bottom), (left, right) = ((min(side), max(side)) for side in zip(*places, strict=True))
        yield name, Merged(top, left, bottom - top + 1, right - left + 1, tuple(wide))


def _first_place(span: Span) -> Place:
    return span.row, span.column
