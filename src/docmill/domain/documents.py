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
    CAPTION = "caption"  # what is said of the table or image beside it
    FOOTNOTE = "footnote"
    PAGE_HEADER = "page_header"  # repeated from page to page, so no part of the text: in no chunk
    PAGE_FOOTER = "page_footer"


RUNNING = frozenset({BlockKind.PAGE_HEADER, BlockKind.PAGE_FOOTER})


class TextSource(StrEnum):
    """Where the text of a page comes from."""

    LAYER = "layer"  # the file says it
    OCR = "ocr"  # recognised in its picture
    CORRECTION = "correction"  # a person wrote it
    NONE = "none"  # the page has none, or none could be read


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
class Span:
    """A cell that covers `rows` × `columns` places of a table, from `row` and `column` on (from 0)."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Table:
    """Cells by row. All rows have the same length; the first `header_rows` rows are the header.

    A cell of `spans` has its text in its first place; the other places it covers are empty. `header_cells`
    are the places (row, column) of cells below the header that the file calls headers, such as those of rows.
    """

    rows: tuple[tuple[str, ...], ...]
    header_rows: int = 1
    spans: tuple[Span, ...] = ()
    header_cells: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word: how sure that is (0-1), and where it stands, in points as in Box."""

    text: str
    confidence: float
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class PageLoss:
    """Why a page could not be read: a stable code, and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page as displayed: `width` and `height` in points, `rotation` in degrees as the file says it.

    `ocr_reason` is a code that says why its text has to be recognised, None where it need not be.
    `confidence` is the mean of its words', 0-1.
    """

    number: int
    width: float
    height: float
    rotation: int = 0
    source: TextSource = TextSource.LAYER
    ocr_reason: str | None = None
    missing: PageLoss | None = None
    confidence: float | None = None
    language: str | None = None
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Untaken:
    """Why a file found inside the file does not become a document: a code, and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file found inside the file: the name it has there, and where its bytes lie for the moment.

    Whoever takes the bytes removes them: reading waits while too many lie there. There are none, and `path`
    is empty, when it is `untaken`.
    """

    name: str
    path: str
    size_bytes: int
    untaken: Untaken | None = None


@dataclass(frozen=True, slots=True)
class Unpacking:
    """What may be unpacked from one file, called `name`: into which folder, and how much of it.

    `levels` is how many files may lie in one another from here on; `ratio` how many times larger than the
    file itself all of it may be; `scratch_bytes` how much may lie in the folder at one time.
    """

    folder: str = ""
    name: str = ""
    levels: int = 0
    members: int = 1000
    member_bytes: int = 512 * 1024**2
    total_bytes: int = 2 * 1024**3
    ratio: int = 100
    scratch_bytes: int = 192 * 1024**2


TAKE_NOTHING = Unpacking()


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A line of the table of contents that the file brings along; `level` counts from 1."""

    level: int
    title: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """The characters of a block's text that point somewhere, and where to. Nobody follows it here."""

    start: int
    end: int
    target: str


@dataclass(frozen=True, slots=True)
class RawBlock:
    """What a reader yields, before it has a place in the document's text.

    `lead` is the text between the block before it and this one, so that
    `"".join(b.lead + b.text for b in blocks)` is the document's text, to the character. `hidden` is text
    that the file holds and people do not see: invisible, white on white, tiny, beside the page. `picture`
    names the picture inside the file that an image shows; `confidence` is that of the words recognised in it.
    """

    kind: BlockKind
    text: str
    page: int | None = None
    level: int | None = None
    boxes: tuple[Box, ...] = ()
    table: Table | None = None
    lead: str = "\n\n"
    hidden: bool = False
    links: tuple[Link, ...] = ()
    picture: str | None = None
    confidence: float | None = None


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
    hidden: bool = False
    links: tuple[Link, ...] = ()
    picture: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One unit of reading: the blocks of a range of pages. `done` of `total` pages are read with it.

    Where reading can begin again behind it as if all before had been read, `next_page` says with which page.
    """

    blocks: tuple[RawBlock, ...]
    done: int
    total: int
    pages: tuple[Page, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    next_page: int | None = None


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
    outline: tuple[OutlineEntry, ...] = ()


class ReaderChoice(StrEnum):
    """Whose readers a dataset asks for. What docling does not read is read by docmill's own."""

    DOCMILL = "docmill"
    DOCLING = "docling"


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
    Running heads within its span are not in `text`. `hidden` holds for all of it; `language_confidence`
    is 0-1.
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
    language_confidence: float | None = None
    hidden: bool = False
