"""Documents a second through the running product, beside a bare loop over the same engines."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks import bare_loop
from benchmarks.figures import Figure, at_least, info, median_ratio
from benchmarks.files import sample_files
from benchmarks.installation import Batch, Installation, product
from benchmarks.scale import Scale

PROCESSES = 2


def measure(scale: Scale) -> list[Figure]:
    """Product ÷ bare loop, for files of ten pages and more and for one-page files; two processes each."""
    with (
        sample_files(scale.long_files, scale.short_files) as (long, short),
        product(worker_processes=PROCESSES) as installation,
    ):
        return [
            *_compare(installation, "10pages", long, 0.90, scale.repeat),
            *_compare(installation, "1page", short, 0.80, scale.repeat),
        ]


def _compare(
    installation: Installation, name: str, files: Sequence[Path], goal: float, repeat: int
) -> list[Figure]:
    installation.ingest(files[-4:], f"{name}-warm-up")
    bare_loop.prepare(installation.settings.database)
    batches, bare = [], []
    for number in range(repeat):
        batches.append(installation.ingest(files, f"{name}-{number}"))
        bare.append(bare_loop.run(files, installation.settings.database, PROCESSES))
    seconds = [batch.seconds for batch in batches]
    return [
        at_least(f"throughput_{name}", median_ratio(bare, seconds), goal, "bare loop = 1"),
        *_rates(name, batches, statistics.median(seconds), statistics.median(bare)),
    ]


def _rates(name: str, batches: Sequence[Batch], ours: float, bare: float) -> list[Figure]:
    size = batches[0]
    return [
        info(f"throughput_{name}_{unit}_per_second", count / ours, count / bare)
        for unit, count in (("documents", size.documents), ("pages", size.pages), ("chunks", size.chunks))
        if unit != "pages" or size.pages > size.documents
    ]
