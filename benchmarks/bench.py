"""Measures speed, memory and the cost of carrying, each figure beside its peer in the same run.

    python -m benchmarks.bench [--only NAME …] [--repeat 5] [--quick]

Prints a table and writes benchmarks/out/bench.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import (
    backlog,
    eta,
    events,
    latency,
    memory,
    orchestration,
    peer_pipelines,
    reading,
    recovery,
    search_speed,
    starting,
    steering,
    throughput,
)
from benchmarks.figures import Figure, show, write
from benchmarks.scale import QUICK, Scale
from rich.console import Console

from docmill.logs import configure_logs

OUT = Path(__file__).parent / "out"

FAMILIES: dict[str, Callable[[Scale], list[Figure]]] = {
    "orchestration": orchestration.measure,
    "latency": latency.measure,
    "reading": reading.measure,
    "throughput": throughput.measure,
    "steering": steering.measure,
    "eta": eta.measure,
    "peers": peer_pipelines.measure,
    "memory": memory.measure,
    "search": search_speed.measure,
    "recovery": recovery.measure,
    "backlog": backlog.measure,
    "events": events.measure,
    "starting": starting.measure,
}


def run(names: Sequence[str], scale: Scale, console: Console, path: Path) -> None:
    """Measure these families; each is shown and written as soon as it is there."""
    figures: list[Figure] = []
    for name in names:
        console.print(f"measuring {name} …")  # once: what turns meanwhile takes time of the cores measured
        measured = FAMILIES[name](scale)
        show(measured, console)
        figures += measured
        write(figures, path)
    console.print(f"{len(figures)} figures are in {path.relative_to(Path.cwd())}.")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=sorted(FAMILIES), help="families of figures; else all")
    parser.add_argument("--repeat", type=int, help="runs of each measurement; figures are their medians")
    parser.add_argument("--quick", action="store_true", help="few files, one run: does it work at all")
    wanted = parser.parse_args()
    scale = QUICK if wanted.quick else Scale()
    console = Console()
    configure_logs("WARNING", "text")
    scale = replace(scale, repeat=wanted.repeat or scale.repeat)
    run(wanted.only or list(FAMILIES), scale, console, OUT / "bench.json")


if __name__ == "__main__":
    main()
