"""The sets that quality is measured on, as documents, questions and right answers.

They lie in the folder DOCMILL_CORPUS, or in the one beside this repository, and are never part of it.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path

from docmill.domain.documents import Block, BlockKind, RawBlock
from docmill.domain.text import BlockBuilder


@dataclass(frozen=True, slots=True)
class Document:
    """A document to be found, under the name its judgements use."""

    name: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question and how relevant each document is to it, where it is at all."""

    text: str
    relevant: dict[str, int]


@dataclass(frozen=True, slots=True)
class Set:
    """Documents, and questions with judgements about them."""

    name: str
    language: str
    documents: tuple[Document, ...]
    questions: tuple[Question, ...]


def corpus_folder() -> Path:
    """Where the sets lie."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "corpus"
    return Path(os.environ.get("DOCMILL_CORPUS", beside))


def scifact(folder: Path) -> Set:
    """5,183 abstracts with their titles, and 809 claims with the abstracts that speak to them."""
    with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        documents = tuple(_abstract(json.loads(line)) for line in lines)
    judged: dict[str, dict[str, int]] = {}
    with (folder / "qrels_train.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            judged.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    with (folder / "queries_train.jsonl").open(encoding="utf-8") as lines:
        claims = [json.loads(line) for line in lines]
    questions = tuple(Question(claim["text"], judged[claim["_id"]]) for claim in claims)
    return Set("scifact", "en", documents, questions)


def xquad(folder: Path, language: str) -> Set:
    """240 paragraphs and 1,190 questions, each with the paragraph that answers it, in one language."""
    data = json.loads((folder / f"xquad.{language}.json").read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
    documents = tuple(
        Document(f"paragraph-{number}", _blocks(RawBlock(BlockKind.TEXT, paragraph["context"], lead="")))
        for number, paragraph in enumerate(paragraphs)
    )
    questions = tuple(
        Question(asked["question"], {f"paragraph-{number}": 1})
        for number, paragraph in enumerate(paragraphs)
        for asked in paragraph["qas"]
    )
    return Set(f"xquad-{language}", language, documents, questions)


def _abstract(record: dict[str, str]) -> Document:
    title = RawBlock(BlockKind.HEADING, record["title"], level=1, lead="")
    return Document(record["_id"], _blocks(title, RawBlock(BlockKind.TEXT, record["text"])))


def _blocks(*raw: RawBlock) -> tuple[Block, ...]:
    builder = BlockBuilder()
    return tuple(builder.add(block) for block in raw)
