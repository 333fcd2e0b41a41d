"""House-keeping that nobody waits for."""

from __future__ import annotations

import threading
import time

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from docmill.db import erasures
from docmill.db.intake import is_file_free
from docmill.domain.errors import DocmillError
from docmill.logs import get_logger
from docmill.ports import Storage, VectorStore
from docmill.services.intake import ORIGINALS

log = get_logger(__name__)

PICTURES = "pictures"  # the folder of the storage that pictures of pages are kept in

_ORPHAN_SECONDS = 3600.0
_ERASURES_AT_ONCE = 1000

# The store may need a second connection: many who hold a first one would wait for each other's.
_ONE_AT_A_TIME = threading.Lock()

# Locked until they are erased: nobody may delete their document and send it again meanwhile.
_DISCARDED = text(
    """SELECT id FROM document_versions WHERE status = 'discarded' ORDER BY created_at LIMIT 50
FOR UPDATE SKIP LOCKED"""
)
_ERASE = (
    text("DELETE FROM chunks WHERE version_id = ANY(:ids)"),
    text("DELETE FROM blocks WHERE version_id = ANY(:ids)"),
    text("DELETE FROM pages WHERE version_id = ANY(:ids)"),
    # What only this version found stays known as its document's: it goes when that does.
    text(
        """DELETE FROM attachments a USING document_versions w
WHERE a.version_id = ANY(:ids) AND w.id = a.version_id AND (a.document_id IS NULL OR EXISTS (
  SELECT FROM attachments b JOIN document_versions v ON v.id = b.version_id
  WHERE b.document_id = a.document_id AND v.document_id = w.document_id AND b.version_id <> ALL(:ids)))"""
    ),
    text("UPDATE document_versions SET status = 'erased' WHERE id = ANY(:ids)"),
)


def discard_versions(engine: Engine, vectors: VectorStore) -> int:
    """Erase what discarded versions left: first from the vector store, then here. Returns how many."""
    with _ONE_AT_A_TIME, engine.begin() as connection:
        ids = list(connection.execute(_DISCARDED).scalars())
        if not ids:
            return 0
        vectors.discard(ids)
        for statement in _ERASE:
            connection.execute(statement, {"ids": ids})
    log.info("versions_erased", count=len(ids))
    return len(ids)


def erase_deleted(engine: Engine, storage: Storage, vectors: VectorStore) -> int:
    """Remove what deleted documents left in the stores. Returns how many of them left nothing now."""
    with engine.begin() as connection:
        found = erasures.pending(connection, _ERASURES_AT_ONCE)
    return sum(erase(engine, storage, vectors, erasure) for erasure in found)


def erase(engine: Engine, storage: Storage, vectors: VectorStore, erasure: int) -> bool:
    """Remove what one deleted document left; False, and its row stays, when a store did not let us."""
    try:
        with _ONE_AT_A_TIME, engine.begin() as connection:
            left = erasures.take(connection, erasure)
            if left is None:
                return False
            vectors.discard(left.versions)
            if left.is_file_free:
                erase_pictures(storage, left.storage_key)
                storage.delete(left.storage_key)
            erasures.finish(connection, erasure)
    except (SQLAlchemyError, DocmillError) as error:
        log.warning("erasure_put_off", erasure=erasure, reason=type(error).__name__)
        return False
    return True


def erase_pictures(storage: Storage, original_key: str) -> None:
    """Remove the pictures that were drawn of an original."""
    for key in storage.keys(f"{PICTURES}/{original_key.rpartition('/')[2]}", 0):
        storage.delete(key)


def remove_orphans(engine: Engine, storage: Storage, folder: str) -> int:
    """Remove the originals in `folder` that an intake stored and then could not enter. Returns how many."""
    with engine.begin() as connection:
        orphans = erasures.unnamed(connection, storage.keys(folder, _ORPHAN_SECONDS))
    return sum(_remove_orphan(engine, storage, key) for key in orphans)


def _remove_orphan(engine: Engine, storage: Storage, key: str) -> bool:
    with engine.begin() as connection:
        free = is_file_free(connection, key)
        if free:
            storage.delete(key)
            log.info("orphan_removed", key=key)
    return free


def folder_of_the_minute() -> str:
    """One of the 256 folders of originals, each in its turn: a round takes about four hours."""
    return f"{ORIGINALS}/{int(time.time() / 60) % 256:02x}"
