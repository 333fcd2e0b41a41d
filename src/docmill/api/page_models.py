"""What the API says of pages, with an example of each."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from docmill.api.content_models import BlockView
from docmill.api.dependencies import Storable
from docmill.api.models import NEXT_CURSOR, TIME, VERSION_ID, example, example_of
from docmill.domain.documents import Page, TextSource
from docmill.services.pages import PageContent, PageList

MOST_CHARACTERS = 100_000  # of a page

_FACTS: dict[str, Any] = {
    "number": 3,
    "width": 595.3,
    "height": 841.9,
    "rotation": 0,
    "source": "ocr",
    "ocr_reason": "no_text",
    "confidence": 0.93,
    "language": "en",
    "missing": None,
}


class MissingView(BaseModel):
    """Why a page could not be read."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={"example": {"code": "reader_crashed", "message": "The reader crashed on it."}},
    )

    code: str
    message: str


class PageFacts(BaseModel):
    """A page, without its content."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"example": _FACTS})

    number: int = Field(description="From 1.")
    width: float = Field(description="In points (1/72 inch), as displayed.")
    height: float
    rotation: int = Field(description="In degrees, as the file says it; the sizes are those after it.")
    source: TextSource = Field(description="Where its text comes from.")
    ocr_reason: str | None = Field(description="Why its text has to be recognised; null where it need not.")
    confidence: float | None = Field(description="Mean confidence of its words, 0 to 1; null without words.")
    language: str | None = Field(description="ISO 639-1.")
    missing: MissingView | None = Field(description="Why it could not be read; null when it could.")


class PageFactsList(BaseModel):
    """A part of the published version's pages, in order."""

    model_config = example(version_id=VERSION_ID, items=[example_of(PageFacts)], next_cursor=None)

    version_id: UUID
    items: list[PageFacts]
    next_cursor: str | None = Field(description=NEXT_CURSOR)

    @classmethod
    def of(cls, page: PageList) -> PageFactsList:
        """The view of a part of the pages."""
        items = [PageFacts.model_validate(item) for item in page.items]
        return cls(version_id=page.version_id, items=items, next_cursor=page.next_cursor)


class WordView(BaseModel):
    """A recognised word: how sure that is, and where it stands, in points from the top left."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "example": {"text": "seats", "confidence": 0.41, "x0": 72.0, "y0": 101.5, "x1": 99.4, "y1": 113.0}
        },
    )

    text: str
    confidence: float = Field(description="0 to 1.")
    x0: float
    y0: float
    x1: float
    y1: float


class OcrView(BaseModel):
    """Whether the text of a page has to be recognised in its picture."""

    model_config = example(needed=True, reason="no_text")

    needed: bool
    reason: str | None = Field(description="Why: `no_text`, `garbage`, `differs_from_picture`, `image`.")


class CorrectionView(BaseModel):
    """What a person wrote for a page, and what stood there before."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "example": {
                "text": "Life jackets are kept under the seats of the upper deck.",
                "previous_text": "Life jackels are kept under the seals of the upper deck.",
                "created_at": TIME,
                "version": 2,
                "published_at": TIME,
            }
        },
    )

    text: str
    previous_text: str
    created_at: datetime
    version: int = Field(description="Number of the version that it made.")
    published_at: datetime | None = Field(description="Since when it holds; null while it is in work.")


def _has_words(text: str) -> str:
    if not text.strip():
        raise ValueError("holds nothing but white space")
    return text


class PageCorrection(BaseModel):
    """The text of a page as a person reads it."""

    model_config = example(
        text="Life jackets are kept under the seats.\n\nThe crew counts them daily.", base_version=1
    )

    text: Annotated[Storable, AfterValidator(_has_words)] = Field(
        min_length=1, max_length=MOST_CHARACTERS, description="A paragraph ends at a blank line."
    )
    base_version: int | None = Field(
        None, description="Number of the version it was written for, so that nobody overwrites another."
    )


class PageView(PageFacts):
    """A page with its text and how far it can be trusted."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **_FACTS,
                "version_id": VERSION_ID,
                "version": 1,
                "text": "Life jackets are kept under the seats of the upper deck.",
                "blocks": [example_of(BlockView)],
                "ocr": example_of(OcrView),
                "words": [example_of(WordView)],
                "doubtful": [example_of(WordView)],
                "corrections": [example_of(CorrectionView)],
            }
        }
    )

    version_id: UUID
    version: int = Field(description="Number of the published version: `base_version` of a correction.")
    text: str
    blocks: list[BlockView]
    ocr: OcrView
    words: list[WordView] = Field(description="The trust map: every recognised word.")
    doubtful: list[WordView] = Field(description="Places to look at: words side by side that are not sure.")
    corrections: list[CorrectionView] = Field(description="The newest first, 20 at most.")

    @classmethod
    def of(cls, content: PageContent) -> PageView:
        """The view of a page."""
        page: Page = content.page
        return cls.model_validate(
            {
                **asdict(page),
                "version_id": content.version_id,
                "version": content.version,
                "text": content.text,
                "blocks": [BlockView.of(block) for block in content.blocks],
                "ocr": OcrView(needed=page.ocr_reason is not None, reason=page.ocr_reason),
                "doubtful": [WordView.model_validate(region) for region in content.doubtful],
                "corrections": [CorrectionView.model_validate(row) for row in content.corrections],
            }
        )
