"""What is sent in: real files where there are some, and written ones long enough to be hit in mid-work."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus import corpus_folder
from benchmarks.words import Writer
from tests import made_files

_FOLDERS = ("formats_docling", "tables_icdar2013_us", "pdf_samples", "pdf20examples", "langid")
_ENDINGS = {
    ".pdf",
    ".docx",
    ".pptx",
    ".xlsx",
    ".odt",
    ".epub",
    ".html",
    ".md",
    ".csv",
    ".json",
    ".txt",
    ".eml",
}
_LARGEST = 150_000
_LONG_WORDS = 8_000
_LONG_EVERY = 2


@dataclass(frozen=True, slots=True)
class File:
    """A file to send; `name` is what it is called."""

    name: str
    content: bytes


def files(seed: int) -> Iterator[File]:
    """Files without end, all different, the same ones for the same seed. Every second is a long text."""
    short = _short_ones(seed)
    number = 0
    while True:
        yield _long(number) if number % _LONG_EVERY == 0 else next(short)
        number += 1


def _long(number: int) -> File:
    """A text of many steps in every stage."""
    return File(f"report-{number:04}.txt", Writer(7_000_000 + number).text(_LONG_WORDS).encode())


def _short_ones(seed: int) -> Iterator[File]:
    """The real files in an order of their own, then PDF and DOCX in turns that are written here."""
    real = _real(corpus_folder())
    random.Random(seed).shuffle(real)
    yield from real
    number = 0
    while True:
        writer = Writer(8_000_000 + number)
        yield File(f"note-{number:04}.pdf", made_files.pdf([writer.paragraph(), writer.paragraph()]))
        yield File(f"note-{number:04}.docx", made_files.docx(made_files.paragraph(writer.text(300))))
        number += 1


def _real(folder: Path) -> list[File]:
    """Every file of the real ones that is small enough, each content once."""
    paths = sorted(path for name in _FOLDERS for path in (folder / name).rglob("*") if _fits(path))
    contents = {path.read_bytes(): path.name for path in paths}
    return [File(name, content) for content, name in contents.items()]


def _fits(path: Path) -> bool:
    return path.suffix.lower() in _ENDINGS and path.is_file() and 0 < path.stat().st_size <= _LARGEST
