"""What the API says of documents, with an example of each; docs/reference/api.md shows them in use."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from docmill.api.problems import described_header
from docmill.domain.states import StageName, TaskStatus
from docmill.domain.status import StatusView
from docmill.domain.waiting import Waiting, WaitingFor
from docmill.services.documents import Document
from docmill.services.intake import Accepted

DOCUMENT_ID = "6a3c7c61-53f2-5d1e-8a55-1f2f6f0c1d10"
DATASET_ID = "b1a0f6de-8b52-5f0a-8b1e-9d0c5f3e2a11"
TASK_ID = "0f4b2f6a-8a35-5b7d-9c1e-6f3a2b1c0d9e"
VERSION_ID = "c2e8a4b6-1d3f-5a7c-8e9b-0f1a2b3c4d5e"
CHUNK_ID = "8d7c6b5a-4f3e-5d2c-9b1a-0e9f8d7c6b5a"
TIME = "2026-03-01T09:30:00Z"


NEXT_CURSOR = "Send it as `cursor` for the next page; null on the last one."


def example(**values: Any) -> ConfigDict:
    """A model's configuration: its example, and no fields but its own."""
    return ConfigDict(json_schema_extra={"example": values}, extra="forbid")


def example_of(model: type[BaseModel]) -> Any:
    """The example that a model was given, to be part of another's."""
    extra = model.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    return extra["example"]


LOCATION_OF_STATUS = described_header(
    "Location", "Where to ask how far it is.", f"/api/v1/documents/{DOCUMENT_ID}/status"
)


class AcceptedView(BaseModel):
    """What became of an upload."""

    model_config = example(
        document_id=DOCUMENT_ID,
        task_id=TASK_ID,
        status_url=f"/api/v1/documents/{DOCUMENT_ID}/status",
        created=True,
    )

    document_id: UUID
    task_id: UUID = Field(description="The processing of this document.")
    status_url: str = Field(description="Where to ask how far it is.")
    created: bool = Field(
        description="False when the same bytes were already there and nothing had to be done."
    )

    @classmethod
    def of(cls, accepted: Accepted) -> AcceptedView:
        """The view of what intake answered."""
        return cls(
            document_id=accepted.document_id,
            task_id=accepted.task_id,
            status_url=f"/api/v1/documents/{accepted.document_id}/status",
            created=accepted.created,
        )


class ReasonView(BaseModel):
    """Why a task failed, or is tried again."""

    model_config = example(
        code="password_required",
        message="The file is protected by a password. Remove the password and send it again.",
        retryable=False,
    )

    code: str
    message: str
    retryable: bool = False


class WaitingView(BaseModel):
    """What a task waits for."""

    model_config = example(**{"for": "worker"}, since=TIME, place=3)

    reason: WaitingFor = Field(alias="for")
    since: datetime
    place: int | None = Field(
        None, description="Place in the line, 1 to 1,000; null farther back or without a line."
    )
    until: datetime | None = Field(None, description="When it is tried again.")
    attempt: int | None = Field(None, description="Which retry that is.")
    attempts: int | None = Field(None, description="How many retries there are at most.")
    detail: str | None = Field(None, description="Why its stage is held, or what went wrong.")

    @classmethod
    def of(cls, waiting: Waiting) -> WaitingView:
        """The view of what a task waits for."""
        values = asdict(waiting)
        return cls.model_validate({"for": values.pop("reason"), **values})


class MissingPageView(BaseModel):
    """A page that could not be read, and why."""

    model_config = example(
        page=17, code="reader_limit", message="Reading this page needed more memory or text than allowed."
    )

    page: int
    code: str
    message: str


MISSING_PAGES = "Pages that could not be read; the others are published. A retry reads just these."


