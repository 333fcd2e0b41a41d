"""Intake: what arrived becomes a document and a task, in one transaction, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from docmill.adapters.readers.detect import detect
from docmill.db import attachments
from docmill.db import intake as rows
from docmill.db.attachments import Place
from docmill.db.engine import reaching_database, typed
from docmill.domain import ids
from docmill.domain.documents import ChunkSettings
from docmill.domain.errors import (
    Conflict,
    DatabaseUnavailable,
    DatasetNotFound,
    DocumentNotFound,
    StorageUnavailable,
    WrongState,
)
from docmill.domain.interruptions import LeaseLost
from docmill.domain.names import as_uuid, check_dataset_name, check_file_name, composed
from docmill.domain.reading_errors import EmptyFile, FileTooLarge, NestedInItself
from docmill.domain.states import ENDED, StageName, Status
from docmill.logs import get_logger
from docmill.ports import GroupDispatcher, Storage
from docmill.services.datasets import USUAL_PRIORITY, settings_of

log = get_logger(__name__)

DEFAULT_DATASET = "default"
ORIGINALS = "originals"  # where the storage has what was sent
_PATIENCE_MS = 100  # that several files wait for what somebody else does with one of them
_DELETED = "The document was deleted while the same file arrived. Send it again."
_EMPTY = (
    "The storage is empty, though there are documents: its disk seems to be away. Mount it and send the file "
    f"again. If what it held is lost for good, make the folder `{ORIGINALS}` in it."
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that wants in: its bytes at `path`, their SHA-256 in hex, the name its owner gave it."""

    path: Path
    name: str
    size_bytes: int
    sha256: str
    dataset: str = DEFAULT_DATASET
    metadata: Mapping[str, str] | None = None
    priority: int | None = None  # 0-9, 9 first; None: as its dataset says


