"""Search: by meaning, by words, or both; every hit says where it stands and why it was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal
from uuid import UUID

from sqlalchemy import Engine

from docmill.db.engine import alone, reaching_database
from docmill.db.lexical import Lexical
from docmill.db.passages import Passage, read_passages
from docmill.domain.errors import InvalidQuery
from docmill.domain.fusion import fuse
from docmill.ports import Embedder, Filter, Scored, VectorStore

Mode = Literal["hybrid", "dense", "lexical"]

MAX_QUERY = 8_000
MAX_LIMIT = 100

_LEAST_CANDIDATES = 50
_CANDIDATES_PER_HIT = 5
_WEIGHTS = {"dense": 0.7, "lexical": 1.0}  # measured, see docs/explanation/search.md
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class LegScore:
    """What one leg alone said: its own score, higher is better, and the place it gave, from 1."""

    score: float
    rank: int


@dataclass(frozen=True, slots=True)
class Scores:
    """The legs that found a hit. `dense` scores are cosines; `lexical` ones have no fixed scale."""

    dense: LegScore | None
    lexical: LegScore | None


@dataclass(frozen=True, slots=True)
class Hit(Passage):
    """A passage that was found. `score` orders the hits of one search and means nothing beyond it."""

    score: float
    scores: Scores


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first."""

    hits: tuple[Hit, ...]


_PASSAGE_FIELDS = tuple(field.name for field in fields(Passage))


class Search:
    """Asks the legs, fuses their rankings, and reads the passages."""

    def __init__(self, engine: Engine, embedder: Embedder, vectors: VectorStore) -> None:
        self._engine = engine
        self._embedder = embedder
        self._vectors = vectors
        self._lexical = Lexical(engine)

    @reaching_database
    def search(self, query: str, *, where: Filter, mode: Mode = "hybrid", limit: int = 10) -> SearchResult:
        """Up to `limit` (1 to 100) hits of published versions that pass `where`, best first.

        Raises InvalidQuery for a query without text or of more than 8,000 characters.
        """
        query = _checked(query, limit)
        for _ in range(_ATTEMPTS):
            legs = self._ask(query, where, mode, limit)
            ranked = fuse((_ids(found), _WEIGHTS[leg]) for leg, found in legs.items())[:limit]
            hits = self._read(where.tenant, ranked, legs)
            if len(hits) == len(ranked):
                break  # else a document got a new version in between, which the legs find the next time
        return SearchResult(hits)

    def _ask(self, query: str, where: Filter, mode: Mode, limit: int) -> dict[str, Sequence[Scored]]:
        legs: dict[str, Sequence[Scored]] = {}
        count = limit if mode != "hybrid" else max(_LEAST_CANDIDATES, _CANDIDATES_PER_HIT * limit)
        if mode != "lexical":
            vector = self._embedder.embed([query]).vectors[0]
            legs["dense"] = self._vectors.search(self._embedder.model, vector, where, count)
        if mode != "dense":
            legs["lexical"] = self._lexical.search(query, where, count)
        return legs

    def _read(
        self, tenant: str, ranked: Sequence[tuple[UUID, float]], legs: dict[str, Sequence[Scored]]
    ) -> tuple[Hit, ...]:
        with alone(self._engine) as connection:
            passages = read_passages(connection, tenant, [chunk for chunk, _ in ranked])
        places = {leg: _places(found) for leg, found in legs.items()}
        return tuple(_hit(passages[chunk], score, places) for chunk, score in ranked if chunk in passages)


def _checked(query: str, limit: int) -> str:
    if not query.strip() or len(query) > MAX_QUERY:
        raise InvalidQuery()
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidQuery(f"This limit cannot be used. Ask for between 1 and {MAX_LIMIT} hits.")
    # What JSON can carry and a database cannot: half a surrogate pair, and the character NUL.
    return query.encode("utf-8", "replace").decode().replace("\x00", " ")


def _ids(found: Sequence[Scored]) -> list[UUID]:
    return [scored.chunk_id for scored in found]


def _places(found: Sequence[Scored]) -> dict[UUID, LegScore]:
    return {scored.chunk_id: LegScore(scored.score, rank) for rank, scored in enumerate(found, start=1)}


def _hit(passage: Passage, score: float, places: dict[str, dict[UUID, LegScore]]) -> Hit:
    chunk = passage.chunk_id
    scores = Scores(places.get("dense", {}).get(chunk), places.get("lexical", {}).get(chunk))
    return Hit(**{name: getattr(passage, name) for name in _PASSAGE_FIELDS}, score=score, scores=scores)
