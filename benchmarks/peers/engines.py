"""docmill's reader and model, as plain calls for the peers to wrap."""

from __future__ import annotations

import atexit
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from docmill.adapters.embedders.minilm import MiniLM, find_model
from docmill.adapters.readers.detect import detect
from docmill.adapters.readers.sandbox import ReadingChild
from docmill.domain.documents import Part
from docmill.domain.text import document_text
from docmill.ports import ReadRequest


@cache
def model_folder() -> Path:
    """The weights that everybody uses here."""
    return find_model(None)


@cache
def _reading() -> ReadingChild:
    child = ReadingChild()
    atexit.register(child.close)
    return child


@cache
def _models(cores: int) -> tuple[list[MiniLM], ThreadPoolExecutor]:
    return [MiniLM(model_folder()) for _ in range(cores)], ThreadPoolExecutor(cores)


def read_text(path: Path) -> str:
    """The text of a file."""
    media_type = detect(path, path.name).media_type
    parts = (item for item in _reading().read(ReadRequest(path, media_type)) if isinstance(item, Part))
    return document_text(block for part in parts for block in part.blocks)


def embed(texts: list[str], cores: int) -> list[list[float]]:
    """A vector for each text, of length 1. A model computes on one core, so each core has one and a share."""
    models, threads = _models(cores)
    shares = [texts[at::cores] for at in range(cores)]
    found = threads.map(lambda model, share: model.embed(share).vectors.tolist(), models, shares)
    vectors: list[list[float]] = [[]] * len(texts)
    for at, share in enumerate(found):
        vectors[at::cores] = share
    return vectors
