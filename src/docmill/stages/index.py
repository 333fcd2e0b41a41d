"""index: embedded chunks into the vector store. When it ends, the runner publishes the version."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Engine

from docmill.db.content import EmbeddedChunk, read_embedded
from docmill.domain.errors import EmbedderChanged
from docmill.domain.states import StageName
from docmill.ports import Embedder, VectorEntry, VectorStore
from docmill.stages.contract import Step, Work

_BATCH = 500


class Index:
    """Writes to the store first, under derived ids, then moves the cursor: a crash repeats one batch."""

    name = StageName.INDEX

    def __init__(self, engine: Engine, vectors: VectorStore, embedder: Embedder) -> None:
        self._engine = engine
        self._vectors = vectors
        self._model = embedder.model
        self._prepared = False

    def run(self, work: Work) -> Iterator[Step]:
        """Steps of entries, in the order of the chunks."""
        total = work.total_chunks
        done = int(work.cursor.get("next", 0))
        while done < total:
            chunks = read_embedded(self._engine, work.version, self._model, done, _BATCH)
            if [chunk.ordinal for chunk in chunks] != list(range(done, min(done + _BATCH, total))):
                raise EmbedderChanged
            self._prepare_once(len(chunks[0].vector))
            self._vectors.upsert(self._model, [_entry(work, chunk) for chunk in chunks])
            done = chunks[-1].ordinal + 1
            yield Step({"next": done}, done, total, last=done == total)

    def _prepare_once(self, dimensions: int) -> None:
        if not self._prepared:
            self._vectors.prepare(self._model, dimensions)
            self._prepared = True


def _entry(work: Work, chunk: EmbeddedChunk) -> VectorEntry:
    version = work.version
    return VectorEntry(
        chunk_id=chunk.id,
        version_id=version.version_id,
        document_id=version.document_id,
        dataset_id=version.dataset_id,
        tenant=version.tenant,
        language=chunk.language,
        vector=chunk.vector,
    )
