"""The words of the state machine: what a task is, what somebody wants of it, and where it stands."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """What a task *is*. Only the runner, control and recovery write it."""

    QUEUED = "queued"  # may be claimed now, or at `next_attempt_at`
    RUNNING = "running"  # owned by one worker process until its lease ends
    PAUSED = "paused"  # let go at a step; every result is kept
    SUCCEEDED = "succeeded"  # its version is published
    FAILED = "failed"  # ended with a typed error
    CANCELLED = "cancelled"  # ended by a person; what it wrote is gone


class Desired(StrEnum):
    """What somebody *wants* of a task; the runner reads it at every step."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


class StageName(StrEnum):
    """The stages in the order a document passes them."""

    EXTRACT = "extract"
    OCR = "ocr"
    CHUNK = "chunk"
    EMBED = "embed"
    INDEX = "index"


MOST_PRIORITY = 9  # of a task: what goes first


class Service(StrEnum):
    """What stages need beside the database."""

    MODEL = "model"
    STORE = "store"


class TaskStatus(StrEnum):
    """What a task's status is called outside."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    PAUSED = "PAUSED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELLED = "CANCELLED"


class VersionStatus(StrEnum):
    """The life of one version of a document."""

    BUILDING = "building"  # in the shade: no reader sees it
    PUBLISHED = "published"  # what readers see
    DISCARDED = "discarded"  # never seen again; its rows are about to go
    ERASED = "erased"  # its rows are gone


class EventKind(StrEnum):
    """What happened to a task; one row of `document_task_events` each."""

    ACCEPTED = "accepted"
    CLAIMED = "claimed"
    STAGE_FINISHED = "stage_finished"
    PUBLISHED = "published"
    RETRY_SCHEDULED = "retry_scheduled"
    FAILED = "failed"
    PAUSE_REQUESTED = "pause_requested"
    PAUSED = "paused"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    PRIORITY_CHANGED = "priority_changed"
    OWNER_LOST = "owner_lost"
    YIELDED = "yielded"  # let go so that something more urgent gets its worker
    HELD = "held"  # let go because its stage is held
    LET_GO = "let_go"  # let go because its worker stops, or lost the database
    DELETED = "deleted"


QUEUE_OF_STAGE: dict[StageName, str] = {
    StageName.EXTRACT: "extract",
    StageName.OCR: "ocr",
    StageName.CHUNK: "text",
    StageName.EMBED: "embed",
    StageName.INDEX: "index",
}

MAINTENANCE_QUEUE = "maintenance"

ENDED: frozenset[Status] = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
