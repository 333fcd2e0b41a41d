"""How documents go: with all made from them, and with the documents that were only found inside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import Connection, Engine

from docmill.db import attachments, catalogue
from docmill.db.engine import alone, reaching_database
from docmill.db.intake import lock_tasks
from docmill.domain.errors import DocumentNotFound
from docmill.logs import get_logger
from docmill.ports import Storage, VectorStore
from docmill.services.maintenance import erase

log = get_logger(__name__)

_PARENTS_AT_ONCE = 10_000


class Deletion:
    """Deletes documents. Whoever locks a parent and its children locks the parent first."""

    def __init__(self, engine: Engine, storage: Storage, vectors: VectorStore) -> None:
        self._engine = engine
        self._storage = storage
        self._vectors = vectors

    @reaching_database
    def delete(self, tenant: str, document_id: UUID) -> int:
        """Delete a document and everything made from it; how many documents went. Raises DocumentNotFound.

        A document that was found inside this one goes too, unless it also came by itself or lies in another
        one that stays. A worker that has one of them in hand can write no more. An original is removed
        unless another document has the same bytes. What cannot be reached now house-keeping removes.
        """
        with self._engine.begin() as connection:
            attachments.forget(connection, tenant, document_id)
            erasures = _delete_tree(connection, tenant, [document_id], lambda child: child == document_id)
        if not erasures:
            raise DocumentNotFound
        log.info("deleted", document_id=str(document_id), documents=len(erasures))
        self._erase(erasures)
        return len(erasures)

    @reaching_database
    def give_up_children(self, documents: Sequence[UUID] | None = None) -> int:
        """Delete what the cancelled processings of these documents had begun, or of all; returns how many.

        That are documents found inside, not published yet, that did not come by themselves and lie in no
        other one.
        """
        with alone(self._engine) as connection:
            parents = attachments.cancelled_parents(connection, documents, _PARENTS_AT_ONCE)
        return sum(self._give_up(tenant, document) for tenant, document in parents)

    def _give_up(self, tenant: str, document_id: UUID) -> int:
        with self._engine.begin() as connection:
            begun: list[UUID] = []
            for version in attachments.cancelled_versions(connection, tenant, document_id):
                begun += attachments.begun_for(connection, tenant, version)
            chosen = set(begun)
            erasures = _delete_tree(connection, tenant, begun, chosen.__contains__)
        self._erase(erasures)
        return len(erasures)

    def _erase(self, erasures: list[int]) -> None:
        for erasure in erasures:
            erase(self._engine, self._storage, self._vectors, erasure)


def _delete_tree(
    connection: Connection, tenant: str, first: list[UUID], is_chosen: Callable[[UUID], bool]
) -> list[int]:
    """Delete the chosen documents, and below them those that nothing else holds; their erasures.

    A child is judged under its lock, lest two who delete its two parents both leave it to the other.
    """
    waiting, erasures = list(first), list[int]()
    while waiting:
        document = waiting.pop(0)
        lock_tasks(connection, tenant, document)
        if not (is_chosen(document) or attachments.is_left_alone(connection, tenant, document)):
            continue
        children = attachments.children_of(connection, tenant, [document])
        erasure = catalogue.delete_document(connection, tenant, document)
        if erasure is not None:
            erasures.append(erasure)
            waiting += children
    return erasures
