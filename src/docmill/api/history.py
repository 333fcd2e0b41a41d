"""What happened to a document, page by page."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from docmill.api.dependencies import Cursor, DocumentId, PageSize, Tenant, UseCases
from docmill.api.models import DATASET_ID, DOCUMENT_ID, NEXT_CURSOR, TASK_ID, TIME, example, example_of
from docmill.api.problems import problems
from docmill.domain.events import Event
from docmill.services.history import EventPage

router = APIRouter(tags=["events"])


class EventView(BaseModel):
    """One thing that happened to a document."""

    model_config = example(
        id="48213-1077",
        at=TIME,
        kind="stage_finished",
        dataset_id=DATASET_ID,
        document_id=DOCUMENT_ID,
        task_id=TASK_ID,
        stage="extract",
        data={},
        message="Finished extract.",
    )

    id: str = Field(description="Its place among all events; the live streams go on from it.")
    at: datetime = Field(description="When its transaction began, by the database's clock.")
    kind: str
    dataset_id: UUID | None
    document_id: UUID
    task_id: UUID
    stage: str | None
    data: dict[str, Any] = Field(description="More of it, by its kind.")
    message: str = Field(description="One sentence for people.")

    @classmethod
    def of(cls, event: Event) -> EventView:
        """The view of an event."""
        values = {name: getattr(event, name) for name in cls.model_fields if name not in ("id", "data")}
        return cls(id=str(event.position), data=dict(event.data), **values)


class EventList(BaseModel):
    """A page of the history of a document or a task, oldest first."""

    model_config = example(items=[example_of(EventView)], next_cursor=None)

    items: list[EventView]
    next_cursor: str | None = Field(description=NEXT_CURSOR)

    @classmethod
    def of(cls, page: EventPage) -> EventList:
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
