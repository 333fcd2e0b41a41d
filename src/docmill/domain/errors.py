"""Everything that can go wrong, in one tree.

    DocmillError
    ├── BadRequest                 the caller asked for something that cannot be
    │   ├── InvalidName            ├── InvalidSettings
    │   ├── InvalidCursor          ├── InvalidQuery         ├── InvalidRequest
    │   ├── NoPicture
    │   ├── InvalidIdempotencyKey  ├── KeyReused            ├── UnknownEvent        ├── InvalidWebhook
    ├── NotAuthenticated
    ├── OriginNotAllowed
    ├── NotFound                   DatasetNotFound, DocumentNotFound, TaskNotFound, FileNotStored,
    │                              WebhookNotFound, DeliveryNotFound, PageNotFound, ChunkNotFound
    ├── Conflict                   NotPublished, RequestInWork, StaleVersion, WebhookDisabled, WrongState
    ├── ReaderMissing, Refused, Unreadable     a file and its reading: reading_errors.py
    ├── EmbedderChanged            another model took over in the middle of a document
    ├── WorkerDied                 reading or computing took the process down
    ├── StepTooSlow, StepHung      a step took longer than its soft or its hard limit
    ├── Unavailable                something we need does not answer (retryable)
    │   ├── DatabaseUnavailable    ├── DatabaseBusy         ├── BrokerUnavailable
    │   ├── ListenerTooSlow        ├── RendererBusy
    │   ├── StorageUnavailable ── StorageFull
    │   ├── ModelUnavailable ── ModelBusy, QuotaExceeded
    ├── FileNotUsable              a file of the user's own, on the command line
    ├── NotRunning
    └── SetupError                 NotConfigured, ModelMissing, ModelUnfit, PartMissing, PortTaken, …

The default message is the docstring's first line; `code` is stable and listed in docs/reference/errors.md.
"""

from __future__ import annotations

from typing import ClassVar

from docmill.domain.states import Service


class DocmillError(Exception):
    """Something went wrong in docmill. Please report it with the log lines around it."""

    code: ClassVar[str] = "internal_error"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False
    service: ClassVar[Service | None] = None  # who failed; asked alone, it may turn out to be away for all

    def __init__(self, message: str | None = None, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message or self.default_message())
        self.retry_after_seconds = retry_after_seconds  # what the service that failed asked us to wait

    @classmethod
    def default_message(cls) -> str:
        """The docstring's first line: what happened and what to do."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @property
    def message(self) -> str:
        """What happened and what to do, for people. Holds no secret and no machine path."""
        return str(self.args[0])

    def as_row(self) -> dict[str, str | bool]:
        """The error as it is stored with a task and shown to people."""
        return {"code": self.code, "message": self.message, "retryable": self.retryable}


class BadRequest(DocmillError):
    """The request cannot be understood. Correct it and send it again."""

    code = "bad_request"
    http_status = 400
    exit_code = 2


class InvalidName(BadRequest):
    """This name cannot be used. Use a plain file name without control characters, 255 bytes at most."""

    code = "invalid_name"
    http_status = 422


class InvalidSettings(BadRequest):
    """These settings do not fit together. See docs/reference/settings.md."""

    code = "invalid_settings"
    http_status = 422


class InvalidCursor(BadRequest):
    """This cursor is not one of ours. Start again without a cursor."""

    code = "invalid_cursor"
    http_status = 422


class UnknownEvent(BadRequest):
    """This event id is not one of this installation. Connect without it, and ask for what you missed."""

    code = "unknown_event"
    http_status = 422


class InvalidQuery(BadRequest):
    """This query cannot be searched for. Send between 1 and 8,000 characters of text."""

    code = "invalid_query"
    http_status = 422


class InvalidRequest(BadRequest):
    """A field of the request is missing or wrong. `errors` lists each one; correct them and send it again."""

    code = "invalid_request"
    http_status = 422


class InvalidIdempotencyKey(BadRequest):
    """This Idempotency-Key cannot be used. Send one of 1 to 255 printable ASCII characters, as a UUID."""

    code = "invalid_idempotency_key"


class KeyReused(BadRequest):
    """This Idempotency-Key was sent with another request. Send a new key with each new request."""

    code = "idempotency_key_reused"
    http_status = 422


class InvalidWebhook(BadRequest):
    """A webhook needs a URL that begins with http:// or https:// and has 2,000 characters at most."""

    code = "invalid_webhook"
    http_status = 422


class NoPicture(BadRequest):
    """Documents of this format have no pages that can be shown as pictures. PDF files and images have."""

    code = "no_picture"
    http_status = 422


class NotAuthenticated(DocmillError):
    """No valid API key. Send it as `Authorization: Bearer KEY`; `docmill up` says where it is."""

    code = "not_authenticated"
    http_status = 401
    exit_code = 1


class OriginNotAllowed(DocmillError):
    """Pages of this origin may not open the WebSocket. DOCMILL_ALLOWED_ORIGINS names those that may."""

    code = "origin_not_allowed"
    http_status = 403


class NotFound(DocmillError):
    """There is no such thing here."""

    code = "not_found"
    http_status = 404


class DatasetNotFound(NotFound):
    """There is no such dataset. `docmill list` shows the documents of those there are."""

    code = "dataset_not_found"


class DocumentNotFound(NotFound):
    """There is no such document. It may have been deleted."""

    code = "document_not_found"


