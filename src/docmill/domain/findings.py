"""What `docmill doctor` can find: one cause each, how bad it is, and what to do about it.

The table is the whole knowledge; docs/how-to/find-out-why.md lists it and a test keeps the two in step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"  # documents do not move, or are about to stop
    WARNING = "warning"  # it goes on, but not as it should
    NOTICE = "notice"  # how things are, by somebody's wish or for a while


class Cause(StrEnum):
    """Why something does not move, or is not as it should be."""

    PART_ENDED = "part_ended"
    API_SILENT = "api_silent"
    LIBRARY_MISSING = "library_missing"
    PROGRAM_MISSING = "program_missing"
    PORT_OPEN = "port_open"
    DATABASE_UNREACHABLE = "database_unreachable"
    DATABASE_TOO_OLD = "database_too_old"
    PGVECTOR_MISSING = "pgvector_missing"
    MIGRATION_MISSING = "migration_missing"
    CLOCK_SKEW = "clock_skew"
    BROKER_UNREACHABLE = "broker_unreachable"
    BROKER_EVICTS = "broker_evicts"
    MODEL_UNREACHABLE = "model_unreachable"
    QUOTA_EXCEEDED = "quota_exceeded"
    OTHER_MODEL = "other_model"
    STORE_UNREACHABLE = "store_unreachable"
    READING_EXPOSED = "reading_exposed"
    RECOGNIZER_MISSING = "recognizer_missing"
    FOLDER_UNWRITABLE = "folder_unwritable"
    DISK_FULL = "disk_full"
    BEAT_SILENT = "beat_silent"
    RECOVERY_SILENT = "recovery_silent"
    WORKER_GONE = "worker_gone"
    WORKER_DEAF = "worker_deaf"
    NO_CONSUMER = "no_consumer"
    QUEUE_LOST = "queue_lost"
    PING_UNANSWERED = "ping_unanswered"
    LEASE_EXPIRED = "lease_expired"
    STAGE_HELD = "stage_held"
    DRAINING = "draining"
    RETRY_WAITING = "retry_waiting"
    DOCUMENT_PAUSED = "document_paused"
    DOCUMENT_FAILED = "document_failed"
    DOCUMENT_CANCELLED = "document_cancelled"
    DOCUMENT_QUEUED = "document_queued"
    DOCUMENT_RUNNING = "document_running"
    DOCUMENT_PUBLISHED = "document_published"


@dataclass(frozen=True, slots=True)
class Advice:
    """How bad a cause is, what a person can do, and whether `docmill doctor --fix` can do it."""

    severity: Severity
    what_to_do: str
    can_be_fixed: bool = False


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTICE

ADVICE: Mapping[Cause, Advice] = {
    Cause.PART_ENDED: Advice(_E, "It is being started again; its log in the data directory says why."),
    Cause.API_SILENT: Advice(_E, "See the logs of the API (logs/api*.log) in the data directory."),
    Cause.LIBRARY_MISSING: Advice(_E, "Install docmill again."),
    Cause.PROGRAM_MISSING: Advice(_E, "Install docmill[local], or set the URL of a server of your own."),
    Cause.PORT_OPEN: Advice(_E, "Stop docmill and check DOCMILL_API_HOST."),
    Cause.DATABASE_UNREACHABLE: Advice(_E, "Start the database, or correct DOCMILL_DATABASE_URL."),
    Cause.DATABASE_TOO_OLD: Advice(_E, "Use PostgreSQL 15 or newer."),
    Cause.PGVECTOR_MISSING: Advice(
        _E, "Install pgvector on the server and run CREATE EXTENSION vector in the database."
    ),
    Cause.MIGRATION_MISSING: Advice(
        _E,
        "Run docmill doctor --fix; docmill up does it too. If the database is newer, upgrade docmill.",
        True,
    ),
    Cause.CLOCK_SKEW: Advice(
        _W, "Set the clocks by NTP. docmill goes by the database's, Celery by the host's."
    ),
    Cause.BROKER_UNREACHABLE: Advice(
        _E, "Start the broker, or correct DOCMILL_BROKER_URL. Documents wait and nothing is lost."
    ),
    Cause.BROKER_EVICTS: Advice(_W, "Set the broker's maxmemory-policy to noeviction: it drops messages."),
    Cause.MODEL_UNREACHABLE: Advice(
        _E, "Start its server, or correct DOCMILL_EMBED_URL; for the model here run make setup."
    ),
    Cause.QUOTA_EXCEEDED: Advice(
        _E, "Raise the quota with the provider of the model; it is asked every hour."
    ),
    Cause.OTHER_MODEL: Advice(_W, "docmill reprocess --other-model processes them again with this one."),
    Cause.STORE_UNREACHABLE: Advice(_E, "Bring back what DOCMILL_STORAGE_DIR lies on; then it goes on."),
    Cause.FOLDER_UNWRITABLE: Advice(_E, "Give this user the right to write there, or choose another folder."),
    Cause.READING_EXPOSED: Advice(
        _W, "Run it on a kernel with seccomp and Landlock (5.13 or newer), or take in no stranger's files."
    ),
    Cause.RECOGNIZER_MISSING: Advice(_W, "Install docmill[ocr], then retry documents with missing pages."),
    Cause.DISK_FULL: Advice(_E, "Free at least 2 GiB there."),
    Cause.BEAT_SILENT: Advice(_W, "Start docmill beat. Until then the workers recover on their own, later."),
    Cause.RECOVERY_SILENT: Advice(
        _E, "Start a worker: each of them runs recovery. docmill doctor --fix runs it once.", True
    ),
    Cause.WORKER_GONE: Advice(
        _N, "If it was meant to run, start it again. docmill doctor --fix forgets it.", True
    ),
    Cause.WORKER_DEAF: Advice(
        _E, "It ends by itself within a minute. docmill doctor --fix restarts it on this machine.", True
    ),
    Cause.NO_CONSUMER: Advice(_E, "Start a worker with this queue in DOCMILL_WORKER_QUEUES."),
    Cause.QUEUE_LOST: Advice(_E, "Recovery sends them again; docmill doctor --fix does it at once.", True),
    Cause.PING_UNANSWERED: Advice(_E, "See the logs of the workers that serve this queue, and restart them."),
    Cause.LEASE_EXPIRED: Advice(_E, "Recovery frees them; docmill doctor --fix does it at once.", True),
    Cause.STAGE_HELD: Advice(_N, "docmill release STAGE ends the hold."),
    Cause.DRAINING: Advice(_N, "docmill undrain ends it."),
    Cause.RETRY_WAITING: Advice(_N, "Wait for it, or remove what the reason names."),
    Cause.DOCUMENT_PAUSED: Advice(_N, "docmill resume goes on with it where it stood."),
    Cause.DOCUMENT_FAILED: Advice(_E, "Do what the reason says, then docmill retry."),
    Cause.DOCUMENT_CANCELLED: Advice(_N, "docmill retry starts it again."),
    Cause.DOCUMENT_QUEUED: Advice(_N, "Its turn comes, unless another finding here stands in the way."),
    Cause.DOCUMENT_RUNNING: Advice(_N, "Nothing: it is worked on."),
    Cause.DOCUMENT_PUBLISHED: Advice(_N, "Nothing: it can be found."),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: the cause, whom or what it concerns, and the facts in a sentence."""

    cause: Cause
    subject: str
    what: str

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return ADVICE[self.cause].severity

    @property
    def what_to_do(self) -> str:
        """What a person can do."""
        return ADVICE[self.cause].what_to_do

    @property
    def can_be_fixed(self) -> bool:
        """Whether `docmill doctor --fix` has a repair for it."""
        return ADVICE[self.cause].can_be_fixed

    def as_row(self) -> dict[str, str | bool]:
        """The finding as JSON shows it."""
        return {
            "code": self.cause.value,
            "severity": self.severity.value,
            "subject": self.subject,
            "what": self.what,
            "what_to_do": self.what_to_do,
            "can_be_fixed": self.can_be_fixed,
        }
