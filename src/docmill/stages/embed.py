"""embed: chunks in, vectors out. A step is as many chunks as the model takes in about step_seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Engine

from docmill.db.content import ChunkText, delete_embeddings, insert_embeddings, read_chunk_texts
from docmill.db.versions import add_truncated_tokens
from docmill.domain.states import StageName
from docmill.ports import Embedded, Embedder
from docmill.stages.contract import Step, Work

_SMALLEST, _LARGEST = 8, 512


class Embed:
    """Sizes its batches by what it measures, so that pause and progress stay within a second."""

    name = StageName.EMBED

    def __init__(self, engine: Engine, embedder: Embedder, step_seconds: float) -> None:
        self._engine = engine
        self._embedder = embedder
        self._step_seconds = step_seconds
        self._batch = 16

    def run(self, work: Work) -> Iterator[Step]:
        """Steps of vectors, in the order of the chunks."""
        total = work.total_chunks
        same_model = work.cursor.get("model", self._embedder.model) == self._embedder.model
        done = int(work.cursor.get("next", 0)) if same_model else 0  # a changed model starts anew
        while done < total:
            chunks = read_chunk_texts(self._engine, work.version, done, self._batch)
            started = time.monotonic()
            embedded = self._embedder.embed([chunk.text for chunk in chunks])
            self._resize(len(chunks), time.monotonic() - started)
            done = chunks[-1].ordinal + 1
            yield self._step(work, chunks, embedded, done, total)

    def _resize(self, count: int, seconds: float) -> None:
        """Aim the next batch at step_seconds; never more than twice this one."""
        fitting = int(count * self._step_seconds / max(seconds, 1e-3))
        self._batch = max(_SMALLEST, min(fitting, 2 * count, _LARGEST))

    def _step(
        self, work: Work, chunks: Sequence[ChunkText], embedded: Embedded, done: int, total: int
    ) -> Step:
        ids = [chunk.id for chunk in chunks]
        model, precision = self._embedder.model, self._embedder.precision

        def save(connection: Connection) -> None:
            if chunks[0].ordinal == 0:
                delete_embeddings(connection, work.version, model)
            insert_embeddings(connection, work.version, model, precision, ids, embedded.vectors)
            add_truncated_tokens(connection, work.version, embedded.truncated)

        return Step({"next": done, "model": model}, done, total, save, last=done == total)
