"""What deleted documents left outside the database: a row until it is gone there too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from docmill.db.intake import is_file_free
from docmill.domain.states import VersionStatus

_PENDING = text("SELECT id FROM erasures ORDER BY id LIMIT :limit")
_TAKE = text("SELECT storage_key FROM erasures WHERE id = :id FOR UPDATE SKIP LOCKED")

# Whoever makes another version of a document locks it; so these stay what they are until we are done.
_LOCK_DOCUMENTS = text("SELECT FROM documents WHERE storage_key = :key FOR NO KEY UPDATE")
_GONE = text(
    f"""SELECT gone.id FROM erasures, unnest(version_ids) AS gone (id) WHERE erasures.id = :id
AND NOT EXISTS (SELECT FROM document_versions v WHERE v.id = gone.id
  AND v.status IN ('{VersionStatus.BUILDING}', '{VersionStatus.PUBLISHED}'))"""  # noqa: S608
)
_DONE = text("DELETE FROM erasures WHERE id = :id")
_NAMED = text("SELECT storage_key FROM documents WHERE storage_key = ANY(:keys)")


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is to be removed. `versions` lacks those that came back: the same bytes have the same ids."""

    versions: Sequence[UUID]
    storage_key: str
    is_file_free: bool


def pending(connection: Connection, limit: int) -> list[int]:
    """Up to `limit` erasures that are not done, oldest first."""
    return list(connection.execute(_PENDING, {"limit": limit}).scalars())


def take(connection: Connection, erasure: int) -> Erasure | None:
    """An erasure, None when done or in other hands. Until this transaction ends nothing of it returns."""
    key: str | None = connection.execute(_TAKE, {"id": erasure}).scalar_one_or_none()
    if key is None:
        return None
    free = is_file_free(connection, key)
    connection.execute(_LOCK_DOCUMENTS, {"key": key})
    versions = list(connection.execute(_GONE, {"id": erasure}).scalars())
    return Erasure(versions, key, free)


def finish(connection: Connection, erasure: int) -> None:
    """Nothing of it is left."""
    connection.execute(_DONE, {"id": erasure})


def unnamed(connection: Connection, keys: Sequence[str]) -> list[str]:
    """Those of these keys that no document names."""
    named = set(connection.execute(_NAMED, {"keys": list(keys)}).scalars())
    return [key for key in keys if key not in named]
