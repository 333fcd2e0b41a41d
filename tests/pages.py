"""Pages as a test wants them, in place of what was read."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from docmill.db.pages import rows_of_pages
from docmill.db.results import write
from docmill.db.versions import published
from docmill.domain.documents import Page
from tests.installations import Installation


def put_pages(here: Installation, document_id: UUID, pages: Sequence[Page]) -> None:
    """Give the published version of a document these pages."""
    with here.app.engine.begin() as connection:
        version = published(connection, "default", document_id).version
        connection.execute(text("DELETE FROM pages WHERE version_id = :id"), {"id": version.version_id})
        write(connection, rows_of_pages(version, pages))
