"""What people ask of documents in work: pause, resume, cancel, retry. Answers with the state that follows."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from docmill.db.control import Moved, Scope, Verb
from docmill.domain.errors import WrongState
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
            missing = [page["page"] for page in document.row.missing_pages]
            self._revisions.read_again(tenant, document_id, missing)
            return self._documents.get(tenant, document_id)
        state = document.state.task_status
        raise WrongState(f"A document that is {state} has nothing to {verb}. {document.state.message}")

    def dataset(self, verb: Verb, tenant: str, dataset_id: UUID) -> int:
        """How many of the dataset's documents moved; the others had nothing to do."""
        tasks = self._control.say(verb, Scope.DATASET, tenant, dataset_id)
        self._give_up(verb, tasks)
        return len(tasks) + (self._start_cancelled(tenant, dataset_id) if verb is Verb.RETRY else 0)

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

    def _start_cancelled(self, tenant: str, dataset_id: UUID) -> int:
        """Start the cancelled documents of a dataset again, each as a new version."""
        started, cursor = 0, None
        while True:
            page = self._documents.page(
                tenant, dataset_id=dataset_id, status=TaskStatus.CANCELLED, cursor=cursor, limit=200
            )
            for document in page.items:
                self._again(tenant, document.row.id)
            started, cursor = started + len(page.items), page.next_cursor
            if cursor is None:
                return started
