"""Processes of a benchmark: start, stop, and what they use."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil


@contextlib.contextmanager
def running(
    words: Sequence[str], settings: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m …` with these variables, its output in `log`; terminated at the end of the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], env={**os.environ, **settings}, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[Any], patience: float = 20.0) -> None:
    """Terminate, and kill what does not end in time."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system seconds that these processes and all their descendants, dead or alive, have used."""
    return sum(_tree(psutil.Process(pid)) for pid in pids)


def _tree(root: psutil.Process) -> float:
    """Living processes count for themselves, and each for the children it has waited for."""
    return sum(_one(process) for process in (root, *root.children(recursive=True)))


def _one(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
