"""Run in .venv-bench: the processor time that other readers take for the text of PDF files.

`python -m benchmarks.peers.reading ENGINE` reads a JSON list of paths from standard input and writes
`{"seconds": …, "pages": …}`: user and system seconds after one file was read beforehand, so that imports are
not counted. An engine that fails on a file has read none of its pages.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence

import pdfplumber
import pypdfium2
from markitdown import MarkItDown
from pypdf import PdfReader


def by_pypdfium2(path: str) -> None:
    """The text of every page by PDFium alone."""
    for page in pypdfium2.PdfDocument(path):
        page.get_textpage().get_text_range()


def by_pdftotext(path: str) -> None:
    """Poppler's program, as Debian has it; counted with its start."""
    subprocess.run(["pdftotext", path, "-"], check=True, capture_output=True)


def by_pypdf(path: str) -> None:
    """The text of every page by pypdf."""
    for page in PdfReader(path).pages:
        page.extract_text()


def by_pdfplumber(path: str) -> None:
    """Text and tables of every page, as its README shows."""
    with pdfplumber.open(path) as document:
        for page in document.pages:
            page.extract_text()
            page.extract_tables()


def by_markitdown(path: str) -> None:
    """What `markitdown FILE` prints."""
    MarkItDown(enable_plugins=False).convert(path)


ENGINES: dict[str, Callable[[str], None]] = {
    "pypdfium2": by_pypdfium2,
    "pdftotext": by_pdftotext,
    "pypdf": by_pypdf,
    "pdfplumber": by_pdfplumber,
    "markitdown": by_markitdown,
}


def measured(read: Callable[[str], None], paths: Sequence[str]) -> dict[str, float]:
    """Seconds and pages of all files; the first one is read once beforehand."""
    read_paths = []
    with contextlib.redirect_stdout(sys.stderr):
        read(paths[0])
        before = _seconds()
        for path in paths:
            try:
                read(path)
            except Exception as error:  # noqa: BLE001 - each engine has errors of its own
                print(path, type(error).__name__, file=sys.stderr)
            else:
                read_paths.append(path)
        seconds = _seconds() - before
    return {"seconds": seconds, "pages": sum(len(pypdfium2.PdfDocument(path)) for path in read_paths)}


def _seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    json.dump(measured(ENGINES[sys.argv[1]], json.load(sys.stdin)), sys.stdout)
