"""The values that pass between readers, stages and searchers. Frozen, plain, standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class BlockKind(StrEnum):
    """What a block is, in reading order."""

    HEADING = "heading"
    TEXT = "text"
    LIST = "list"
    CODE = "code"
    TABLE = "table"
    IMAGE = "image"


class ChunkKind(StrEnum):
    """What a chunk holds."""

    TEXT = "text"
    TABLE = "table"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page. Points (1/72 inch), origin at the top left of the page as displayed."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Table:
    """Cells by row. All rows have the same length; the first `header_rows` rows are the header."""

    rows: tuple[tuple[str, ...], ...]
    header_rows: int = 1


@dataclass(frozen=True, slots=True)
class RawBlock:
    """What a reader yields, before it has a place in the document's text.

    `lead` is the text between the block before it and this one, so that
    `"".join(b.lead + b.text for b in blocks)` is the document's text, to the character.
    """

    kind: BlockKind
    text: str
    page: int | None = None
    level: int | None = None
    boxes: tuple[Box, ...] = ()
    table: Table | None = None
    lead: str = "\n\n"


@dataclass(frozen=True, slots=True)
class Block:
    """A raw block with its place: `document_text[char_start:char_end] == text`."""

    ordinal: int
    kind: BlockKind
    text: str
    lead: str
    char_start: int
    char_end: int
    page: int | None = None
    level: int | None = None
    boxes: tuple[Box, ...] = ()
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One unit of reading: the blocks of a range of pages. `done` of `total` pages are read with it."""

    blocks: tuple[RawBlock, ...]
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ReadInfo:
    """What is known of a document as soon as it is open.

    `pages` is None where the format has none. `notices` are sentences for people: what was odd or left out.
    """

    media_type: str
    reader: str
    pages: int | None = None
    title: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkSettings:
    """How a dataset cuts its documents: `size` and `overlap` in `unit` ("tokens" or "characters")."""

    size: int = 254
    overlap: int = 20
    unit: str = "tokens"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage that can be found and cited.

    For text chunks `text == document_text[char_start:char_end]`. A table that is cut repeats its header
    row in `text`; its span covers its own rows only. `tokens` counts the embedder's tokens in `text`.
    """

    ordinal: int
    kind: ChunkKind
    text: str
    char_start: int
    char_end: int
    tokens: int
    pages: tuple[int, ...] = ()
    boxes: tuple[Box, ...] = ()
    section_path: tuple[str, ...] = ()
    language: str | None = None