Arriving = Callable[[], tuple[str, Arrival]]  # brings what is left of a file; gives its tenant and it


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an arrival. `created` is False when nothing had to be done for these bytes."""

    document_id: UUID
    task_id: UUID
    created: bool
    priority: int


@dataclass(frozen=True, slots=True)
class _Checked:
    """An arrival, and the document that it is."""

    arrival: Arrival
    document: rows.NewDocument


def storage_key(sha256: str) -> str:
    """Where the original bytes are kept: 256 folders, so that a new file seldom needs a new one."""
    return f"{ORIGINALS}/{sha256[:2]}/{sha256}"


class Intake:
    """Takes files in. Safe to call from many threads and processes with the same bytes at once."""

    def __init__(
        self,
        engine: Engine,
        storage: Storage,
        dispatcher: GroupDispatcher,
        *,
        max_file_bytes: int,
        run_on_bytes: int,
    ) -> None:
        self._engine = engine
        self._storage = storage
        self._dispatcher = dispatcher
        self._max_file_bytes = max_file_bytes
        self._run_on_bytes = run_on_bytes

    @reaching_database
    def accept(self, tenant: str, arrival: Arrival) -> Accepted:
        """Make the document of this arrival, or find it; its file is moved away or removed.

        The same bytes in the same dataset are the same document under its first name. They are processed
        anew only when the last processing failed or was cancelled. Raises InvalidName, FileTooLarge,
        EmptyFile, UnsupportedType, an Unreadable error, DatasetNotFound, StorageUnavailable.
        """
        document = self._document(tenant, arrival)
        with self._engine.begin() as connection:
            accepted = self._take(connection, document, arrival)
        self._announce(accepted)
        return accepted

    def accept_new(self, arriving: Sequence[Arriving]) -> list[Accepted | Exception | None]:
        """Take in, in one transaction, what came at the same time and is new.

        What became of each, in their order: an error as of `accept` is of that one alone. None is of one that
        is there already, or that cannot be taken with the others: it is for `accept`. Raises what is
        everybody's: StorageFull, StorageUnavailable, DatabaseUnavailable.
        """
        checked = [self._checked(one) for one in arriving]
        new = self._begin_together([one for one in checked if isinstance(one, _Checked)])
        if tasks := [(one.task_id, one.priority) for one in new.values()]:
            self._dispatcher.send_all(StageName.EXTRACT, tasks)
        return [one if isinstance(one, Exception) else new.pop(one.document.id, None) for one in checked]

    def _checked(self, arriving: Arriving) -> _Checked | Exception:
        try:
            tenant, arrival = arriving()
            return _Checked(arrival, self._document(tenant, arrival))
        except Exception as error:  # noqa: BLE001 - whoever sent this one gets it
            return error

    def _begin_together(self, checked: Sequence[_Checked]) -> dict[UUID, Accepted]:
        first = {one.document.id: one for one in reversed(checked)}  # of those with the same bytes
        return self._begin(first) if first and self._is_storage_there() else {}

    @reaching_database
    def _begin(self, checked: Mapping[UUID, _Checked]) -> dict[UUID, Accepted]:
        arrived = [self._arrived(one.document, one.arrival.priority) for one in checked.values()]
        with self._engine.connect() as connection:
            try:
                begun = rows.insert_first(connection, arrived, _PATIENCE_MS)
            except DBAPIError as error:  # for whatever one of them met; no file was moved yet
                if isinstance(typed(error), DatabaseUnavailable):
                    raise
                log.info("not_accepted_together", reason=type(error).__name__)
                return {}
            for document in begun:
                self._storage.put(checked[document].document.storage_key, checked[document].arrival.path)
            connection.commit()
        return {document: _first(document, task) for document, task in begun.items()}

    @reaching_database
    def accept_child(self, place: Place, arrival: Arrival, depth: int) -> Accepted | None:
        """Make the document of a file found inside another one, or find it, and say in the same transaction
        whose child it is; None when that was said before.

        Raises as `accept`, NestedInItself, and LeaseLost when the parent's version is no longer built.
        """
        document = replace(self._document(place.parent.tenant, arrival), depth=depth)
        with self._engine.begin() as connection:
            if attachments.encloses(connection, document.id, place.parent.document_id):
                raise NestedInItself
            is_new = attachments.link(connection, place, document.id)
            if is_new is None:
                raise LeaseLost
            if not is_new:
                return None
            accepted = self._take(connection, document, arrival)
        self._announce(accepted)
        log.info("accepted", document_id=str(accepted.document_id), created=accepted.created)
        return accepted

    def _take(self, connection: Connection, document: rows.NewDocument, arrival: Arrival) -> Accepted:
        settings = self._enter_dataset(connection, document, arrival.dataset)
        self._keep(connection, document, arrival)
        return self._enter(connection, document, settings, arrival.priority)

    def _announce(self, accepted: Accepted) -> None:
        if accepted.created:
            self._dispatcher.send(StageName.EXTRACT, accepted.task_id, accepted.priority)

    @reaching_database
    def again(self, tenant: str, document_id: UUID) -> Accepted:
        """Process a document anew from its stored original, as a new version under its dataset's settings.

        What readers see stays as it is until the new version is published. Raises DocumentNotFound, and
        WrongState while the document is in work.
        """
        with self._engine.begin() as connection:
            document = rows.stored_document(connection, tenant, document_id)
            run = rows.latest_run(connection, tenant, document_id)
            if document is None or run is None:
                raise DocumentNotFound
            if run.status not in ENDED:
                raise WrongState("The document is in work. Wait until that has ended, or cancel it first.")
            settings = rows.settings_of(connection, tenant, document.dataset_id)
            if settings is None:
                raise DocumentNotFound
            detected = detect(self._storage.local_path(document.storage_key), document.name)
            document = replace(document, notices=tuple(detected.notices))
            accepted = self._start(connection, document, run.number + 1, settings, run.priority)
        self._announce(accepted)
        return accepted

    def _document(self, tenant: str, arrival: Arrival) -> rows.NewDocument:
        """The document that this arrival is; refuses what cannot be one."""
        check_file_name(arrival.name)
        if arrival.size_bytes > self._max_file_bytes:
            raise FileTooLarge
        if arrival.size_bytes == 0:
            raise EmptyFile
        dataset = as_uuid(arrival.dataset) or ids.dataset_id(tenant, check_dataset_name(arrival.dataset))
        detected = detect(arrival.path, arrival.name)
        return rows.NewDocument(
            id=ids.document_id(dataset, arrival.sha256),
            tenant=tenant,
            dataset_id=dataset,
            name=arrival.name,
            sha256=arrival.sha256,
            size_bytes=arrival.size_bytes,
            media_type=detected.media_type,
            metadata=arrival.metadata or {},
            storage_key=storage_key(arrival.sha256),
            notices=tuple(detected.notices),
        )

    def _enter_dataset(
        self, connection: Connection, document: rows.NewDocument, name: str
    ) -> Mapping[str, object]:
        """The settings of the document's dataset, which is made if only its name was given."""
        tenant, dataset = document.tenant, document.dataset_id
        found = rows.enter(connection, tenant, dataset, document.storage_key)
        if found is None and as_uuid(name) is None:
            usual = settings_of(ChunkSettings())
            rows.insert_dataset(connection, tenant, dataset, composed(name), usual, USUAL_PRIORITY)
            found = rows.settings_of(connection, tenant, dataset)
        if found is None:
            raise DatasetNotFound
        return found

    def _keep(self, connection: Connection, document: rows.NewDocument, arrival: Arrival) -> None:
        """Move the file in; not into an empty folder that stands where the disk with all others should be."""
        if not self._is_storage_there() and rows.is_any_kept(connection):
            raise StorageUnavailable(_EMPTY)
        self._storage.put(document.storage_key, arrival.path)

    def _is_storage_there(self) -> bool:
        """Whether the storage has the folder of all originals, as it has since the first of them."""
        try:
            self._storage.check(ORIGINALS)
        except StorageUnavailable:
            return False
        return True

    def _enter(
        self,
        connection: Connection,
        document: rows.NewDocument,
        settings: Mapping[str, object],
        given: int | None,
    ) -> Accepted:
        if accepted := self._insert_first(connection, document, given):
            return accepted
        run = rows.latest_run(connection, document.tenant, document.id)
        if run is None and (accepted := self._insert_first(connection, document, given)):
            return accepted  # it was deleted meanwhile
        if run is None:
            raise Conflict(_DELETED)
        rows.lift(connection, document)
        if not _needs_another(run):
            return Accepted(document.id, run.task_id, False, run.priority)
        again = run.priority if given is None else given
        return self._start(connection, document, run.number + 1, settings, again)

    def _insert_first(
        self, connection: Connection, document: rows.NewDocument, given: int | None
    ) -> Accepted | None:
        made = rows.insert_first(connection, [self._arrived(document, given)])
        return _first(document.id, made[document.id]) if made else None

    def _start(
        self,
        connection: Connection,
        document: rows.NewDocument,
        number: int,
        settings: Mapping[str, object],
        priority: int,
    ) -> Accepted:
        """Begin another version; what an earlier one left unpublished is given up."""
        rows.discard_building(connection, document.tenant, document.id)
        run_on = self._is_small(document)
        task = rows.insert_run(connection, document, number, settings, run_on=run_on, priority=priority)
        if task is None:
            raise Conflict(_DELETED)
        return Accepted(document.id, task, True, priority)

    def _arrived(self, document: rows.NewDocument, priority: int | None) -> rows.Arrived:
        return rows.Arrived(document, self._is_small(document), priority)

    def _is_small(self, document: rows.NewDocument) -> bool:
        """Whether one worker may carry it through all stages without the round trips between."""
        return document.size_bytes <= self._run_on_bytes


def _first(document_id: UUID, begun: rows.Begun) -> Accepted:
    return Accepted(document_id, begun.task_id, True, begun.priority)


def _needs_another(run: rows.LatestRun) -> bool:
    """Whether sending the same bytes again asks for another try."""
    if run.status in {Status.FAILED, Status.CANCELLED}:
        return True
    return run.status in ENDED and not run.published
