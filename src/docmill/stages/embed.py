"""embed: chunks in, vectors out. A step is as many chunks as the model takes in about step_seconds.

A text that has a vector of the same model and precision in the published version is not computed again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from uuid import UUID

from sqlalchemy import Connection, Engine

from docmill.db.content import ChunkText, delete_embeddings, next_texts, read_chunk_texts, rows_of_embeddings
from docmill.db.results import write
from docmill.db.vectors_taken import Equal, find_equal, take_over
from docmill.db.versions import truncated
from docmill.domain.states import StageName
from docmill.ports import SPECIAL_TOKENS, Embedder, Result
from docmill.stages.contract import AtHand, Learned, Save, Step, Work

_FIRST_TOKENS, _LEAST_TOKENS = 1_024, 512  # of a step
_COMPARED = 2_000  # chunks compared with the published version in a step


@dataclass(frozen=True, slots=True)
class _Place:
    """How far the stage is: chunks that were compared, those of them that were taken over, those computed.

    `next` is the first one that may have to be computed still.
    """

    model: str
    compared: int = 0
    taken: int = 0
    next: int = 0
    computed: int = 0

    @property
    def done(self) -> int:
        """How many chunks have a vector."""
        return self.taken + self.computed


class Embed:
    """Sizes its steps by what it measures, so that pause and progress stay within a second."""

    name = StageName.EMBED

    def __init__(self, engine: Engine, embedder: Embedder, step_seconds: float) -> None:
        self._engine = engine
        self._embedder = embedder
        self._step_seconds = step_seconds
        self._tokens = _FIRST_TOKENS

    def run(self, work: Work) -> Iterator[Step]:
        """Steps of vectors: first those that are there already, then the others, in their order."""
        place = self._place(work)
        while work.published is not None and place.compared < work.total_chunks:
            place, save = self._compare(work, work.published, place)
            yield self._step(work, place, save=save)
        while place.done < work.total_chunks:
            place, results = self._compute(work, place)
            yield self._step(work, place, results)

    def _place(self, work: Work) -> _Place:
        """Where the stage stands; at its beginning when the model is another one than it was."""
        if work.cursor.get("model") == self._embedder.model and "taken" in work.cursor:
            return _Place(**work.cursor)
        return _Place(self._embedder.model)

    def _compare(self, work: Work, published: UUID, place: _Place) -> tuple[_Place, Save]:
        """Look for the texts of the next chunks in the published version."""
        start, end = place.compared, min(place.compared + _COMPARED, work.total_chunks)
        model, precision = self._embedder.model, self._embedder.precision
        found = find_equal(self._engine, work.version, published, model, precision, start, end)
        place = replace(place, compared=end, taken=place.taken + len(found))
        return place, self._taken(work, found, anew=start == 0)

    def _compute(self, work: Work, place: _Place) -> tuple[_Place, list[Result]]:
        """Compute the vectors of the next chunks that have none."""
        version, model = work.version, self._embedder.model
        chunks = self._next(work, place)
        started = time.monotonic()
        embedded = self._embedder.embed([chunk.text for chunk in chunks])
        self._resize(sum(chunk.tokens for chunk in chunks), time.monotonic() - started)
        place = replace(place, next=chunks[-1].ordinal + 1, computed=place.computed + len(chunks))
        ids = [chunk.id for chunk in chunks]
        rows = rows_of_embeddings(version, model, self._embedder.precision, ids, embedded.vectors)
        return place, [rows, *truncated(version, embedded.truncated)]

    def _next(self, work: Work, place: _Place) -> list[ChunkText]:
        """The chunks of the next step: beside a published version those that took no vector over from it."""
        bare_of, at_hand = self._embedder.model if work.published else None, work.at_hand.chunks
        if at_hand is not None and bare_of is None:
            return next_texts(at_hand, place.next, self._tokens)
        return read_chunk_texts(self._engine, work.version, place.next, self._tokens, bare_of=bare_of)

    def _resize(self, tokens: int, seconds: float) -> None:
        """Aim the next step at step_seconds; at most twice this one. A small one tells too little."""
        if 2 * tokens >= self._tokens:
            fitting = int(tokens * self._step_seconds / max(seconds, 1e-3))
            self._tokens = max(_LEAST_TOKENS, min(fitting, 2 * tokens))

    def _step(
        self, work: Work, place: _Place, results: Sequence[Result] = (), save: Save | None = None
    ) -> Step:
        total = work.total_chunks
        last = place.done == total
        learned = Learned(work.language, total, AtHand(embedded_by=place.model)) if last else None
        return Step(asdict(place), place.done, total, results, save, last, learned=learned)

    def _taken(self, work: Work, found: Sequence[Equal], *, anew: bool) -> Save:
        model, room = self._embedder.model, self._embedder.max_tokens - SPECIAL_TOKENS

        def save(connection: Connection) -> None:
            if anew:
                delete_embeddings(connection, work.version, model)
            take_over(connection, work.version, model, found)
            write(connection, *truncated(work.version, sum(max(0, c.tokens - room) for c in found)))

        return save
