"""The history of documents: everything that happened to one, also after its deletion."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Engine

from docmill.db import events
from docmill.db.engine import alone, reaching_database
from docmill.domain.cursors import Page, decode_cursor, page_of
from docmill.domain.errors import DocumentNotFound, TaskNotFound
from docmill.domain.events import Event

_CURSOR = "history"


class History:
    """What happened to the documents of all tenants. It outlives them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @reaching_database
    def page(
        self, tenant: str, document_id: UUID, *, cursor: str | None = None, limit: int = 50
    ) -> Page[Event]:
        """Events of a document, oldest first. Raises InvalidCursor, and DocumentNotFound if it never was."""
        with alone(self._engine) as connection:
            found = events.history(connection, tenant, document_id, _after(cursor), limit + 1)
        if not found and cursor is None:
            raise DocumentNotFound
        return _page(found, limit)

    @reaching_database
    def task_page(
        self, tenant: str, task_id: UUID, *, cursor: str | None = None, limit: int = 50
    ) -> Page[Event]:
        """Events of one task, oldest first. Raises InvalidCursor, and TaskNotFound if it never was."""
        with alone(self._engine) as connection:
            found = events.task_history(connection, tenant, task_id, _after(cursor), limit + 1)
        if not found and cursor is None:
            raise TaskNotFound
        return _page(found, limit)

    @reaching_database
    def check_known(self, tenant: str, document_id: UUID) -> None:
        """Raises DocumentNotFound when this tenant never had such a document."""
        with alone(self._engine) as connection:
            if not events.has_history(connection, tenant, document_id):
                raise DocumentNotFound


def _after(cursor: str | None) -> int:
    return int(decode_cursor(_CURSOR, cursor)[0]) if cursor else 0


def _page(found: Sequence[Event], limit: int) -> Page[Event]:
    return page_of(_CURSOR, found, limit, lambda event: [event.position.id])
