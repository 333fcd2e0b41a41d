"""What a benchmark says: rows of a name, a value, a goal and a peer, as a table and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. `goal` and `met` are None for a figure that only informs; `peer` is what it stands beside.

    `value` is None for what could not be measured; `peer` says why.
    """

    name: str
    value: float | None
    goal: float | None = None
    met: bool | None = None
    peer: float | str | None = None


def at_least(name: str, value: float, goal: float, peer: float | str | None = None) -> Figure:
    """A figure that should reach its goal."""
    return Figure(name, rounded(value), goal, value >= goal, _peer(peer))


def at_most(name: str, value: float, goal: float, peer: float | str | None = None) -> Figure:
    """A figure that should stay within its goal."""
    return Figure(name, rounded(value), goal, value <= goal, _peer(peer))


def info(name: str, value: float, peer: float | str | None = None) -> Figure:
    """A figure without a goal."""
    return Figure(name, rounded(value), peer=_peer(peer))


def not_measured(name: str, why: str, published: float | None = None) -> Figure:
    """What cannot run here, with the figure that its makers publish, if they do."""
    return Figure(name, published, peer=why)


def _peer(peer: float | str | None) -> float | str | None:
    return peer if isinstance(peer, str | None) else rounded(peer)


def rounded(value: float) -> float:
    """Four significant digits: no run of these benchmarks tells more."""
    return float(f"{value:.4g}")


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over runs of ours ÷ theirs, each pair measured one right after the other."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the figures as a table."""
    table = Table("figure", "value", "goal", "", "beside it")
    for figure in figures:
        mark = {None: "", True: "met", False: "[bold]missed[/]"}[figure.met]
        goal = "" if figure.goal is None else f"{figure.goal:g}"
        peer = "" if figure.peer is None else str(figure.peer)
        value = "" if figure.value is None else f"{figure.value:,.6g}"
        table.add_row(figure.name, value, goal, mark, peer)
    console.print(table)


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write them as JSON: {"rows": [{"name", "value", "goal", "met", "peer"}, …]}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"rows": [asdict(figure) for figure in figures]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