class TaskNotFound(NotFound):
    """There is no such task. `docmill tasks` shows those there are."""

    code = "task_not_found"


class WebhookNotFound(NotFound):
    """There is no such webhook. `docmill webhooks list` shows those there are."""

    code = "webhook_not_found"


class DeliveryNotFound(NotFound):
    """There is no such delivery of this webhook. Old ones are removed after a while."""

    code = "delivery_not_found"


class PageNotFound(NotFound):
    """This document has no such page. `docmill pages` lists those it has; text formats have none."""

    code = "page_not_found"


class ChunkNotFound(NotFound):
    """The published version of this document has no such chunk. It may have been processed again."""

    code = "chunk_not_found"


class FileNotUsable(DocmillError):
    """A file or folder cannot be read or written. Check that it is there and its permissions."""

    code = "file_not_usable"


class FileNotStored(NotFound):
    """The original bytes of this document are not in the storage. Run `docmill doctor`."""

    code = "file_not_stored"
    service = Service.STORE
    retryable = True  # it was there before the document was: what it lies on may come back


class Conflict(DocmillError):
    """The current state does not allow this."""

    code = "conflict"
    http_status = 409


class WrongState(Conflict):
    """The document's state does not allow this. Its status says what does: `can_pause`, `can_resume`, …"""

    code = "wrong_state"


class RequestInWork(Conflict):
    """The request with this Idempotency-Key is still in work. Send it again in a moment to get its answer."""

    code = "request_in_work"


class NotPublished(Conflict):
    """The document is not published yet, so it has no text to show. See its status."""

    code = "not_published"


class StaleVersion(Conflict):
    """Another version is published than the one this was written for. Look at the page, then send again."""

    code = "stale_version"


class WebhookDisabled(Conflict):
    """This webhook is switched off, so nothing is sent. `docmill webhooks enable` switches it on again."""

    code = "webhook_disabled"


class EmbedderChanged(DocmillError):
    """The embedding model was changed while this document was in work. Run `docmill reprocess` on it."""

    code = "embedder_changed"


class WorkerDied(DocmillError):
    """A worker died on this document more than once. It is set aside; see the worker's log, then retry."""

    code = "worker_died"


class StepTooSlow(DocmillError):
    """One step of the work took longer than allowed. It is tried again by itself, from where it stood."""

    code = "step_too_slow"
    retryable = True


class StepHung(DocmillError):
    """A step did not end within its time limit, more than once. See the log of the worker, then retry."""

    code = "step_hung"


class Unavailable(DocmillError):
    """Something docmill needs does not answer. It is tried again by itself."""

    code = "unavailable"
    http_status = 503
    retryable = True


class ListenerTooSlow(Unavailable):
    """This listener fell behind the stream. Connect again with its last event id; nothing is missed."""

    code = "listener_too_slow"


class RendererBusy(Unavailable):
    """Too many pages are being drawn at this moment. Ask again in a few seconds."""

    code = "renderer_busy"


class DatabaseUnavailable(Unavailable):
    """The database does not answer. Run `docmill doctor`."""

    code = "database_unavailable"


class DatabaseBusy(Unavailable):
    """The database could not do this now: it is full, or the work took too long or met other work."""

    code = "database_busy"


class BrokerUnavailable(Unavailable):
    """The broker does not answer. Work is kept in the database and sent when it is back."""

    code = "broker_unavailable"


class StorageUnavailable(Unavailable):
    """The storage cannot be written or read. Check free space and permissions with `docmill doctor`."""

    code = "storage_unavailable"
    service: ClassVar[Service | None] = Service.STORE


class StorageFull(StorageUnavailable):
    """There is no space left in the storage. Free some or add some, then send the file again."""

    code = "storage_full"
    http_status = 507
    service = None  # what is smaller may still fit


class ModelUnavailable(Unavailable):
    """The server of the embedding model does not answer as it should. `docmill doctor` asks it again."""

    code = "model_unavailable"
    service = Service.MODEL


class ModelBusy(ModelUnavailable):
    """The server of the embedding model has too much to do. It is asked again by itself."""

    code = "model_busy"


class QuotaExceeded(ModelUnavailable):
    """The quota for the embedding model is used up. Raise it with the provider; it is tried every hour."""

    code = "quota_exceeded"


class NotRunning(DocmillError):
    """docmill is not running here. Start it with `docmill up`, or set DOCMILL_API_URL."""

    code = "not_running"
    http_status = 503


class SetupError(DocmillError):
    """This installation is not complete. Run `docmill doctor`."""

    code = "setup_error"


class NotConfigured(SetupError):
    """A setting that is needed here is not set. `docmill config` shows all of them."""

    code = "not_configured"


class ModelMissing(SetupError):
    """The embedding model's files are not installed. Run `make setup`, or set DOCMILL_MODEL_DIR."""

    code = "model_missing"


class ModelUnfit(SetupError):
    """The embedding model cannot be used as it is set up. Check DOCMILL_EMBED_URL and what belongs to it."""

    code = "model_unfit"


class PartMissing(SetupError):
    """A server program is not installed. Install `docmill[local]`, or set the URL of a server of your own."""

    code = "part_missing"


class PortTaken(SetupError):
    """The port is taken by another program. Set another one, or 0 to have a free one picked."""

    code = "port_taken"


class AlreadyRunning(SetupError):
    """docmill already runs on this data directory. Use it, or stop it with `docmill down`."""

    code = "already_running"
