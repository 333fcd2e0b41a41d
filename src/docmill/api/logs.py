"""The log lines of a document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from docmill.api.dependencies import Cursor, DocumentId, PageSize, Tenant, UseCases
from docmill.api.models import NEXT_CURSOR, TASK_ID, TIME, example, example_of
from docmill.api.problems import problems
from docmill.db.document_logs import LogLine

router = APIRouter(tags=["documents"])


class LogLineView(BaseModel):
    """A line that a worker or the API logged about a document."""

    model_config = example(
        at=TIME,
        level="warning",
        stage="extract",
        event="stage_failed",
        task_id=TASK_ID,
        data={"code": "storage_unavailable", "retry_in_seconds": 61.7},
    )

    at: datetime
    level: str
    stage: str | None
    event: str
    task_id: UUID | None
    data: dict[str, Any] = Field(description="What else the line says.")

    @classmethod
    def of(cls, line: LogLine) -> LogLineView:
        """The view of a line."""
        return cls(**{name: getattr(line, name) for name in cls.model_fields})


class LogList(BaseModel):
    """A page of a document's log, the oldest line first."""

    model_config = example(items=[example_of(LogLineView)], next_cursor=None)

    items: list[LogLineView]
    next_cursor: str | None = Field(description=NEXT_CURSOR)


@router.get(
    "/documents/{document_id}/logs",
    operation_id="get_document_logs",
    summary="What was logged about a document?",
    responses=problems(404, 422),
)
def get_document_logs(
    document_id: DocumentId,
    services: UseCases,
    tenant: Tenant,
    level: Annotated[
        Literal["debug", "info", "warning", "error"], Query(description="The least level shown.")
    ] = "debug",
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> LogList:
    """Its log lines, the oldest first, a page at a time. A line comes about a second after it was logged."""
    page = services.logs.page(tenant, document_id, level=level, cursor=cursor, limit=limit)
    return LogList(items=[LogLineView.of(line) for line in page.items], next_cursor=page.next_cursor)
