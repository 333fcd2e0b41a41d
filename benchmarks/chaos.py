"""Strikes the whole product with faults while documents go through it, and counts what was lost.

    python -m benchmarks.chaos [--faults 300] [--documents 300] [--seed N] [--embedder openai]

Prints a table and writes benchmarks/out/chaos.json. The seed decides which fault strikes when and on what,
and which files are sent. Ends with 1 when a promise was not kept.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

from benchmarks.figures import Figure, at_least, at_most, info, percentile, show
from rich.console import Console
from rich.table import Table
from tests.chaos import documents, schedule
from tests.chaos.faults import FAULTS
from tests.chaos.recoveries import seconds_to_claim
from tests.chaos.rounds import SECONDS_TO_END, Run, run
from tests.chaos.site import LEASE_SECONDS, SWEEP_SECONDS, running_site
from tests.chaos.truth import End, undisturbed
from tests.chaos.verdict import Verdict, verdict
from tests.servers import running_databases, temporary_home

from docmill.local.servers import start_redis
from docmill.logs import configure_logs

OUT = Path(__file__).parent / "out"
LOGS = OUT / "chaos-logs"


def measure(wanted: argparse.Namespace, console: Console) -> tuple[Run, Verdict, list[float]]:
    """Send and strike, then do the same files again without faults, and compare."""
    with temporary_home() as home:
        try:
            with running_site(home, embedder=wanted.embedder) as site:
                struck = run(
                    site,
                    schedule.rounds(wanted.seed, FAULTS),
                    documents.files(wanted.seed),
                    faults=wanted.faults,
                    documents=wanted.documents,
                    say=lambda line: console.print(line, highlight=False, soft_wrap=True),
                )
                waits = seconds_to_claim(site)
        finally:
            _keep_logs(home)
    console.print(f"the same {len(struck.files)} documents without faults …")
    return struck, verdict(struck, _without_faults(struck, wanted.embedder)), waits


def _without_faults(struck: Run, embedder: str) -> Mapping[UUID, End]:
    with (
        running_databases() as databases,
        databases.fresh() as url,
        temporary_home() as servers,
        start_redis(servers) as broker_url,
        tempfile.TemporaryDirectory() as home,
    ):
        return undisturbed(url, broker_url, Path(home), struck.files, embedder=embedder)


def _keep_logs(home: Path) -> None:
    """What the parts said, for whoever looks into a fault."""
    shutil.rmtree(LOGS, ignore_errors=True)
    shutil.copytree(home / "logs", LOGS)
    shutil.copytree(home / "up" / "logs", LOGS / "up")


def _refused_writes() -> int:
    """How often a worker that had lost its lease came back and could write nothing, by the logs."""
    return sum(log.read_text(errors="replace").count('"lease_lost"') for log in LOGS.rglob("*.log*"))


def figures(wanted: argparse.Namespace, struck: Run, result: Verdict, waits: list[float]) -> list[Figure]:
    """One row for each promise."""
    times = f"lease {LEASE_SECONDS:g} s, sweep {SWEEP_SECONDS:g} s"
    seconds = struck.seconds_to_end
    return [
        at_least("chaos_faults", struck.faults, wanted.faults, f"seed {wanted.seed}"),
        at_least("chaos_documents", len(struck.files), wanted.documents, f"embedder {wanted.embedder}"),
        *(at_most(f"chaos_{promise}", len(what), 0) for promise, what in asdict(result).items()),
        at_most("chaos_slowest_end_s", max(seconds), SECONDS_TO_END, times),
        info("chaos_end_p50_s", percentile(seconds, 0.5), f"{len(seconds)} rounds"),
        info("chaos_looks_of_readers", struck.looks),
        info("chaos_writes_refused_by_the_fence", _refused_writes()),
        *_waits(waits),
    ]


def _waits(waits: list[float]) -> list[Figure]:
    """From a kill to the next claim, other faults at the same time or not."""
    shares = {"p50": 0.5, "p95": 0.95, "max": 1.0} if waits else {}
    return [
        info(f"chaos_killed_to_claimed_{name}_s", percentile(waits, share), f"{len(waits)} claims")
        for name, share in shares.items()
    ]


def write(wanted: argparse.Namespace, struck: Run, result: Verdict, rows: list[Figure], path: Path) -> None:
    """{"seed", "faults": {kind: count}, "met_nothing": {…}, "broken": {promise: [what]}, "rows": […]}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "seed": wanted.seed,
        "faults": dict(sorted(struck.struck.items())),
        "met_nothing": dict(sorted(struck.met_nothing.items())),
        "broken": asdict(result),
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def show_faults(struck: Run, console: Console) -> None:
    """Print how often each kind of fault struck."""
    table = Table("fault", "struck", "met nothing")
    for fault in FAULTS:
        table.add_row(fault.kind, str(struck.struck[fault.kind]), str(struck.met_nothing[fault.kind] or ""))
    console.print(table)


def main() -> int:
    """Run, show, write; 1 when a promise was not kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", type=int, default=300)
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--embedder", choices=("openai", "hashing", "minilm"), default="openai")
    wanted = parser.parse_args()
    console = Console()
    configure_logs("WARNING", "text")
    console.print(f"seed {wanted.seed}")
    struck, result, waits = measure(wanted, console)
    rows = figures(wanted, struck, result, waits)
    show_faults(struck, console)
    show(rows, console)
    write(wanted, struck, result, rows, OUT / "chaos.json")
    for promise, what in asdict(result).items():
        for line in what:
            console.print(f"{promise}: {line}", highlight=False)
    return 0 if result.kept else 1


if __name__ == "__main__":
    sys.exit(main())
