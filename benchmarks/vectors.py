"""An embedder that remembers on disk what it has embedded, so that a repeated run costs no time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from docmill.ports import Embedded, Embedder, Vectors


class Remembering:
    """Answers like the embedder behind it. `learn` embeds many texts at once and keeps their vectors."""

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self.model = embedder.model
        self.precision = embedder.precision
        self.dimensions = embedder.dimensions
        self.max_tokens = embedder.max_tokens
        self.tokenizer = embedder.tokenizer
        self._embedder = embedder
        self._folder = folder
        self._known: dict[str, Vectors] = {}

    def learn(self, texts: Sequence[str]) -> None:
        """Embed these texts, or read their vectors from the file of an earlier run."""
        digest = hashlib.sha256("\0".join([self.model, self.precision, *texts]).encode()).hexdigest()
        path = self._folder / f"{digest[:32]}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, self._embedder.embed(texts).vectors)
        self._known.update(zip(texts, np.load(path), strict=True))

    def load(self) -> None:
        """Nothing: it answers from what was learned."""

    def embed(self, texts: Sequence[str]) -> Embedded:
        """The vectors of texts that were learned."""
        return Embedded(np.stack([self._known[text] for text in texts]))
