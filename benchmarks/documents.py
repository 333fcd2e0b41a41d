"""Writes the files that are measured: PDFs of ten pages and more, and one-page PDF, DOCX and TXT files.

    .venv-bench/bin/python -m benchmarks.documents FOLDER --long 40 --short 240

The same numbers give the same content. Runs in the benchmarks' environment, which has the writers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import docx
from benchmarks.words import Writer
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

_LONG, _SHORT = "long", "short"
_PAGE_WORDS = 380


def write_all(folder: Path, long: int, short: int) -> None:
    """Fill FOLDER/long and FOLDER/short with so many files; files that are there already stay."""
    for name in (_LONG, _SHORT):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(long):
        _once(folder / _LONG / f"report-{number:04}.pdf", number, 10 + number % 5)
    for number in range(short):
        ending = ("pdf", "docx", "txt")[number % 3]
        _once(folder / _SHORT / f"note-{number:04}.{ending}", 100_000 + number, 1)


def _once(path: Path, seed: int, pages: int) -> None:
    if not path.exists():
        {".pdf": _pdf, ".docx": _docx, ".txt": _txt}[path.suffix](path, Writer(seed), pages)


def _pdf(path: Path, writer: Writer, pages: int) -> None:
    story: list[Flowable] = []
    for page in range(pages):
        story += _page(writer, with_table=page % 4 == 1)
    SimpleDocTemplate(str(path), pagesize=A4, title=writer.heading(), invariant=1).build(story)


def _page(writer: Writer, *, with_table: bool) -> list[Flowable]:
    """One page: a heading, text, sometimes a small table."""
    styles = getSampleStyleSheet()
    flow: list[Flowable] = [Paragraph(writer.heading(), styles["Heading1"])]
    words = _PAGE_WORDS - 80 if with_table else _PAGE_WORDS
    for paragraph in writer.text(words).split("\n\n"):
        flow += [Paragraph(paragraph, styles["BodyText"]), Spacer(1, 4)]
    if with_table:
        rows = [writer.sentence().split()[:4] for _ in range(6)]
        flow.append(Table(rows, style=[("GRID", (0, 0), (-1, -1), 0.5, "black")]))
    return [*flow, PageBreak()]


def _docx(path: Path, writer: Writer, _pages: int) -> None:
    document = docx.Document()
    document.add_heading(writer.heading(), 1)
    for paragraph in writer.text(_PAGE_WORDS).split("\n\n"):
        document.add_paragraph(paragraph)
    document.save(str(path))


def _txt(path: Path, writer: Writer, _pages: int) -> None:
    path.write_text(f"{writer.heading()}\n\n{writer.text(_PAGE_WORDS)}\n", encoding="utf-8")


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--long", type=int, default=40)
    parser.add_argument("--short", type=int, default=240)
    wanted = parser.parse_args()
    write_all(wanted.folder, wanted.long, wanted.short)


if __name__ == "__main__":
    main()
