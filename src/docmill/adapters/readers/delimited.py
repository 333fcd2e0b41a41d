"""CSV and TSV: slices of the file, each with its cells and the header row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from docmill.adapters.readers.parts import slices
from docmill.adapters.readers.text_reader import TextReader, Told
from docmill.domain.documents import BlockKind, RawBlock, Table
from docmill.domain.media_types import TSV
from docmill.domain.reading_errors import DamagedFile

BLOCK_ROWS = 50
BLOCK_CELLS = 2_000  # wide tables get fewer rows a block
DELIMITERS = ",;\t|"
SAMPLE_ROWS = 20
CELL_CHARACTERS = 10_000_000

Record = tuple[int, int, list[str]]


class DelimitedReader(TextReader):
    """Reads CSV and TSV; the delimiter is the one that cuts the first rows most evenly."""

    name = "delimited-1"
    lacking = "The table holds no rows. Send one with content."

    def tell(self, text: str, media_type: str, /) -> Told:
        """One table block for each 50 rows."""
        delimiter = "\t" if media_type == TSV else delimiter_of(text)
        return Told(list(slices(text, _cuts(text, delimiter))))


def delimiter_of(text: str) -> str:
    """The delimiter that gives the first rows the most columns in common."""
    lines = text[:65536].splitlines()[:SAMPLE_ROWS]
    return max(DELIMITERS, key=lambda mark: _columns_in_common(lines, mark))


def _columns_in_common(lines: list[str], mark: str) -> int:
    widths = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
    return max((width * widths.count(width) for width in set(widths) if width > 1), default=0)


def _cuts(text: str, delimiter: str) -> Iterator[tuple[int, int, RawBlock]]:
    """The first block's text holds the header row; the others repeat it in their table only."""
    records = _records(text, delimiter)
    header = next(records)
    pending, limit = [header], _rows_a_block(header)
    for record in records:
        if len(pending) >= limit:
            yield _block(pending, header)
            pending = []
        pending.append(record)
    if pending:
        yield _block(pending, header)


def _rows_a_block(header: Record) -> int:
    return max(1, min(BLOCK_ROWS, BLOCK_CELLS // max(1, len(header[2]))))


def _block(records: list[Record], header: Record) -> tuple[int, int, RawBlock]:
    rows = [cells for _, _, cells in records]
    if records[0] is not header:
        rows.insert(0, header[2])
    width = max(len(row) for row in rows)
    table = Table(tuple(tuple(row) + ("",) * (width - len(row)) for row in rows))
    return records[0][0], records[-1][1], RawBlock(BlockKind.TABLE, "", table=table)


def _records(text: str, delimiter: str) -> Iterator[Record]:
    """(start, end, cells) of each row that is not blank."""
    csv.field_size_limit(CELL_CHARACTERS)
    lines = _Lines(text)
    start = 0
    try:
        for cells in csv.reader(lines, delimiter=delimiter):
            if cells:
                yield start, lines.position, [cell.strip() for cell in cells]
            start = lines.position
    except csv.Error as error:
        raise DamagedFile(f"The table cannot be read near line {lines.number}: {error}.") from error


class _Lines:
    """The lines of a text with their ends kept, and how far they have been taken."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.position = self.number = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.position += len(line)
            self.number += 1
            yield line
