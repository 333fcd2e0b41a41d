"""The full-text leg: every lexeme of the question scores on its own, weighted by how rare it is.

`ts_rank` of one lexeme is the sum of 1/i² over its occurrences, which levels off after two or three as the
term frequency in BM25 does; times the lexeme's inverse document frequency it ranks like BM25, in plain
PostgreSQL. Why so, with figures: docs/explanation/search.md.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from sqlalchemy import Connection, Engine, text

from docmill.ports import Filter, Scored

SCANNED = 5_000  # chunks looked at, or this part of all, before frequent lexemes only re-rank what was found
SCANNED_PART = 1 / 20
SHORTLIST = 1_000  # chunks that frequent lexemes re-rank
TERMS = 64  # the rarest lexemes of a long question say what it is about
REMEMBERED_FROM = 1_000  # a smaller count costs less than a wrong one
REMEMBERED_SECONDS = 300.0
REMEMBERED_LEXEMES = 100_000

_CONFIGS = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "da": "danish", "nl": "dutch",
    "en": "english", "fi": "finnish", "fr": "french", "de": "german", "el": "greek", "hi": "hindi",
    "hu": "hungarian", "id": "indonesian", "ga": "irish", "it": "italian", "lt": "lithuanian",
    "ne": "nepali", "nb": "norwegian", "nn": "norwegian", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "es": "spanish", "sv": "swedish", "ta": "tamil",
    "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


def search_config_for(language: str | None) -> str:
    """The text search configuration for a language (ISO 639-1); `simple` where PostgreSQL has no stemmer."""
    return _CONFIGS.get(language or "", "simple")


@dataclass(frozen=True, slots=True)
class _Term:
    query: str  # a tsquery of one lexeme
    chunks: int
    weight: float


# The configurations in use, each found by one step in the index, and the lexemes they make of the question.
_LEXEMES = text(
    """WITH RECURSIVE configs AS (
  (SELECT search_config FROM chunks WHERE tenant_id = :tenant ORDER BY search_config LIMIT 1)
  UNION ALL
  SELECT (SELECT c.search_config FROM chunks c
    WHERE c.tenant_id = :tenant AND c.search_config > configs.search_config ORDER BY c.search_config LIMIT 1)
  FROM configs WHERE configs.search_config IS NOT NULL
)
SELECT DISTINCT lexeme FROM configs, unnest(docmill_lexemes(search_config, '{}', :query))
WHERE search_config IS NOT NULL ORDER BY lexeme"""
)

_TOTAL = text("SELECT count(*) FROM chunks WHERE tenant_id = :tenant")

_COUNTS = text(
    """SELECT (SELECT count(*) FROM chunks c WHERE c.tenant_id = :tenant AND c.lexemes @@ term.query)
FROM unnest(CAST(:queries AS tsquery[])) WITH ORDINALITY AS term (query, place) ORDER BY place"""
)

# With the values at hand the planner drops every filter that is NULL, and sees how narrow the others are.
_PLAN = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true)"
)

_RANK = text(
    """WITH parts AS MATERIALIZED (
  SELECT c.id, term.weight * ts_rank('{1,1,1,1}', c.lexemes, term.query) AS score
  FROM unnest(CAST(:queries AS tsquery[]), CAST(:weights AS float8[])) AS term (query, weight)
  JOIN chunks c ON c.lexemes @@ term.query
  JOIN documents d ON d.active_version_id = c.version_id
  WHERE c.tenant_id = :tenant
    AND (CAST(:datasets AS uuid[]) IS NULL OR c.dataset_id = ANY(CAST(:datasets AS uuid[])))
    AND (CAST(:documents AS uuid[]) IS NULL OR d.id = ANY(CAST(:documents AS uuid[])))
    AND (CAST(:media_types AS text[]) IS NULL OR d.media_type = ANY(CAST(:media_types AS text[])))
    AND (CAST(:languages AS text[]) IS NULL OR c.language = ANY(CAST(:languages AS text[])))
    AND (CAST(:metadata AS jsonb) IS NULL OR d.all_metadata @> CAST(:metadata AS jsonb))
), hits AS MATERIALIZED (
  SELECT id, sum(score) AS score FROM parts GROUP BY id ORDER BY score DESC, id LIMIT :shortlist
)
SELECT hits.id, hits.score + coalesce((
    SELECT sum(term.weight * ts_rank('{1,1,1,1}', c.lexemes, term.query))
    FROM unnest(CAST(:more_queries AS tsquery[]), CAST(:more_weights AS float8[])) AS term (query, weight)
  ), 0) AS score
