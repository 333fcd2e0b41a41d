"""Text and tables as an engine gives them, tidied: no control characters, no empty rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from docmill.adapters.readers.decoding import storable
from docmill.adapters.readers.markdown import rectangular
from docmill.domain.cells import Cell, table_of
from docmill.domain.documents import BlockKind, RawBlock, Table

_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")

# What programs write where nobody described a picture.
_BY_A_MACHINE = re.compile(r"\s*description automatically generated[^\n]*", re.I)
_NO_DESCRIPTION = re.compile(
    r"(?:picture|image|graphic|img)?[ _-]*\d*(?:\.(?:png|jpe?g|gif|emf|wmf|tiff?|webp))?", re.I
)


def clean(text: str) -> str:
    """Text that can be stored and shown: no control characters, no white space around it."""
    return without_controls(storable(text)).strip()


def one_line(text: str) -> str:
    """Clean text with a single space for every run of white space, line ends too."""
    return " ".join(clean(text).split())


def table_block(table: Table, page: int | None = None) -> RawBlock:
    """A table as a block that reads well: cells joined by ` | `, rows by line ends."""
    lines = (" | ".join(row) for row in table.rows)
    return RawBlock(BlockKind.TABLE, "\n".join(lines), page=page, table=table)


def image_block(description: str, picture: str | None) -> RawBlock:
    """An image, which takes no place in the text as long as it has no words.

    A description that says no more than that there is a picture is none.
    """
    description = _BY_A_MACHINE.sub("", description)
    if _NO_DESCRIPTION.fullmatch(description):
        description = ""
    return RawBlock(BlockKind.IMAGE, description, lead="\n\n" if description else "", picture=picture)


def tidy_table(rows: Iterable[Iterable[str]], header_rows: int = 1) -> Table:
    """Cells on one line each; rows without text, and columns without text at the end, are left out."""
    tidy = [[one_line(cell) for cell in row] for row in rows]
    filled = [row for row in tidy if any(row)]
    width = max((max(at for at, cell in enumerate(row, 1) if cell) for row in filled), default=0)
    return rectangular([row[:width] for row in filled], header_rows)


def laid_out(cells: Sequence[Cell], header_rows: int | None = None) -> Table:
    """The table of cells that come by row; told row by row where they lie upon one another."""
    rows = ([cell.text for cell in row] for _, row in groupby(cells, key=lambda cell: cell.row))
    return table_of(cells, header_rows) or tidy_table(rows, 1 if header_rows is None else header_rows)


def without_controls(text: str) -> str:
    """The text with a space for each control character that is none of white space."""
    return _CONTROL.sub(" ", text)
