"""Versions that differ from the published one in some pages only: corrected by a person, or read again.

Everything else is taken over. What readers see changes in the moment in which such a version is published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid5

from sqlalchemy import Connection, Engine

from docmill.db import intake as rows
from docmill.db.content import read_page_blocks
from docmill.db.corrections import hand_down, insert_correction
from docmill.db.engine import reaching_database
from docmill.db.pages import read_page
from docmill.db.versions import Published, published
from docmill.domain.documents import TextSource
from docmill.domain.errors import DocumentNotFound, PageNotFound, StaleVersion, WrongState
from docmill.domain.ids import VersionRef, version_id
from docmill.domain.revision import tidy
from docmill.domain.states import ENDED, StageName
from docmill.domain.text import text_of_page
from docmill.logs import get_logger
from docmill.ports import Dispatcher
from docmill.services.intake import Accepted

log = get_logger(__name__)


class Revisions:
    """Makes versions on the base of the published one. Every method raises DocumentNotFound."""

    def __init__(self, engine: Engine, dispatcher: Dispatcher, *, run_on_bytes: int) -> None:
        self._engine = engine
        self._dispatcher = dispatcher
        self._run_on_bytes = run_on_bytes

    @reaching_database
    def correct(
        self, tenant: str, document_id: UUID, number: int, text: str, base_version: int | None = None
    ) -> Accepted:
        """Give a page the text a person wrote; not `created` when that is its text already.

        `base_version` is the number of the version it was written for. Raises NotPublished, WrongState
        while the document is in work, StaleVersion, PageNotFound.
        """
        with self._engine.begin() as connection:
            run, shown = _at_rest(connection, tenant, document_id)
            if base_version not in (None, shown.number):
                raise StaleVersion
            page = read_page(connection, shown.version, number)
            if page is None:
                raise PageNotFound
            previous = text_of_page(read_page_blocks(connection, shown.version, number))
            if page.source is TextSource.CORRECTION and previous == tidy(text):
                return Accepted(document_id, run.task_id, False, run.priority)
            accepted, version = self._begin(connection, run, shown, ())
            insert_correction(connection, version, _id_of(version, number), number, text, previous)
        self._announce(accepted)
        return accepted

    @reaching_database
    def read_again(self, tenant: str, document_id: UUID, pages: Sequence[int]) -> Accepted:
        """Read these pages again. Raises NotPublished, and WrongState while the document is in work."""
        with self._engine.begin() as connection:
            run, shown = _at_rest(connection, tenant, document_id)
            accepted, _ = self._begin(connection, run, shown, pages)
        self._announce(accepted)
        return accepted

    @reaching_database
    def again(self, tenant: str, document_id: UUID) -> Accepted | None:
        """Begin once more what was cancelled; None when that was no version on the published one's base."""
        with self._engine.begin() as connection:
            run = _ended(connection, tenant, document_id)
            if run.base is None:
                return None
            shown = published(connection, tenant, document_id)
            if run.base.version_id != shown.version.version_id:
                return None
            accepted, version = self._begin(connection, run, shown, run.base.pages)
            hand_down(connection, tenant, run.version_id, version.version_id)
        self._announce(accepted)
        return accepted

    def _begin(
        self, connection: Connection, run: rows.LatestRun, shown: Published, pages: Sequence[int]
    ) -> tuple[Accepted, VersionRef]:
        """Make the next version, under the settings of the published one, whose chunks stay the same so."""
        base = shown.version
        document = rows.stored_document(connection, base.tenant, base.document_id)
        if document is None:
            raise DocumentNotFound
        rows.discard_building(connection, base.tenant, base.document_id)
        number = run.number + 1
        task = rows.insert_run(
            connection,
            document,
            number,
            shown.settings,
            run_on=document.size_bytes <= self._run_on_bytes,
            priority=run.priority,
            base=rows.OnBase(base.version_id, tuple(sorted(set(pages)))),
        )
        if task is None:
            raise DocumentNotFound
        version = replace(base, version_id=version_id(base.document_id, number))
        return Accepted(base.document_id, task, True, run.priority), version

    def _announce(self, accepted: Accepted) -> None:
        self._dispatcher.send(StageName.EXTRACT, accepted.task_id, accepted.priority)
        log.info("revision_begun", document_id=str(accepted.document_id))


def _at_rest(connection: Connection, tenant: str, document_id: UUID) -> tuple[rows.LatestRun, Published]:
    """The newest run, which has ended, and what is published; both stay so until the transaction ends."""
    run = _ended(connection, tenant, document_id)
    return run, published(connection, tenant, document_id)


def _ended(connection: Connection, tenant: str, document_id: UUID) -> rows.LatestRun:
    run = rows.latest_run(connection, tenant, document_id)
    if run is None:
        raise DocumentNotFound
    if run.status not in ENDED:
        raise WrongState("The document is in work. Wait until that has ended, or cancel it first.")
    return run


def _id_of(version: VersionRef, page: int) -> UUID:
    return uuid5(version.version_id, f"correction:{page}")