FROM hits JOIN chunks c ON c.id = hits.id ORDER BY score DESC, hits.id LIMIT :limit"""
)


class Lexical:
    """Finds chunks by their words. Keeps only a small memory of how frequent words are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counts: dict[tuple[str, str], tuple[int, float]] = {}

    def search(self, query: str, where: Filter, limit: int) -> list[Scored]:
        """The `limit` chunks of published versions that fit the words best, best first; any one may match."""
        with self._engine.begin() as connection:
            connection.execute(_PLAN)
            terms, total = self._terms(connection, query, where.tenant)
            rare, frequent = _split(terms, max(SCANNED, int(total * SCANNED_PART)))
            found = _rank(connection, rare, frequent, where, limit)
            if frequent and len(found) < limit:  # what passes the filter may hold the frequent words only
                found = _rank(connection, terms, [], where, limit)
        return found

    def _terms(self, connection: Connection, query: str, tenant: str) -> tuple[list[_Term], int]:
        """The question's lexemes that are anywhere, rarest first, and how many chunks there are."""
        lexemes = connection.execute(_LEXEMES, {"tenant": tenant, "query": query}).scalars()
        queries = [_quoted(lexeme) for lexeme in lexemes]
        counts = self._count(connection, tenant, queries)
        total = self._total(connection, tenant) if queries else 0
        found = [_Term(q, n, _rarity(n, total)) for q, n in zip(queries, counts, strict=True) if n]
        return sorted(found, key=lambda term: (term.chunks, term.query))[:TERMS], total

    def _count(self, connection: Connection, tenant: str, queries: Sequence[str]) -> list[int]:
        """How many of the tenant's chunks hold each lexeme."""
        known = {query: self._remembered(tenant, query) for query in queries}
        missing = [query for query, count in known.items() if count is None]
        if missing:
            counted = connection.execute(_COUNTS, {"tenant": tenant, "queries": missing}).scalars()
            known.update(zip(missing, counted, strict=True))
            self._remember(tenant, {query: known[query] or 0 for query in missing})
        return [known[query] or 0 for query in queries]

    def _total(self, connection: Connection, tenant: str) -> int:
        total = self._remembered(tenant, "")
        if total is None:
            total = int(connection.execute(_TOTAL, {"tenant": tenant}).scalar_one())
            self._remember(tenant, {"": total})
        return total

    def _remembered(self, tenant: str, query: str) -> int | None:
        count, until = self._counts.get((tenant, query), (0, 0.0))
        return count if time.monotonic() < until else None

    def _remember(self, tenant: str, counts: Mapping[str, int]) -> None:
        if len(self._counts) > REMEMBERED_LEXEMES:
            self._counts.clear()
        until = time.monotonic() + REMEMBERED_SECONDS
        self._counts.update({(tenant, q): (n, until) for q, n in counts.items() if n >= REMEMBERED_FROM})


def _quoted(lexeme: str) -> str:
    """A tsquery literal that matches exactly this lexeme."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def _rarity(chunks: int, total: int) -> float:
    """Inverse document frequency, never negative (the form Lucene uses for BM25)."""
    return log(1 + (max(total, chunks) - chunks + 0.5) / (chunks + 0.5))


def _split(terms: Sequence[_Term], budget: int) -> tuple[Sequence[_Term], Sequence[_Term]]:
    """Terms that look for chunks, and frequent ones that only re-rank what those found."""
    scanned = 0
    for place, term in enumerate(terms):
        scanned += term.chunks
        if place and scanned > budget:
            return terms[:place], terms[place:]
    return terms, []


def _rank(
    connection: Connection, terms: Sequence[_Term], more: Sequence[_Term], where: Filter, limit: int
) -> list[Scored]:
    if not terms:
        return []
    values = {
        **where.values(),
        "queries": [term.query for term in terms],
        "weights": [term.weight for term in terms],
        "more_queries": [term.query for term in more],
        "more_weights": [term.weight for term in more],
        "shortlist": max(SHORTLIST, limit) if more else limit,
        "limit": limit,
    }
    return [Scored(chunk, score) for chunk, score in connection.execute(_RANK, values)]
