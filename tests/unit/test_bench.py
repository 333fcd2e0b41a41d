"""The report of the benchmarks: figures that say whether they reached their goal."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.eval_tables import relations
from benchmarks.eval_texts import blocks_of, f1, words
from benchmarks.figures import at_least, at_most, info, median_ratio, percentile, write

from docmill.domain.documents import Span, Table


def test_a_figure_reaches_its_goal_from_the_right_side() -> None:
    assert at_least("throughput", 0.91, 0.90).met
    assert not at_least("throughput", 0.89, 0.90).met
    assert at_most("latency_ms", 99, 100).met
    assert not at_most("latency_ms", 101, 100).met
    assert info("memory_mb", 300).met is None


def test_rounding_never_turns_a_missed_goal_into_a_met_one() -> None:
    assert not at_most("latency_ms", 100.00001, 100).met


def test_the_report_has_the_five_fields_in_every_row(tmp_path: Path) -> None:
    rows = [at_least("ratio", 1.23456, 1.0, peer=0.98765), info("pages_per_second", 40, peer="bare loop")]

    write(rows, tmp_path / "out" / "bench.json")

    assert json.loads((tmp_path / "out" / "bench.json").read_text()) == {
        "rows": [
            {"name": "ratio", "value": 1.235, "goal": 1.0, "met": True, "peer": 0.9877},
            {"name": "pages_per_second", "value": 40, "goal": None, "met": None, "peer": "bare loop"},
        ]
    }


def test_ratios_compare_neighbouring_runs_so_that_a_slow_minute_slows_both() -> None:
    assert median_ratio([10, 20, 31], [5, 10, 15]) == 2


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([7.0], 0.99) == 7.0


def test_neighbours_in_a_table_pass_over_blank_places_and_count_a_pair_once() -> None:
    told = relations(Table((("Fares", "", ""), ("adult", "", "4.50")), spans=(Span(0, 0, 1, 3),)))
    assert dict(told) == {
        ("across", "adult", "450"): 1,
        ("down", "fares", "adult"): 1,
        ("down", "fares", "450"): 1,
    }


def test_texts_are_compared_by_their_words_and_by_their_blocks() -> None:
    left = "# Fares\n\n- adult\n- child\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    assert dict(blocks_of(left)) == {"fares": 1, "adult": 1, "child": 1, "a b": 1, "1 2": 1}
    assert f1(words(left), words("Fares: adult, child. a b 1 2")) == 1
    assert f1(blocks_of(left), blocks_of("Fares")) == 2 / 6
