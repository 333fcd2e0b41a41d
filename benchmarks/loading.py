"""Puts documents into the real tables as the stages would, without reading files again for every run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from uuid import UUID

from benchmarks.corpus import Document, Set
from benchmarks.eval_chunking import chunks_of
from benchmarks.vectors import Remembering
from sqlalchemy import Connection, Engine, text

from docmill.db.content import rows_of_chunks, rows_of_embeddings
from docmill.db.results import rows_of, write
from docmill.domain.documents import Chunk, ChunkSettings
from docmill.domain.ids import VersionRef, chunk_id, dataset_id, document_id, version_id
from docmill.ports import VectorEntry, Vectors, VectorStore

_BATCH = 500
_DOCUMENT_COLUMNS = (
    *("id", "tenant_id", "dataset_id", "name", "sha256", "size_bytes", "media_type", "storage_key"),
    "active_version_id",
)
_VERSION_COLUMNS = ("id", "tenant_id", "document_id", "number", "status", "settings")


def load(engine: Engine, embedder: Remembering, vectors: VectorStore, of: Set) -> dict[UUID, str]:
    """Chunk, embed, index and publish the documents of a set, a tenant of its own; names by document id."""
    versions = {document.name: _version(of, document) for document in of.documents}
    chunks = {document.name: _chunks(embedder, of.language, document) for document in of.documents}
    embedder.learn([cut.text for cut in chain.from_iterable(chunks.values())])
    with engine.begin() as connection:
        _insert_documents(connection, of, versions)
        for name, version in versions.items():
            write(connection, rows_of_chunks(version, chunks[name]))
            _insert_vectors(connection, embedder, version, chunks[name])
    for batch in _batches(_entries(embedder, versions, chunks)):
        vectors.upsert(embedder.model, batch)
    return {version.document_id: name for name, version in versions.items()}


def settle(engine: Engine) -> None:
    """What autovacuum does within minutes, now."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _version(of: Set, document: Document) -> VersionRef:
    dataset = dataset_id(of.name, of.name)
    ident = document_id(dataset, document.name)
    return VersionRef(of.name, dataset, ident, version_id(ident, 1))


def _chunks(embedder: Remembering, language: str, document: Document) -> list[Chunk]:
    cuts = chunks_of(embedder, document.blocks, ChunkSettings())
    return [replace(cut, language=language) for cut in cuts]


def _insert_documents(connection: Connection, of: Set, versions: dict[str, VersionRef]) -> None:
    dataset = dataset_id(of.name, of.name)
    documents = [
        (v.document_id, v.tenant, dataset, name, name, 0, "text/plain", name, v.version_id)
        for name, v in versions.items()
    ]
    made: list[tuple[object, ...]] = [
        (v.version_id, v.tenant, v.document_id, 1, "published", {}) for v in versions.values()
    ]
    write(
        connection,
        rows_of("datasets", ("id", "tenant_id", "name"), [(dataset, of.name, of.name)]),
        rows_of("documents", _DOCUMENT_COLUMNS, documents),
        rows_of("document_versions", _VERSION_COLUMNS, made),
    )


def _insert_vectors(
    connection: Connection, embedder: Remembering, version: VersionRef, chunks: Sequence[Chunk]
) -> None:
    ids = [chunk_id(version.version_id, cut.ordinal) for cut in chunks]
    vectors = embedder.embed([cut.text for cut in chunks]).vectors
    write(connection, rows_of_embeddings(version, embedder.model, embedder.precision, ids, vectors))


def _entries(
    embedder: Remembering, versions: dict[str, VersionRef], chunks: dict[str, list[Chunk]]
) -> Iterator[VectorEntry]:
    for name, v in versions.items():
        found: Vectors = embedder.embed([cut.text for cut in chunks[name]]).vectors
        for cut, vector in zip(chunks[name], found, strict=True):
            ident = chunk_id(v.version_id, cut.ordinal)
            yield VectorEntry(
                ident, v.version_id, v.document_id, v.dataset_id, v.tenant, cut.language, vector
            )


def _batches(entries: Iterable[VectorEntry]) -> Iterator[list[VectorEntry]]:
    batch: list[VectorEntry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch
