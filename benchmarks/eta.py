"""How wrong the time left is, as the status tells it, at a quarter, half and three quarters of each run."""

from __future__ import annotations

import contextlib
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import Figure, at_most, info
from benchmarks.files import sample_files
from benchmarks.installation import TENANT, Installation, product
from benchmarks.latency import Caller
from benchmarks.scale import Scale
from benchmarks.words import Writer
from sqlalchemy import text

from docmill.domain.ids import dataset_id

_SHARES = (0.25, 0.50, 0.75)
_GOAL = 0.30
_WORDS = (20_000, 60_000, 180_000)  # of a book; the last is too large for one worker to run on with it
_LOOK_SECONDS = 1.0
_ENDS = text(
    """SELECT document_id::text AS id, extract(epoch FROM created_at)::float8 AS began,
  extract(epoch FROM finished_at)::float8 AS ended
FROM document_tasks WHERE dataset_id = :dataset AND status = 'succeeded'"""
)


@dataclass
class Looks:
    """What the status said of each document: (when, seconds left or None)."""

    of: dict[str, list[tuple[float, float | None]]] = field(default_factory=lambda: defaultdict(list))


def measure(scale: Scale) -> list[Figure]:
    """The median error over a mixed set, sent all at once after a few others that taught the rates."""
    with (
        sample_files(scale.eta_long_files + 2, scale.eta_short_files + 3) as (long, short),
        _books(scale.eta_books) as books,
        product(worker_processes=2) as installation,
    ):
        files = [*long[2:], *short[3:], *books]
        random.Random(7).shuffle(files)
        installation.ingest([*long[:2], *short[:3]], "eta-first")
        return _figures(_run(installation, files))


@contextlib.contextmanager
def _books(count: int) -> Iterator[list[Path]]:
    """Texts of 50 to 450 pages; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="docmill-bench-books-") as folder:
        paths = [Path(folder) / f"book-{number}.txt" for number in range(count)]
        for number, path in enumerate(paths):
            path.write_text(Writer(5_000_000 + number).text(_WORDS[number % len(_WORDS)]), encoding="utf-8")
        yield paths


def _run(installation: Installation, files: Sequence[Path]) -> dict[float, list[float | None]]:
    """Errors by share of the run: |told − true| ÷ true of each document, None where no time was told."""
    assert installation.settings.api_key is not None
    caller = Caller.of(installation.state.api_url, installation.settings.api_key.get_secret_value())
    unfinished = {_id_in(caller.upload(path.name, path.read_bytes())) for path in files}
    looks = Looks()
    while unfinished:
        started = time.time()
        for document in sorted(unfinished):
            _look(caller, document, looks, unfinished)
        time.sleep(max(0.0, _LOOK_SECONDS - (time.time() - started)))
    with installation.engine.begin() as connection:
        runs = {
            row.id: (row.began, row.ended)
            for row in connection.execute(_ENDS, {"dataset": dataset_id(TENANT, "default")})
        }
    return {share: _errors(looks, runs, share) for share in _SHARES}


def _id_in(status_url: str) -> str:
    return status_url.split("/")[-2]


def _look(caller: Caller, document: str, looks: Looks, unfinished: set[str]) -> None:
    status = caller.shown(f"/api/v1/documents/{document}/status")
    if status["task_status"] in {"SUCCESS", "FAILURE", "CANCELLED"}:
        unfinished.remove(document)
        return
    left = status["eta_seconds"]
    looks.of[document].append((time.time(), None if left is None else float(str(left))))


def _errors(looks: Looks, runs: Mapping[str, tuple[float, float]], share: float) -> list[float | None]:
    errors: list[float | None] = []
    for document, (began, ended) in runs.items():
        at = began + share * (ended - began)
        near = [look for look in looks.of[document] if abs(look[0] - at) < 0.1 * (ended - began)]
        if near:
            when, told = min(near, key=lambda look: abs(look[0] - at))
            errors.append(None if told is None else abs(told - (ended - when)) / (ended - when))
    return errors


def _figures(errors: Mapping[float, Sequence[float | None]]) -> list[Figure]:
    told = {share: [error for error in found if error is not None] for share, found in errors.items()}
    every = [error for found in told.values() for error in found]
    looks = sum(map(len, errors.values()))
    return [
        at_most("eta_median_error", statistics.median(every), _GOAL, f"{looks} looks"),
        *(info(f"eta_error_at_{share:.0%}", statistics.median(found)) for share, found in told.items()),
        info("eta_not_told_share", 1 - len(every) / looks),
    ]
