"""How good reading and search are, on files and questions with known answers.

Search goes through the real tables and the search service, reading through the real child process.

python -m benchmarks.eval [--only tables texts languages ocr scifact chunking xquad] [--database-url URL]
"""

from __future__ import annotations

import argparse
import contextlib
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from uuid import UUID

import numpy as np
from benchmarks.corpus import Document, Question, Set, corpus_folder, scifact, xquad
from benchmarks.eval_chunking import read_blocks, read_questions, score
from benchmarks.eval_languages import evaluate_languages
from benchmarks.eval_ocr import evaluate_ocr
from benchmarks.eval_tables import evaluate_tables
from benchmarks.eval_texts import evaluate_texts
from benchmarks.figures import Figure, at_least, info, show, write
from benchmarks.loading import load, settle
from benchmarks.vectors import Remembering
from rich.console import Console
from sqlalchemy import Engine

from docmill.adapters.embedders import make_embedder
from docmill.adapters.vectors.pgvector import PgVectorStore
from docmill.db.engine import connect
from docmill.db.migrate import upgrade
from docmill.local.servers import start_postgres
from docmill.ports import Filter
from docmill.services.search import Mode, Search
from docmill.settings import load_settings

OUT = Path(__file__).parent / "out"
MODES: tuple[Mode, ...] = get_args(Mode)
LANGUAGES = ("en", "de", "es", "zh")
CHUNKS_ASKED = 50  # enough to hold ten documents when a document has several chunks among them

IN_A_HURRY = {"fsync": "off", "synchronous_commit": "off"}  # nothing here must survive

PUBLISHED = {
    "lexical": "BM25 0.679 on the test claims (BEIR)",
    "dense": "all-MiniLM-L6-v2 0.645 on the test claims (MTEB)",
}


@dataclass(frozen=True, slots=True)
class Stack:
    """What the product searches with."""

    engine: Engine
    embedder: Remembering
    vectors: PgVectorStore
    search: Search

    def put(self, of: Set) -> dict[UUID, str]:
        """Make the documents of a set searchable and its questions known; names by document id."""
        names = load(self.engine, self.embedder, self.vectors, of)
        self.embedder.learn([question.text for question in of.questions])
        settle(self.engine)
        return names


def ndcg(found: Sequence[str], relevant: dict[str, int], top: int = 10) -> float:
    """Normalised discounted cumulative gain of a ranking of documents."""
    ideal = sorted(relevant.values(), reverse=True)[:top]
    return _gain([relevant.get(name, 0) for name in found[:top]]) / _gain(ideal)


def recall(found: Sequence[str], relevant: dict[str, int], top: int) -> float:
    """Which part of the relevant documents is among the first."""
    return len(set(found[:top]) & relevant.keys()) / len(relevant)


def _gain(grades: Sequence[int]) -> float:
    return sum(grade / math.log2(place + 2) for place, grade in enumerate(grades))


def rank_documents(stack: Stack, of: Set, names: dict[UUID, str], mode: Mode) -> Iterator[list[str]]:
    """For each question the documents in the order of their best chunks."""
    for question in of.questions:
        result = stack.search.search(question.text, where=Filter(of.name), mode=mode, limit=CHUNKS_ASKED)
        yield list(dict.fromkeys(names[hit.document_id] for hit in result.hits))


def evaluate_scifact(stack: Stack, folder: Path) -> list[Figure]:
    """Claims against abstracts: is the abstract found, and how far up."""
    of = scifact(folder / "ir_scifact")
    names = stack.put(of)
    values = {}
    for mode in MODES:
        found = list(rank_documents(stack, of, names, mode))
        pairs = [(ranking, question.relevant) for ranking, question in zip(found, of.questions, strict=True)]
        values[mode] = (
            float(np.mean([ndcg(*pair) for pair in pairs])),
            float(np.mean([recall(*pair, 10) for pair in pairs])),
        )
    return [*_scifact_rows(values)]


def _scifact_rows(values: dict[Mode, tuple[float, float]]) -> Iterator[Figure]:
    goals = {**SCIFACT_GOALS, "hybrid": max(values["lexical"][0], values["dense"][0])}
    for mode, (gain, found) in values.items():
        yield at_least(f"scifact_{mode}_ndcg_at_10", gain, goals[mode], PUBLISHED.get(mode))
        yield info(f"scifact_{mode}_recall_at_10", found)


