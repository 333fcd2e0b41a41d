"""How fast files are read, alone beside other readers, and through the whole product without a model."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import psutil
from benchmarks.books import bind, scan
from benchmarks.figures import Figure, at_least, at_most, info, median_ratio, not_measured
from benchmarks.files import CHECKOUT, PEERS_PYTHON, sample_files
from benchmarks.installation import Installation, product
from benchmarks.processes import cpu_seconds
from benchmarks.scale import Scale

from docmill.bootstrap import make_reading
from docmill.domain.documents import Part, ReadInfo
from docmill.domain.media_types import PDF
from docmill.ports import ReadRequest
from docmill.settings import load_settings

_ENGINES = ("pypdfium2", "pdftotext", "pypdf", "pdfplumber", "markitdown")
_WITHOUT_MODEL = {"embedder": "hashing"}
_BOOK_PAGES = 50
_MB = 1e6

# What needs models that a hub keeps does not run where there is none.
_NOT_RUN = (
    not_measured(
        "published_docling_pages_per_second",
        "NOT measured: its own figure, Xeon E5-2690, 4 threads (arXiv:2408.09869)",
        0.60,
    ),
    not_measured(
        "published_unstructured_pages_per_second", "NOT measured: needs a model hub; publishes none"
    ),
)


def measure(scale: Scale) -> list[Figure]:
    """Reading alone, then end to end: pages a second, the cost of a page in a long book, memory, scans."""
    with sample_files(scale.peer_long_files, 0) as (files, _):
        folder = files[0].parent
        large = bind(files, scale.book_pages, folder / "book.pdf")
        small = [bind(files[at:], _BOOK_PAGES, folder / f"book-{at}.pdf") for at in range(len(files))]
        scanned = scan(files, scale.scanned_pages, folder / "scan.pdf")
        return [
            *_alone(files, scale.repeat),
            *_NOT_RUN,
            *_on_cores(files),
            *_end_to_end(files, small, large, scanned, scale),
        ]


def _alone(files: Sequence[Path], repeat: int) -> list[Figure]:
    """Pages a CPU-second of each reader, in turns."""
    engines = [name for name in _ENGINES if name != "pdftotext" or shutil.which(name)]
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(repeat):
        ours.append(_our_rate(files))
        for name in engines:
            theirs[name].append(_peer_rate(name, files))
    rows = [info("reading_pages_per_cpu_second", statistics.median(ours))]
    for name in engines:
        ratio, rate = median_ratio(ours, theirs[name]), f"{statistics.median(theirs[name]):.3g} pages/CPU-s"
        row = f"reading_over_{name}"
        rows.append(at_least(row, ratio, 10, rate) if name == "markitdown" else info(row, ratio, rate))
    return rows


def _our_rate(files: Sequence[Path]) -> float:
    """Through the reading child, whose time counts as that of the one who asks."""
    with closing(make_reading(load_settings())) as reading:
        list(reading.read(ReadRequest(files[0], PDF)))
        before = cpu_seconds([os.getpid()])
        pages = sum(_pages(reading.read(ReadRequest(path, PDF))) for path in files)
        return pages / (cpu_seconds([os.getpid()]) - before)


def _pages(items: Iterable[ReadInfo | Part]) -> int:
    return sum(len(item.pages) for item in items if isinstance(item, Part))


def _peer_rate(name: str, files: Sequence[Path]) -> float:
    words = [str(PEERS_PYTHON), "-W", "ignore", "-m", "benchmarks.peers.reading", name]
    given = json.dumps([str(path) for path in files])
    told = subprocess.run(words, cwd=CHECKOUT, input=given, capture_output=True, text=True, check=True)
    answer = json.loads(told.stdout)
    return float(answer["pages"] / answer["seconds"])


def _on_cores(files: Sequence[Path]) -> list[Figure]:
    """Pages a second by the clock, with one reading child and with two."""
    return [info(f"reading_pages_per_second_{cores}", _wall_rate(files, cores)) for cores in (1, 2)]


def _wall_rate(files: Sequence[Path], cores: int) -> float:
    readings = [make_reading(load_settings()) for _ in range(cores)]
    for reading in readings:
        list(reading.read(ReadRequest(files[0], PDF)))
    counts: list[int] = []

    def read(number: int) -> None:
        counts.append(
            sum(_pages(readings[number].read(ReadRequest(path, PDF))) for path in files[number::cores])
        )

    threads = [threading.Thread(target=read, args=(number,)) for number in range(cores)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    for reading in readings:
        reading.close()
    return sum(counts) / seconds


def _end_to_end(
    files: Sequence[Path], small: Sequence[Path], large: Path, scanned: Path, scale: Scale
) -> list[Figure]:
    """Through `docmill up` with one worker process and vectors that cost nothing."""
    with product(worker_processes=1, **_WITHOUT_MODEL) as installation:
        installation.ingest(files[:2], "warm-up")
        born_digital = [installation.ingest(files, f"files-{number}") for number in range(scale.repeat)]
        with _Peak(installation) as peak:  # looking costs something, so on both sides
            before = installation.ingest(small, "before")
            book = installation.ingest([large], "book")
            after = installation.ingest(small, "after")
        pictures = installation.ingest([scanned], "scanned")
    rate = statistics.median(batch.pages / batch.seconds for batch in born_digital)
    each = (before.seconds + after.seconds) / (before.pages + after.pages)
    growth = book.seconds / book.pages / each
    return [
        at_least("end_to_end_pages_per_second", rate, 20, "one worker process, no model"),
        at_most("book_page_cost_ratio", growth, 1.10, f"{scale.book_pages} ÷ {_BOOK_PAGES} pages"),
        at_most("book_worker_memory_mb", peak.megabytes, 600, f"{scale.book_pages} pages, no model"),
        info("scanned_pages_per_second", pictures.pages / pictures.seconds, "one worker process"),
    ]


class _Peak:
    """The most memory (PSS, MB) that the worker's processes had together while the block ran."""

    def __init__(self, installation: Installation) -> None:
        self._worker = next(part.pid for part in installation.state.parts if part.name == "worker")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.megabytes = 0.0

    def __enter__(self) -> _Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.2):
            used = sum(_pss(process) for process in psutil.Process(self._worker).children(recursive=True))
            self.megabytes = max(self.megabytes, used / _MB)


def _pss(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0.0
