"""What the API says of a document's content, its blocks and its chunks, with an example of each."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from docmill.api.models import CHUNK_ID, NEXT_CURSOR, VERSION_ID, example, example_of
from docmill.db.catalogue import ChunkRow
from docmill.domain.documents import Block, BlockKind


class BoxView(BaseModel):
    """A rectangle on a page, in points (1/72 inch) from the top left of the page as displayed."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={"example": {"page": 3, "x0": 72.0, "y0": 101.5, "x1": 523.2, "y1": 164.0}},
    )

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


class ChunkView(BaseModel):
    """A chunk of a document."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": CHUNK_ID,
                "ordinal": 0,
                "kind": "text",
                "text": "Life jackets are kept under the seats of the upper deck.",
                "char_start": 120,
                "char_end": 176,
                "tokens": 13,
                "pages": [3],
                "boxes": [{"page": 3, "x0": 72.0, "y0": 101.5, "x1": 523.2, "y1": 164.0}],
                "section_path": ["Safety", "Life jackets"],
                "language": "en",
                "language_confidence": 0.99,
                "hidden": False,
            }
        }
    )

    id: UUID
    ordinal: int
    kind: str
    text: str
    char_start: int = Field(description="Where it begins in the document's text, in characters.")
    char_end: int
    tokens: int
    pages: list[int]
    boxes: list[BoxView]
    section_path: list[str] = Field(description="The headings above it, outermost first.")
    language: str | None
    language_confidence: float | None = Field(description="How sure the language is, 0 to 1.")
    hidden: bool = Field(description="Text that is in the file and that people do not see.")

    @classmethod
    def of(cls, row: ChunkRow) -> ChunkView:
        """The view of a chunk."""
        values = {name: getattr(row, name) for name in cls.model_fields}
        names = list(BoxView.model_fields)
        values["boxes"] = [dict(zip(names, box, strict=True)) for box in row.boxes or []]
        return cls.model_validate(values)


class ChunkList(BaseModel):
    """A page of the published version's chunks, in reading order."""

    model_config = example(version_id=VERSION_ID, items=[example_of(ChunkView)], next_cursor=None)

    version_id: UUID
    items: list[ChunkView]
    next_cursor: str | None = Field(description=NEXT_CURSOR)


class SpanView(BaseModel):
    """A cell that covers some rows and columns, from a place on, counted from 0."""

    model_config = example(row=0, column=1, rows=1, columns=2)

    row: int
    column: int
    rows: int
    columns: int


class TableView(BaseModel):
    """Cells by row, all rows of the same length."""

    model_config = example(
        rows=[["fare", "price"], ["adult", "4.50"]], header_rows=1, spans=[], header_cells=[[1, 0]]
    )

    rows: list[list[str]] = Field(
        description="The text of each cell. A merged cell has it in its first place; the others are empty."
    )
    header_rows: int = Field(description="So many rows, from the first one on, are the header.")
    spans: list[SpanView] = Field(description="Cells that cover more than one place.")
    header_cells: list[tuple[int, int]] = Field(
        description="[row, column] of cells below the header that are headers too, such as those of rows."
    )


class LinkView(BaseModel):
    """Characters of a block's text, and where they point to."""

    model_config = example(start=4, end=8, target="https://ferry.example/fares")

    start: int
    end: int
    target: str


class BlockView(BaseModel):
    """A piece of a document's text as it was read; `lead` and `text` of all blocks make the whole text."""

    model_config = example(
        ordinal=0,
        kind="heading",
        text="Crew handbook",
        lead="",
        char_start=0,
        char_end=13,
        page=1,
        level=1,
        boxes=[[1, 72.0, 64.0, 214.5, 88.0]],
        table=None,
        hidden=False,
        links=[],
        picture=None,
        confidence=None,
    )

    ordinal: int
    kind: BlockKind
    text: str
    lead: str = Field(description="What stands between the block before and this one.")
    char_start: int = Field(description="Where it begins in the document's text, in characters.")
    char_end: int
    page: int | None
    level: int | None = Field(description="Of a heading, from 1 for the highest.")
    boxes: list[list[float]] = Field(description="[page, x0, y0, x1, y1], in points from the top left.")
    table: TableView | None
    hidden: bool = Field(description="Text that is in the file and that people do not see.")
    links: list[LinkView] = Field(
        description="Which of its characters point somewhere; kept, never followed."
    )
    picture: str | None = Field(description="Which member of a packed file an image shows.")
    confidence: float | None = Field(description="Of the words that were recognised in an image, 0 to 1.")

    @classmethod
    def of(cls, block: Block) -> BlockView:
        """The view of a block."""
        boxes = [[box.page, box.x0, box.y0, box.x1, box.y1] for box in block.boxes]
        return cls.model_validate({**asdict(block), "boxes": boxes})


class BlockList(BaseModel):
    """The text of a document as its blocks, in reading order."""

    model_config = example(blocks=[example_of(BlockView)])

    blocks: list[BlockView]
