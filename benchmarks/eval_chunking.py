"""How well chunk settings serve retrieval: recall, precision and IoU over the characters of the answers.

Each question is asked of its own corpus; the five nearest chunks are compared with the exact spans of the
answer (method: Smith and Troynikov 2024, "Evaluating Chunking Strategies for Retrieval").

    python benchmarks/eval_chunking.py [--embedder hashing] [--corpus FOLDER]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from docmill.adapters.embedders import make_embedder
from docmill.adapters.readers.markdown import MarkdownReader
from docmill.domain.chunking import chunk, sections, top_level
from docmill.domain.documents import Block, Chunk, ChunkSettings, Part
from docmill.domain.text import BlockBuilder
from docmill.ports import Embedder, Vectors
from docmill.settings import load_settings

TOP = 5
TOKEN_GRID = [ChunkSettings(size, overlap) for size in (100, 150, 200, 240, 254) for overlap in (0, 20, 50)]
CHARACTER_GRID = [ChunkSettings(1000, 200, "characters"), ChunkSettings(400, 0, "characters")]

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Question:
    """A question and where its answer stands in its corpus, in characters."""

    text: str
    corpus: str
    answers: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Means over all questions, 0 to 1; `chunks` counts all corpora, `truncated` tokens that were cut off."""

    settings: ChunkSettings
    chunks: int
    truncated: int
    recall: float
    precision: float
    iou: float


def evaluate(embedder: Embedder, grid: Iterable[ChunkSettings], folder: Path | None = None) -> list[Row]:
    """One row for each of the settings, in their order."""
    folder = folder or corpus_folder()
    questions = read_questions(folder / "questions_df.csv")
    corpora = {path.stem: read_blocks(path) for path in sorted((folder / "corpora").glob("*.md"))}
    asked = embedder.embed([question.text for question in questions]).vectors
    return [_row(embedder, settings, questions, asked, corpora) for settings in grid]


def corpus_folder() -> Path:
    """The chunking set of the folder DOCMILL_CORPUS, or of the one beside this repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "corpus"
    return Path(os.environ.get("DOCMILL_CORPUS", beside)) / "chunking"


def read_questions(path: Path) -> list[Question]:
    """The questions of a set, with the spans of their answers."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [_question(line) for line in csv.DictReader(lines)]


def read_blocks(path: Path) -> list[Block]:
    """The blocks of a Markdown file, whose text is the file's, to the character."""
    builder = BlockBuilder()
    parts = [part for part in MarkdownReader().read(path, "text/markdown") if isinstance(part, Part)]
    return [builder.add(raw) for part in parts for raw in part.blocks]


def chunks_of(embedder: Embedder, blocks: Sequence[Block], settings: ChunkSettings) -> list[Chunk]:
    """All chunks of a document."""

    def locate(text: str) -> tuple[list[int], list[int]]:
        return embedder.tokenizer.tokenize(text).columns()

    found: list[Chunk] = []
    for section in sections(blocks, top_level(blocks)):
        found += chunk(section, locate, settings, len(found))
    return found


def _question(line: dict[str, str]) -> Question:
    answers = tuple((answer["start_index"], answer["end_index"]) for answer in json.loads(line["references"]))
    return Question(line["question"], line["corpus_id"], answers)


def _row(
    embedder: Embedder,
    settings: ChunkSettings,
    questions: Sequence[Question],
    asked: Vectors,
    corpora: dict[str, list[Block]],
) -> Row:
    chunks = {name: chunks_of(embedder, blocks, settings) for name, blocks in corpora.items()}
    embedded = {name: embedder.embed([cut.text for cut in cuts]) for name, cuts in chunks.items()}
    scores = []
    for question, vector in zip(questions, asked, strict=True):
        order = np.argsort(-(embedded[question.corpus].vectors @ vector), kind="stable")[:TOP]
        found = [(cut.char_start, cut.char_end) for cut in (chunks[question.corpus][at] for at in order)]
        scores.append(score(question.answers, found))
    recall, precision, iou = np.mean(scores, axis=0).tolist()
    truncated = sum(result.truncated for result in embedded.values())
    return Row(settings, sum(map(len, chunks.values())), truncated, recall, precision, iou)


def score(answers: Sequence[Range], found: Sequence[Range]) -> tuple[float, float, float]:
    """Recall, precision and IoU of found spans; a character found twice costs precision twice."""
    wanted = {at for start, end in answers for at in range(start, end)}
    seen = {at for start, end in found for at in range(start, end)}
    hit = len(wanted & seen)
    returned = sum(end - start for start, end in found)
    return hit / len(wanted), hit / returned, hit / (returned + len(wanted) - hit)


def _print(rows: Sequence[Row], embedder: Embedder) -> None:
    table = Table("size", "overlap", "unit", "chunks", "cut off", "recall", "precision", "IoU")
    table.title = f"Top {TOP}, {embedder.model} {embedder.precision}"
    for row in rows:
        settings = (str(row.settings.size), str(row.settings.overlap), row.settings.unit)
        measures = (f"{value:.3f}" for value in (row.recall, row.precision, row.iou))
        table.add_row(*settings, str(row.chunks), str(row.truncated), *measures)
    Console().print(table)


def main() -> None:
    """Print the table, and which settings are best."""
    parser = argparse.ArgumentParser(description="Evaluate chunk settings.")
    parser.add_argument("--embedder", choices=["minilm", "hashing"], default="minilm")
    parser.add_argument("--corpus", type=Path, help="folder with corpora/ and questions_df.csv")
    options = parser.parse_args()
    embedder = make_embedder(load_settings(embedder=options.embedder))
    rows = evaluate(embedder, [*TOKEN_GRID, *CHARACTER_GRID], options.corpus)
    _print(rows, embedder)
    print(f"Best by recall, then IoU: {best(rows).settings}")


def best(rows: Sequence[Row]) -> Row:
    """The row of the highest recall; of the highest IoU among equals."""
    return max(rows, key=lambda row: (row.recall, row.iou))


if __name__ == "__main__":
    main()
