"""An embedder without a model: words and parts of words, hashed into a fixed number of places.

It finds what shares words or word parts with the question. For machines without the model, and fast tests.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np

from docmill.adapters.embedders.pattern import PatternTokenizer
from docmill.ports import Embedded, Tokenizer, Vectors

_TOKEN = re.compile(r"\w+|[^\w\s]")
_GRAM = 4  # characters per part of a word
_GRAM_WEIGHT = 0.3  # of a part, where the whole word counts 1


class Hashing:
    """Signed feature hashing (Weinberger et al. 2009, https://arxiv.org/abs/0902.2206), length 1."""

    model = "hashing-384"
    precision = "numpy-f32"
    dimensions = 384
    max_tokens = 100_000  # far above any chunk: every word counts

    def __init__(self) -> None:
        self.tokenizer: Tokenizer = PatternTokenizer(_TOKEN)

    def load(self) -> None:
        """Nothing: there is no model."""

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Vectors [n, 384] in the order of the texts; nothing is cut off."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            self._fill(row, text)
        return Embedded(vectors)

    def _fill(self, row: Vectors, text: str) -> None:
        for feature, weight in _features(text.lower()).items():
            digest = crc32(feature.encode("utf-8", "replace"))
            row[digest % self.dimensions] += weight if digest & 1 << 31 else -weight
        length = float(np.linalg.norm(row))
        if length == 0.0:  # a text without features still has a direction
            row[0] = length = 1.0
        row /= length


def _features(text: str) -> dict[str, float]:
    """Weights of words and word parts; a repeated word counts less each time."""
    weights: defaultdict[str, float] = defaultdict(float)
    for word, count in Counter(_TOKEN.findall(text)).items():
        weight = 1.0 + float(np.log(count))
        weights[word] += weight
        for part in _parts(word):
            weights[part] += weight * _GRAM_WEIGHT
    return weights


def _parts(word: str) -> Iterator[str]:
    padded = f"<{word}>"
    return (padded[at : at + _GRAM] for at in range(len(padded) - _GRAM + 1))
