"""House-keeping that nobody waits for."""

from __future__ import annotations

from sqlalchemy import Engine, text

from docmill.logs import get_logger
from docmill.ports import VectorStore

log = get_logger(__name__)

_DISCARDED = text("SELECT id FROM document_versions WHERE status = 'discarded' ORDER BY created_at LIMIT 50")
_ERASE = (
    text("DELETE FROM chunks WHERE version_id = ANY(:ids)"),
    text("DELETE FROM blocks WHERE version_id = ANY(:ids)"),
    text("UPDATE document_versions SET status = 'erased' WHERE id = ANY(:ids)"),
)


def discard_versions(engine: Engine, vectors: VectorStore) -> int:
    """Erase what discarded versions left: first from the vector store, then here. Returns how many."""
    with engine.begin() as connection:
        ids = list(connection.execute(_DISCARDED).scalars())
    if not ids:
        return 0
    vectors.discard(ids)
    with engine.begin() as connection:
        for statement in _ERASE:
            connection.execute(statement, {"ids": ids})
    log.info("versions_erased", count=len(ids))
    return len(ids)