SCIFACT_GOALS = {"lexical": 0.66, "dense": 0.62}


def evaluate_chunking(stack: Stack, folder: Path) -> list[Figure]:
    """Questions against the exact characters of their answers, in the five best chunks of their document."""
    files = sorted((folder / "chunking" / "corpora").glob("*.md"))
    documents = tuple(Document(path.stem, tuple(read_blocks(path))) for path in files)
    asked = read_questions(folder / "chunking" / "questions_df.csv")
    questions = tuple(Question(question.text, {question.corpus: 1}) for question in asked)
    names = stack.put(Set("chunking", "en", documents, questions))
    place = {name: document for document, name in names.items()}
    values = {}
    for mode in MODES:
        scores = []
        for question in asked:
            where = Filter("chunking", document_ids=(place[question.corpus],))
            hits = stack.search.search(question.text, where=where, mode=mode, limit=5).hits
            scores.append(score(question.answers, [(hit.char_start, hit.char_end) for hit in hits]))
        values[mode] = np.mean(scores, axis=0).tolist()
    return [*_chunking_rows(values)]


def _chunking_rows(values: dict[Mode, list[float]]) -> Iterator[Figure]:
    better = max(values["lexical"][0], values["dense"][0])
    for mode, (found, precision, iou) in values.items():
        name = f"chunking_{mode}_recall_at_5"
        yield at_least(name, found, better) if mode == "hybrid" else info(name, found)
        yield info(f"chunking_{mode}_precision_at_5", precision)
        yield info(f"chunking_{mode}_iou_at_5", iou)


def evaluate_xquad(stack: Stack, folder: Path) -> list[Figure]:
    """Questions against paragraphs, question and paragraph in the same language."""
    rows = []
    for language in LANGUAGES:
        of = xquad(folder / "xquad", language)
        names = stack.put(of)
        for mode in MODES:
            found = rank_documents(stack, of, names, mode)
            values = [
                recall(ranking, question.relevant, 5)
                for ranking, question in zip(found, of.questions, strict=True)
            ]
            rows.append(info(f"xquad_{language}_{mode}_recall_at_5", float(np.mean(values))))
    return rows


READING: dict[str, Callable[[Path], list[Figure]]] = {
    "tables": evaluate_tables,
    "texts": evaluate_texts,
    "languages": evaluate_languages,
    "ocr": evaluate_ocr,
}
SEARCHING: dict[str, Callable[[Stack, Path], list[Figure]]] = {
    "scifact": evaluate_scifact,
    "chunking": evaluate_chunking,
    "xquad": evaluate_xquad,
}


@contextlib.contextmanager
def database(url: str | None) -> Iterator[str]:
    """The given database, or a PostgreSQL that runs as long as the block."""
    if url:
        yield url
        return
    home = Path(tempfile.mkdtemp(prefix="docmill-eval-"))
    try:
        with start_postgres(home, settings=IN_A_HURRY) as cluster:
            yield cluster.url
    finally:
        shutil.rmtree((home / "postgres").resolve(), ignore_errors=True)
        shutil.rmtree(home)


def main() -> None:
    """Run the chosen parts, print their rows, and write them to benchmarks/out/eval.json."""
    parser = argparse.ArgumentParser(description="Measure the quality of reading and of search.")
    parts = [*READING, *SEARCHING]
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, help="these parts only")
    parser.add_argument("--database-url", help="an empty PostgreSQL database; unset: one is started")
    options = parser.parse_args()
    rows = [row for part in options.only if part in READING for row in READING[part](corpus_folder())]
    searching = [part for part in options.only if part in SEARCHING]
    rows += evaluate_search(searching, options.database_url) if searching else []
    show(rows, Console(width=120))
    write(rows, OUT / "eval.json")


def evaluate_search(parts: Sequence[str], database_url: str | None) -> list[Figure]:
    """The rows of these parts, over one database."""
    with database(database_url) as url:
        upgrade(url)
        engine = connect(url)
        embedder = Remembering(make_embedder(load_settings()), OUT / "cache")
        vectors = PgVectorStore(engine)
        vectors.prepare(embedder.model, embedder.dimensions)
        stack = Stack(engine, embedder, vectors, Search(engine, embedder, vectors))
        rows = [row for part in parts for row in SEARCHING[part](stack, corpus_folder())]
        engine.dispose()
    return rows


if __name__ == "__main__":
    main()
