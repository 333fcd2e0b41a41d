"""index: embedded chunks into the vector store. When it ends, the runner publishes the version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Engine

from docmill.db.content import EmbeddedChunk, count_embedded, read_embedded
from docmill.domain.errors import EmbedderChanged
from docmill.domain.states import StageName
from docmill.ports import Embedder, Result, VectorEntry, VectorStore
from docmill.stages.contract import Step, Work

_SENT = 500  # entries of a step, to a store elsewhere


class Index:
    """A store in the database copies its entries in the statement that moves the cursor. One elsewhere is
    sent them before that, under derived ids: a crash repeats one batch.
    """

    name = StageName.INDEX

    def __init__(self, engine: Engine, vectors: VectorStore, embedder: Embedder) -> None:
        self._engine = engine
        self._vectors = vectors
        self._model = embedder.model
        self._prepared = False

    def run(self, work: Work) -> Iterator[Step]:
        """Steps of entries, in the order of the chunks."""
        total = work.total_chunks
        done = self._done(work)
        if done < total:
            self._prepare(work, done)
        while done < total:
            copied = self._vectors.copied(self._model, work.version, done, total)
            done, results = copied or self._sent(work, done)
            yield Step({"next": done, "model": self._model}, done, total, results, last=done == total)

    def _done(self, work: Work) -> int:
        """Where the stage stands; at its beginning when the model is another one than it was."""
        is_ours = work.cursor.get("model") in (None, self._model)
        return int(work.cursor.get("next", 0)) if is_ours else 0

    def _prepare(self, work: Work, start: int) -> None:
        """See that every chunk has a vector of this model, and that the store has a place for those."""
        if self._model not in (work.at_hand.embedded_by, work.cursor.get("model")):
            count = count_embedded(self._engine, work.version, self._model, start)
            if count != work.total_chunks - start:
                raise EmbedderChanged
        if not self._prepared:
            [first] = read_embedded(self._engine, work.version, self._model, start, 1)
            self._vectors.prepare(self._model, len(first.vector))
            self._prepared = True

    def _sent(self, work: Work, start: int) -> tuple[int, Sequence[Result]]:
        end = min(start + _SENT, work.total_chunks)
        chunks = read_embedded(self._engine, work.version, self._model, start, end - start)
        if [chunk.ordinal for chunk in chunks] != list(range(start, end)):
            raise EmbedderChanged
        self._vectors.upsert(self._model, [_entry(work, chunk) for chunk in chunks])
        return end, ()


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
