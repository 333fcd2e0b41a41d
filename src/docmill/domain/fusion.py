"""Reciprocal rank fusion: several rankings of the same things become one, by places alone.

Places can be added where scores cannot: a cosine and a sum of word weights share no scale.
Method: Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and
individual Rank Learning Methods".
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

K = 5  # with the authors' 60, two lukewarm votes outweigh a first place: docs/explanation/search.md


def fuse(rankings: Iterable[tuple[Sequence[T], float]], k: int = K) -> list[tuple[T, float]]:
    """Each item with the sum of weight / (k + place) over the rankings it is in, best first.

    A ranking is (items, best first and without repeats; its weight); places count from 1. Equal sums keep
    the order in which the items were first seen, so the same rankings always give the same result.
    """
    scores: dict[T, float] = {}
    for items, weight in rankings:
        for place, item in enumerate(items, start=1):
            scores[item] = scores.get(item, 0.0) + weight / (k + place)
    return sorted(scores.items(), key=lambda scored: -scored[1])
