"""What happened to a document, page by page."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from docmill.api.dependencies import Cursor, DocumentId, PageSize, Tenant, UseCases
from docmill.api.messages import EventView
from docmill.api.models import NEXT_CURSOR, example, example_of
from docmill.api.problems import problems
from docmill.domain.cursors import Page
from docmill.domain.events import Event

router = APIRouter(tags=["events"])


class EventList(BaseModel):
    """A page of the history of a document or a task, oldest first."""

    model_config = example(items=[example_of(EventView)], next_cursor=None)

    items: list[EventView]
    next_cursor: str | None = Field(description=NEXT_CURSOR)

    @classmethod
    def of(cls, page: Page[Event]) -> EventList:
        """The view of a page."""
        return cls(items=[EventView.of(event) for event in page.items], next_cursor=page.next_cursor)


@router.get(
    "/documents/{document_id}/history",
    operation_id="get_document_history",
    summary="What happened to a document?",
    responses=problems(404, 422),
)
def get_document_history(
    document_id: DocumentId,
    services: UseCases,
    tenant: Tenant,
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> EventList:
    """Everything that happened to it, oldest first, a page at a time. It outlives the document."""
    page = services.history.page(tenant, document_id, cursor=cursor, limit=limit)
    return EventList.of(page)