class StatusModel(BaseModel):
    """Where the processing of a document stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "document_id": DOCUMENT_ID,
                "task_id": TASK_ID,
                "task_status": "STARTED",
                "current_stage": "embed",
                "percent_complete": 61.0,
                "eta_seconds": 4.2,
                "settled": True,
                "can_pause": True,
                "can_resume": False,
                "can_cancel": True,
                "can_retry": False,
                "ready": False,
                "total_chunks": 40,
                "chunk_kinds": {"text": 36, "table": 4},
                "missing_pages": [],
                "message": "Computing vectors: chunk 25 of 40",
                "waiting": None,
                "error": None,
                "retries": 0,
                "retry_limit": 3,
                "next_attempt_at": None,
            }
        }
    )

    document_id: UUID
    task_id: UUID
    task_status: TaskStatus
    current_stage: StageName
    percent_complete: float = Field(ge=0, le=100, description="Weighted share of the work that is done.")
    eta_seconds: float | None = Field(description="Seconds of work left; null when it cannot be known.")
    settled: bool = Field(description="False while a worker still has to notice a pause or a cancel.")
    can_pause: bool
    can_resume: bool
    can_cancel: bool
    can_retry: bool
    ready: bool = Field(description="Whether a version is published and can be found.")
    total_chunks: int | None
    missing_pages: list[MissingPageView] = Field(description=MISSING_PAGES)
    message: str = Field(description="One sentence for people.")
    waiting: WaitingView | None
    error: ReasonView | None = Field(description="What went wrong last, until it is overcome.")
    retries: int = Field(description="How often this stage was tried again by itself.")
    retry_limit: int = Field(description="How often at most.")
    next_attempt_at: datetime | None = Field(description="When it is tried again; null when none is due.")

    @classmethod
    def of(cls, document: Document) -> StatusModel:
        """The view of a document's state."""
        row = document.row
        missing = [MissingPageView(**page) for page in row.missing_pages]
        return cls(document_id=row.id, task_id=row.task_id, missing_pages=missing, **_state(document.state))


def _state(state: StatusView) -> dict[str, Any]:
    values = {name: getattr(state, name) for name in StatusView.__dataclass_fields__}
    waiting, error = state.waiting, state.error
    values["waiting"] = waiting and WaitingView.of(waiting)
    values["error"] = error and ReasonView.model_validate(dict(error))
    return values


class DocumentView(BaseModel):
    """A document."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": DOCUMENT_ID,
                "name": "handbook.pdf",
                "priority": 6,
                "dataset": "default",
                "dataset_id": DATASET_ID,
                "media_type": "application/pdf",
                "size_bytes": 48213,
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "metadata": {"department": "operations"},
                "created_at": TIME,
                "task_status": "SUCCESS",
                "current_stage": "index",
                "percent_complete": 100.0,
                "ready": True,
                "message": "Published: 40 chunks can be found.",
                "error": None,
                "retries": 0,
                "retry_limit": 3,
                "next_attempt_at": None,
                "version": 1,
                "version_id": VERSION_ID,
                "title": "Crew handbook",
                "language": "en",
                "language_confidence": 0.99,
                "file_metadata": {"author": "Ann Miller", "created": "2026-05-04T10:15:00+02:00"},
                "pages": 12,
                "characters": 31877,
                "total_chunks": 40,
                "chunk_kinds": {"text": 36, "table": 4},
                "truncated_tokens": 0,
                "reader": "liteparse",
                "notices": [],
                "missing_pages": [],
                "published_at": TIME,
            }
        }
    )

    id: UUID
    name: str
    priority: int = Field(description="0 to 9, 9 first.")
    dataset: str
    dataset_id: UUID
    media_type: str
    size_bytes: int
    sha256: str
    metadata: dict[str, str]
    created_at: datetime
    task_status: TaskStatus
    current_stage: StageName
    percent_complete: float
    ready: bool
    message: str
    error: ReasonView | None = Field(description="What went wrong last, until it is overcome.")
    retries: int
    retry_limit: int
    next_attempt_at: datetime | None
    version: int = Field(
        description="Number of the version the fields below are of: the published, else newest."
    )
    version_id: UUID | None = Field(description="The published version; null while there is none.")
    title: str | None
    language: str | None = Field(description="ISO 639-1.")
    language_confidence: float | None = Field(description="How sure the language is, 0 to 1.")
    file_metadata: dict[str, str] = Field(
        description="What the file says of itself: author, dates, producer, …"
    )
    pages: int | None = Field(description="Null where the format has none.")
    characters: int | None
    total_chunks: int | None
    chunk_kinds: dict[str, int] | None = Field(description="How many chunks there are of each kind.")
    truncated_tokens: int = Field(description="Tokens that the embedding model could not take.")
    reader: str | None
    notices: list[str] = Field(description="What was odd or left out, for people.")
    missing_pages: list[MissingPageView] = Field(description=MISSING_PAGES)
    published_at: datetime | None

    @classmethod
    def of(cls, document: Document) -> DocumentView:
        """The view of a document."""
        row, state = document.row, document.state
        values = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        values |= {name: value for name, value in _state(state).items() if name in cls.model_fields}
        return cls(**values, version_id=row.active_version_id)


class DocumentList(BaseModel):
    """A page of documents, newest first."""

    model_config = example(items=[example_of(DocumentView)], next_cursor=None)

    items: list[DocumentView]
    next_cursor: str | None = Field(description=NEXT_CURSOR)
