"""Reciprocal rank fusion, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docmill.domain.fusion import fuse


def test_places_are_added_not_scores() -> None:
    fused = dict(fuse([(["a", "b"], 1.0), (["b", "c"], 1.0)], k=5))

    assert list(fused) == ["b", "a", "c"]
    assert list(fused.values()) == pytest.approx([1 / 7 + 1 / 6, 1 / 6, 1 / 7])


def test_a_heavier_ranking_is_heard_first() -> None:
    assert [item for item, _ in fuse([(["a"], 0.7), (["b"], 1.0)])] == ["b", "a"]


def test_equal_scores_keep_the_order_in_which_they_were_seen() -> None:
    assert [item for item, _ in fuse([(["a", "b"], 1.0), (["b", "a"], 1.0)])] == ["a", "b"]


def test_nothing_fused_is_nothing() -> None:
    assert fuse([]) == fuse([([], 1.0), ([], 1.0)]) == []


rankings = st.lists(st.integers(0, 50), unique=True)


@given(rankings)
def test_one_ranking_alone_stays_as_it_is(items: list[int]) -> None:
    assert [item for item, _ in fuse([(items, 1.0)])] == items


@given(rankings, rankings)
def test_every_item_comes_once_and_best_first(one: list[int], other: list[int]) -> None:
    fused = fuse([(one, 1.0), (other, 0.7)])

    assert sorted(item for item, _ in fused) == sorted({*one, *other})
    assert [score for _, score in fused] == sorted((score for _, score in fused), reverse=True)
