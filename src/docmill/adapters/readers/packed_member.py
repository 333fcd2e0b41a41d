"""The one file that gzip, bzip2 or xz packed, by the standard library."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from docmill.adapters.readers.budget import pieces
from docmill.adapters.readers.packed import unpacked
from docmill.adapters.readers.unpacking import Found
from docmill.domain import media_types as types
from docmill.domain.documents import Unpacking


def packed_member(path: Path, unpacking: Unpacking) -> Iterator[tuple[Found, int, int]]:
    """The file, one of one, called as the packed one without its ending. How large it is nobody says."""
    yield Found(_name(unpacking.name), 0, partial(_pieces, path)), 1, 1


def _name(packed: str) -> str:
    """The name without the ending that its packing gave it."""
    claimed = types.format_named(packed)
    named = packed.rpartition(".")[0] if claimed and claimed.media_type in types.PACKED else packed
    return named or packed


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file, unpacked(file) as source:
        yield from pieces(source)
