"""Vectors in PostgreSQL, by pgvector: transactional like everything else, and no service more to run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from psycopg import sql
from sqlalchemy import Connection, Engine, TextClause, text

from docmill.domain.errors import ModelUnfit
from docmill.domain.ids import VersionRef
from docmill.ports import Filter, Result, Scored, VectorEntry, Vectors

# Candidates kept while walking the graph: more find more of the true nearest. 1000 is pgvector's own limit.
_LEAST_EF, _EF_PER_HIT, _MOST_EF = 200, 4, 1000
_MOST_DIMENSIONS = 4000  # that an index of half precision takes
_TOGETHER = 50  # entries in a statement: it has a time limit, and a place in a large index is slow to find

# Half precision in the index: near half its size, two thirds of the time to insert, nearly the same hits.

_CREATE_INDEX = sql.SQL(
    """CREATE INDEX IF NOT EXISTS {name} ON vector_entries
USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops) WHERE model = {model}"""
)

_INTO = """INSERT INTO vector_entries
  (chunk_id, model, tenant_id, dataset_id, document_id, version_id, language, embedding)"""
_UNLESS_THE_SAME = """ON CONFLICT (chunk_id, model)
DO UPDATE SET embedding = excluded.embedding, language = excluded.language
WHERE vector_entries.embedding IS DISTINCT FROM excluded.embedding"""

# For entries that come from outside the database; the index stage copies (below). The lock makes a cancel or
# a delete wait for us, so that what it then discards is all there is.
_UPSERT = f"""WITH living AS MATERIALIZED (
  SELECT id FROM document_versions WHERE id = ANY(%b) AND status IN ('building', 'published') FOR SHARE
)
{_INTO}
SELECT e.chunk, %b, e.tenant, e.dataset, e.document, e.version, e.language, e.vector
FROM unnest(%b::uuid[], %b::text[], %b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::vector[])
  AS e (chunk, tenant, dataset, document, version, language, vector)
JOIN living ON living.id = e.version
{_UNLESS_THE_SAME}"""  # noqa: S608 - our own words only

# Nobody else can move the task meanwhile: who cancels or deletes comes before all of it or after.
_COPY = f"""{_INTO}
SELECT c.id, e.model, c.tenant_id, c.dataset_id, c.document_id, c.version_id, c.language, e.vector
FROM moved, chunks c JOIN embeddings e ON e.chunk_id = c.id
WHERE c.version_id = :copied_version AND c.tenant_id = :copied_tenant AND e.model = :copied_model
  AND c.ordinal >= :copied_start AND c.ordinal < :copied_end
{_UNLESS_THE_SAME}"""  # noqa: S608 - our own words only

_EXISTS = text("SELECT to_regclass(:name) IS NOT NULL")

_ALONE = text("SELECT pg_advisory_xact_lock(hashtext(:name)), set_config('statement_timeout', '0', true)")

_DISCARD = text("DELETE FROM vector_entries WHERE version_id = ANY(:versions)")

# Custom plans: the planner must see the values to use the model's index and to drop filters that are NULL.
_TUNE = text(
    """SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),
  set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', :ef, true)"""
)

_NEAREST = """WITH nearest AS MATERIALIZED (
  SELECT v.chunk_id, v.embedding
  FROM vector_entries v JOIN documents d ON d.active_version_id = v.version_id
  WHERE v.model = :model AND v.tenant_id = :tenant
    AND (CAST(:datasets AS uuid[]) IS NULL OR v.dataset_id = ANY(CAST(:datasets AS uuid[])))
    AND (CAST(:documents AS uuid[]) IS NULL OR v.document_id = ANY(CAST(:documents AS uuid[])))
    AND (CAST(:languages AS text[]) IS NULL OR v.language = ANY(CAST(:languages AS text[])))
    AND (CAST(:media_types AS text[]) IS NULL OR d.media_type = ANY(CAST(:media_types AS text[])))
    AND (CAST(:metadata AS jsonb) IS NULL OR d.all_metadata @> CAST(:metadata AS jsonb))
  ORDER BY {distance} LIMIT :limit
)
SELECT chunk_id, 1 - (embedding <=> CAST(:vector AS vector)) AS score FROM nearest
ORDER BY score DESC, chunk_id"""

