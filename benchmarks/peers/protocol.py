"""What a peer's program says: a line when it is ready, then a line of JSON for each line it is sent."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def arguments() -> argparse.Namespace:
    """The folder of files, which share of them, the database, and whose reader and model to use."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=Path, required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--engines", choices=("own", "docmill"), required=True)
    parser.add_argument("--share", type=int, default=0, help="which share of the files, from 0")
    parser.add_argument("--shares", type=int, default=1, help="of how many")
    parser.add_argument("--cores", type=int, default=1, help="how many docmill's model may compute on")
    return parser.parse_args()


def files(wanted: argparse.Namespace) -> list[Path]:
    """The files of this share."""
    every = sorted(path for path in wanted.files.rglob("*") if path.is_file())
    return every[wanted.share :: wanted.shares]


def serve(version: str, prepare: Callable[[int], None], run: Callable[[], int]) -> None:
    """Run once for each line on stdin; say the seconds and how many chunks were stored.

    `prepare` takes the number of the run, before the clock starts.
    """
    _say({"ready": version})
    for number, _line in enumerate(sys.stdin):
        prepare(number)
        started = time.perf_counter()
        chunks = run()
        _say({"seconds": time.perf_counter() - started, "chunks": chunks})


def _say(words: dict[str, object]) -> None:
    print(json.dumps(words), flush=True)
