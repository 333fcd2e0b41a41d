"""Pages of published documents: their facts, their text, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine

from docmill.db.content import read_page_blocks
from docmill.db.corrections import CorrectionRow, corrections_of
from docmill.db.engine import reaching_database
from docmill.db.pages import list_pages, read_page
from docmill.db.versions import outline_of, published
from docmill.domain.cursors import decode_cursor, page_of
from docmill.domain.documents import Block, OutlineEntry, Page
from docmill.domain.errors import PageNotFound
from docmill.domain.text import text_of_page
from docmill.domain.trust import Region, doubtful_regions

_CURSOR = "pages"
_CORRECTIONS = 20


@dataclass(frozen=True, slots=True)
class PageList:
    """Some pages of the published version, without their words; `next_cursor` None at the end."""

    version_id: UUID
    items: tuple[Page, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class PageContent:
    """All that is known of a page of the published version."""

    version_id: UUID
    version: int
    page: Page
    text: str
    blocks: tuple[Block, ...]
    doubtful: tuple[Region, ...]
    corrections: tuple[CorrectionRow, ...]


class Pages:
    """Every method raises DocumentNotFound and NotPublished."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @reaching_database
    def page(self, tenant: str, document_id: UUID, *, cursor: str | None = None, limit: int = 50) -> PageList:
        """Pages in their order; none where the format has none. Raises InvalidCursor."""
        start = int(decode_cursor(_CURSOR, cursor)[0]) + 1 if cursor else 1
        with self._engine.begin() as connection:
            version = published(connection, tenant, document_id).version
            found = list_pages(connection, version, start, limit + 1)
        page = page_of(_CURSOR, found, limit, lambda item: [item.number])
        return PageList(version.version_id, page.items, page.next_cursor)

    @reaching_database
    def outline(self, tenant: str, document_id: UUID) -> tuple[UUID, tuple[OutlineEntry, ...]]:
        """The published version, and the table of contents that its file brought along."""
        with self._engine.begin() as connection:
            version = published(connection, tenant, document_id).version
            return version.version_id, outline_of(connection, version)

    @reaching_database
    def get(self, tenant: str, document_id: UUID, number: int) -> PageContent:
        """One page. Raises PageNotFound."""
        with self._engine.begin() as connection:
            shown = published(connection, tenant, document_id)
            page = read_page(connection, shown.version, number)
            if page is None:
                raise PageNotFound
            blocks = tuple(read_page_blocks(connection, shown.version, number))
            corrections = corrections_of(connection, tenant, document_id, number, _CORRECTIONS)
        return PageContent(
            version_id=shown.version.version_id,
            version=shown.number,
            page=page,
            text=text_of_page(blocks),
            blocks=blocks,
            doubtful=doubtful_regions(page.words),
            corrections=tuple(corrections),
        )