# Without the cast no index fits: every vector that passes the filter is compared.
_COMPARING = text(_NEAREST.replace("{distance}", "v.embedding <=> CAST(:vector AS vector)"))


class PgVectorStore:
    """One table for all models, one HNSW index for each. Scores are cosine similarities."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def prepare(self, model: str, dimensions: int) -> None:
        """Make the index for this model if it is not there; whoever comes second waits and finds it.

        Raises ModelUnfit for vectors that no index takes.
        """
        if dimensions > _MOST_DIMENSIONS:
            raise ModelUnfit(
                f"The vectors of this model have {dimensions:,} numbers; {_MOST_DIMENSIONS:,} is the most. "
                "Set DOCMILL_EMBED_DIMENSIONS, or use another model."
            )
        name = f"ix_vector_entries_hnsw_{hashlib.sha256(f'{model}:{dimensions}'.encode()).hexdigest()[:16]}"
        statement = _CREATE_INDEX.format(
            name=sql.Identifier(name), dimensions=sql.Literal(dimensions), model=sql.Literal(model)
        )
        with self._engine.begin() as connection:
            if connection.execute(_EXISTS, {"name": name}).scalar_one():
                return  # asked first, because CREATE INDEX waits for every writer before it looks
            connection.execute(_ALONE, {"name": name})
            _driver(connection).execute(statement)

    def upsert(self, model: str, entries: Sequence[VectorEntry]) -> None:
        """Write entries; writing the same ones again changes nothing. Versions that are gone get none."""
        with self._engine.begin() as connection:
            for start in range(0, len(entries), _TOGETHER):
                _driver(connection).execute(_UPSERT, _columns(model, entries[start : start + _TOGETHER]))

    def copied(self, model: str, version: VersionRef, start: int, total: int) -> tuple[int, Sequence[Result]]:
        """A copy from table to table: no vector leaves the server."""
        end = min(start + _TOGETHER, total)
        values = {
            "copied_model": model,
            "copied_version": version.version_id,
            "copied_tenant": version.tenant,
            "copied_start": start,
            "copied_end": end,
        }
        return end, [Result(_COPY, values)]

    def search(self, model: str, vector: Vectors, where: Filter, limit: int) -> list[Scored]:
        """The `limit` nearest chunks of published versions that pass `where`, best first.

        The graph is walked first. What a filter leaves may be too little for it to be met there; then, and
        among given documents at once, every vector that passes is compared.
        """
        values = {**where.values(), "model": model, "vector": _literal(vector), "limit": limit}
        with self._engine.begin() as connection:
            connection.execute(_TUNE, {"ef": str(min(max(_EF_PER_HIT * limit, _LEAST_EF), _MOST_EF))})
            found = [] if where.document_ids else _nearest(connection, _walking(len(vector)), values)
            if len(found) < limit:
                found = _nearest(connection, _COMPARING, values)
        return found

    def discard(self, version_ids: Sequence[UUID]) -> None:
        """Forget every entry of these versions."""
        with self._engine.begin() as connection:
            connection.execute(_DISCARD, {"versions": list(version_ids)})


def _columns(model: str, entries: Sequence[VectorEntry]) -> list[object]:
    """The parameters of _UPSERT: a list for each column."""
    names = ("chunk_id", "tenant", "dataset_id", "document_id", "version_id", "language", "vector")
    columns = [[getattr(entry, name) for entry in entries] for name in names]
    return [list({entry.version_id for entry in entries}), model, *columns]


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


@cache
def _walking(dimensions: int) -> TextClause:
    """The statement that the index of these dimensions serves."""
    number = f"halfvec({dimensions})"
    return text(
        _NEAREST.replace("{distance}", f"v.embedding::{number} <=> CAST(CAST(:vector AS vector) AS {number})")
    )


def _nearest(connection: Connection, statement: TextClause, values: dict[str, object]) -> list[Scored]:
    return [Scored(chunk, score) for chunk, score in connection.execute(statement, values)]


def _literal(vector: Vectors) -> str:
    return "[" + ",".join(map(str, vector.tolist())) + "]"
