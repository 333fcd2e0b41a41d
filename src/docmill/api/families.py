"""What the API says of the files found inside documents, and of the documents that hold others."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from docmill.api.models import DOCUMENT_ID, DocumentView, ReasonView, example, example_of
from docmill.services.documents import Document, Family

CHILD_ID = "1f0d7a52-3d7e-5c41-9b0a-7c9d2e6f8a34"


class AttachmentView(BaseModel):
    """A file found inside a document: the document it became, or why it became none."""

    model_config = example(name="notes/ferry.md", size_bytes=1204, document_id=CHILD_ID, error=None)

    name: str = Field(description="Its name in there, with folders.")
    size_bytes: int
    document_id: UUID | None
    error: ReasonView | None


class ParentView(BaseModel):
    """A document in which another one was found."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={"example": {"document_id": DOCUMENT_ID, "name": "trip.zip"}},
    )

    document_id: UUID
    name: str


class WholeDocumentView(DocumentView):
    """A document, what was found inside it, and what it was found in."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **example_of(DocumentView),
                "attachments": [example_of(AttachmentView)],
                "parents": [example_of(ParentView)],
            }
        }
    )

    attachments: list[AttachmentView] = Field(description="The files found inside it, in their order.")
    parents: list[ParentView] = Field(description="The documents in which this one was found.")

    @classmethod
    def whole(cls, document: Document, family: Family) -> WholeDocumentView:
        """The view of a document with its family."""
        return cls(
            **DocumentView.of(document).model_dump(),
            attachments=[AttachmentView(**asdict(item)) for item in family.attachments],
            parents=[ParentView(**asdict(parent)) for parent in family.parents],
        )


class DeletedView(BaseModel):
    """What went with a deletion."""

    model_config = example(documents=1)

    documents: int = Field(description="How many documents: this one, and those only found inside it.")
