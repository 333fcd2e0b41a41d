"""Vectors that a version takes over from the published one: the same text has the same vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from docmill.db.engine import alone
from docmill.domain.ids import VersionRef

_EQUAL = text(
    """SELECT DISTINCT ON (c.id) c.id, e.chunk_id AS source, c.tokens
FROM chunks c JOIN chunks b ON b.version_id = :published AND b.text = c.text
JOIN embeddings e ON e.chunk_id = b.id AND e.model = :model AND e.precision = :precision
WHERE c.version_id = :version AND c.tenant_id = :tenant AND c.ordinal >= :start AND c.ordinal < :end
ORDER BY c.id, b.ordinal"""
)
_TAKE = text(
    """INSERT INTO embeddings (chunk_id, tenant_id, version_id, model, precision, vector)
SELECT pair.chunk, :tenant, :version, e.model, e.precision, e.vector
FROM unnest(CAST(:chunks AS uuid[]), CAST(:sources AS uuid[])) AS pair (chunk, source)
JOIN embeddings e ON e.chunk_id = pair.source AND e.model = :model"""
)


@dataclass(frozen=True, slots=True)
class Equal:
    """A chunk, the one of the published version with the same text, and how many tokens that has."""

    id: UUID
    source: UUID
    tokens: int


def find_equal(
    engine: Engine,
    version: VersionRef,
    published: UUID,
    model: str,
    precision: str,
    start: int,
    end: int,
) -> list[Equal]:
    """The chunks from ordinal `start` up to `end` whose text has a vector in the published version."""
    values = {
        "version": version.version_id,
        "tenant": version.tenant,
        "published": published,
        "model": model,
        "precision": precision,
        "start": start,
        "end": end,
    }
    with alone(engine) as connection:
        return [Equal(*row) for row in connection.execute(_EQUAL, values)]


def take_over(connection: Connection, version: VersionRef, model: str, found: Sequence[Equal]) -> None:
    """Copy the vectors of these chunks."""
    values = {
        "version": version.version_id,
        "tenant": version.tenant,
        "model": model,
        "chunks": [pair.id for pair in found],
        "sources": [pair.source for pair in found],
    }
    connection.execute(_TAKE, values)
