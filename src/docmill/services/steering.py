"""What people ask of documents in work: pause, resume, cancel, retry. Answers with the state that follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

from docmill.db.control import Moved, Scope, Verb
from docmill.domain.errors import DocumentNotFound, NotPublished, WrongState
from docmill.domain.states import TaskStatus
from docmill.pipeline.control import Control
from docmill.services.documents import Document, Documents
from docmill.services.intake import Intake
from docmill.services.revisions import Revisions

# In these states a verb has nothing more to do: saying it again is fine.
_FULFILLED = {
    Verb.PAUSE: {TaskStatus.PAUSED},
    Verb.RESUME: {TaskStatus.PENDING, TaskStatus.STARTED},
    Verb.CANCEL: {TaskStatus.CANCELLED},
    Verb.RETRY: {TaskStatus.PENDING, TaskStatus.STARTED},
}

T = TypeVar("T")


class Steering:
    """Says a verb and reports; idempotent."""

    def __init__(self, control: Control, documents: Documents, intake: Intake, revisions: Revisions) -> None:
        self._control = control
        self._documents = documents
        self._intake = intake
        self._revisions = revisions

    def document(self, verb: Verb, tenant: str, document_id: UUID) -> Document:
        """The document after the verb. Raises DocumentNotFound, and WrongState when its state forbids it."""
        moved = self._control.say(verb, Scope.DOCUMENT, tenant, document_id)
        self._give_up(verb, moved)
        document = self._documents.get(tenant, document_id)
        if moved or document.state.task_status in _FULFILLED[verb]:
            return document
        if verb is Verb.RETRY and document.state.task_status is TaskStatus.CANCELLED:
            self._again(tenant, document_id)
            return self._documents.get(tenant, document_id)
        if verb is Verb.RETRY and document.state.can_retry:
            self._read_missing(tenant, document)
            return self._documents.get(tenant, document_id)
        state = document.state.task_status
        raise WrongState(f"A document that is {state} has nothing to {verb}. {document.state.message}")

    def dataset(self, verb: Verb, tenant: str, dataset_id: UUID) -> int:
        """How many of the dataset's documents moved; the others had nothing to do."""
        tasks = self._control.say(verb, Scope.DATASET, tenant, dataset_id)
        self._give_up(verb, tasks)
        return len(tasks) + (self._start_ended(tenant, dataset_id) if verb is Verb.RETRY else 0)

    def prioritize(self, tenant: str, document_id: UUID, priority: int) -> Document:
        """The document with another priority (0-9, 9 first). Raises DocumentNotFound."""
        self._control.prioritize(tenant, document_id, priority)
        return self._documents.get(tenant, document_id)

    def _give_up(self, verb: Verb, moved: Sequence[Moved]) -> None:
        """What a cancelled processing had begun inside its document goes with it."""
        if verb is Verb.CANCEL and moved:
            self._documents.give_up_children([task.document_id for task in moved])

    def _again(self, tenant: str, document_id: UUID) -> None:
        """Start a cancelled document again: from its file, or from the version that it was based on."""
        if self._revisions.again(tenant, document_id) is None:
            self._intake.again(tenant, document_id)

    def _read_missing(self, tenant: str, document: Document) -> None:
        """Read the pages again that could not be read."""
        pages = [page["page"] for page in document.row.missing_pages]
        self._revisions.read_again(tenant, document.row.id, pages)

    def _start_ended(self, tenant: str, dataset_id: UUID) -> int:
        """Start a dataset's cancelled documents again, and what is published without some of its pages."""
        cancelled = list(self._every(tenant, dataset_id=dataset_id, status=TaskStatus.CANCELLED))
        published = self._every(tenant, dataset_id=dataset_id, status=TaskStatus.SUCCESS, missing_pages=True)
        incomplete = list(published)
        started = [_moves(self._again, tenant, document.row.id) for document in cancelled]
        started += [_moves(self._read_missing, tenant, document) for document in incomplete]
        return sum(started)

    def _every(self, tenant: str, **filters: Any) -> Iterator[Document]:
        """All documents that pass the filters, page after page."""
        cursor = None
        while True:
            page = self._documents.page(tenant, cursor=cursor, limit=200, **filters)
            yield from page.items
            if (cursor := page.next_cursor) is None:
                return


def _moves(start: Callable[[str, T], None], tenant: str, document: T) -> bool:
    """Whether the document was started; not where somebody moved or deleted it meanwhile."""
    try:
        start(tenant, document)
    except (WrongState, DocumentNotFound, NotPublished):
        return False
    return True
