"""Whether a worker grows: its memory after the first document and after hundreds, with renewal off."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from benchmarks.figures import Figure, at_most, info
from benchmarks.files import sample_files
from benchmarks.installation import Installation, product
from benchmarks.scale import Scale

_NEVER = 1_000_000  # documents after which a process would be renewed
_LOOKS = 5
_LONG_FILES = 5
_MB = 1e6


def measure(scale: Scale) -> list[Figure]:
    """Proportional memory of the one worker process and of its reading child, and how both have grown."""
    renewal = {"worker_recycle_tasks": _NEVER, "read_recycle_documents": _NEVER}
    with (
        sample_files(_LONG_FILES, 3 * scale.memory_documents) as (long, short),
        product(worker_processes=1, **renewal) as installation,
    ):
        pdfs = [path for path in short if path.suffix == ".pdf"]
        installation.ingest(long[:1], "first")
        first = _megabytes(installation)
        installation.ingest(_mixed(pdfs[: scale.memory_documents - len(long)], long[1:]), "rest")
        last = _megabytes(installation)
    return _figures(first, last, scale.memory_documents)


def _mixed(short: Sequence[Path], long: Sequence[Path]) -> list[Path]:
    """One-page files with the long ones spread among them."""
    apart = len(short) // len(long)
    files = list(short)
    for number, path in enumerate(long):
        files.insert(number * (apart + 1), path)
    return files


def _figures(first: Sequence[float], last: Sequence[float], documents: int) -> list[Figure]:
    whole = sum(last) / sum(first)
    named = zip(("worker", "reading_child"), first, last, strict=True)
    return [
        at_most("worker_memory_growth", whole, 1.10, f"{documents} documents ÷ 1"),
        *(info(f"{name}_memory_mb", after, before) for name, before, after in named),
    ]


def _megabytes(installation: Installation) -> tuple[float, float]:
    """PSS of the worker process and of its reading child; medians of a few looks."""
    worker = next(part.pid for part in installation.state.parts if part.name == "worker")
    looks = []
    for _ in range(_LOOKS):
        looks.append([process.memory_full_info().pss / _MB for process in _processes(worker)])
        time.sleep(0.2)
    mine, child = (statistics.median(values) for values in zip(*looks, strict=True))
    return mine, child


def _processes(worker: int | None) -> tuple[psutil.Process, psutil.Process]:
    [process] = [child for child in psutil.Process(worker).children() if child.children()]
    [reading] = process.children()
    return process, reading
