"""The report of the benchmarks: figures that say whether they reached their goal."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.figures import at_least, at_most, info, median_ratio, percentile, write


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
