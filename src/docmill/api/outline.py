"""The table of contents that a file brings along."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from docmill.api.dependencies import DocumentId, Tenant, UseCases
from docmill.api.models import VERSION_ID, example, example_of
from docmill.api.problems import problems

router = APIRouter(prefix="/documents/{document_id}/outline", tags=["pages"])


class OutlineEntryView(BaseModel):
    """A line of a table of contents."""

    model_config = ConfigDict(
        from_attributes=True, json_schema_extra={"example": {"level": 1, "title": "Safety", "page": 3}}
    )

    level: int = Field(description="From 1 for the highest.")
    title: str
    page: int | None = Field(description="Where it leads; null where the file does not say.")


class OutlineView(BaseModel):
    """The table of contents of the published version, in order."""

    model_config = example(version_id=VERSION_ID, items=[example_of(OutlineEntryView)])

    version_id: UUID
    items: list[OutlineEntryView]


@router.get(
    "",
    operation_id="get_document_outline",
    summary="Show a document's table of contents",
    responses=problems(404, 409, 422),
)
def get_document_outline(document_id: DocumentId, services: UseCases, tenant: Tenant) -> OutlineView:
    """The bookmarks that a PDF brings along; empty where the file has none."""
    version, entries = services.pages.outline(tenant, document_id)
    return OutlineView(version_id=version, items=[OutlineEntryView.model_validate(e) for e in entries])
