"""What the live streams say: the same messages as Server-Sent Events and on a WebSocket."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi.sse import format_sse_event
from pydantic import BaseModel, Field

from docmill.api.models import DATASET_ID, DOCUMENT_ID, TASK_ID, TIME, example, example_of
from docmill.domain.errors import DocmillError
from docmill.domain.events import Event, Position
from docmill.domain.states import StageName, TaskStatus
from docmill.services.documents import Document

RETRY_MILLISECONDS = 2000


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
        values = {name: getattr(event, name) for name in EventView.model_fields if name not in ("id", "data")}
        return cls(id=str(event.position), data=dict(event.data), **values)


class EventMessage(EventView):
    """An event on a live stream."""

    model_config = example(type="event", **example_of(EventView))

    type: Literal["event"] = "event"


class WorkView(BaseModel):
    """How far a document in work is."""

    model_config = example(
        document_id=DOCUMENT_ID,
        dataset_id=DATASET_ID,
        task_id=TASK_ID,
        task_status="STARTED",
        current_stage="embed",
        percent_complete=61.0,
        eta_seconds=4.2,
        message="Computing vectors: chunk 25 of 40",
    )

    document_id: UUID
    dataset_id: UUID
    task_id: UUID
    task_status: TaskStatus
    current_stage: StageName
    percent_complete: float
    eta_seconds: float | None
    message: str

    @classmethod
    def of(cls, document: Document) -> WorkView:
        """The view of a document in work."""
        row, state = document.row, document.state
        values = {name: getattr(state, name) for name in cls.model_fields if hasattr(state, name)}
        return cls(document_id=row.id, dataset_id=row.dataset_id, task_id=row.task_id, **values)


class ProgressMessage(BaseModel):
    """How far every document in work is: all of them, so it stands for any earlier one."""

    model_config = example(type="progress", documents=[example_of(WorkView)])

    type: Literal["progress"] = "progress"
    documents: list[WorkView]


class PositionMessage(BaseModel):
    """Everything up to here is told; sent at the start and when it was quiet for a while."""

    model_config = example(type="position", id="48213-0")

    type: Literal["position"] = "position"
    id: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message, encoded once for everybody who listens."""

    sse: bytes
    text: str


class Encoding:
    """Makes messages of what the stream tells."""

    def event(self, event: Event) -> Message:
        """An event; in the browser it arrives as `message`."""
        view = EventMessage.of(event)
        text = view.model_dump_json()
        return Message(format_sse_event(data_str=text, id=view.id), text)

    def progress(self, documents: Sequence[Document]) -> Message:
        """Progress; it has no id, for it is not told again."""
        text = ProgressMessage(documents=[WorkView.of(item) for item in documents]).model_dump_json()
        return Message(format_sse_event(data_str=text, event="progress"), text)


def position(place: Position) -> Message:
    """Where the listener stands. As SSE it sets the last event id and nothing else."""
    text = PositionMessage(id=str(place)).model_dump_json()
    return Message(format_sse_event(comment="", id=str(place), retry=RETRY_MILLISECONDS), text)


def closed(error: DocmillError) -> bytes:
    """The last words of a stream of Server-Sent Events that could not go on."""
    return format_sse_event(
        data_str=f'{{"type":"closed","code":"{error.code}"}}', event="closed", retry=RETRY_MILLISECONDS
    )


def example_stream() -> str:
    """A stream as it looks on the wire."""
    event, progress = example_of(EventMessage), example_of(ProgressMessage)
    pieces = [
        format_sse_event(comment="", id="48213-0", retry=RETRY_MILLISECONDS),
        format_sse_event(data_str=json.dumps(event), id=event["id"]),
        format_sse_event(data_str=json.dumps(progress), event="progress"),
    ]
    return b"".join(pieces).decode()
