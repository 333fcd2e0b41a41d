"""Counts tokens as the MiniLM model does, over texts of any length."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from docmill.ports import Tokens

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_SPACE = re.compile(r"[ \t\r\n]")
_PIECE = 4_000  # characters: small pieces keep memory flat and are encoded faster than a long text
_PIECES = 64  # per call


class WordPieceTokenizer:
    """The tokenizer of a `tokenizer.json`, loaded at first use."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def tokenize(self, text: str) -> Tokens:
        """The tokens of a text without special ones; offsets are characters of the text as given."""
        found = [np.empty((0, 2), np.int32)]
        pieces = list(_pieces(text))
        for at in range(0, len(pieces), _PIECES):
            some = pieces[at : at + _PIECES]
            encoded = self._model.encode_batch([text[a:b] for a, b in some], add_special_tokens=False)
            found += [_offsets(e.offsets, a) for e, (a, _) in zip(encoded, some, strict=True)]
        return Tokens(np.concatenate(found))

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, without special ones."""
        return [len(ids) - 2 for ids in self.ids(texts)]

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The model's input for each text: ids with the special tokens, never truncated."""
        return [encoded.ids for encoded in self._model.encode_batch_fast(list(texts))]

    @cached_property
    def _model(self) -> Tokenizer:
        # One process computes on one core, and threads of a parent would not survive a fork.
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        from tokenizers import Tokenizer

        model = Tokenizer.from_file(str(self._path))
        # The file asks to cut and to pad every text to 128 tokens.
        model.no_truncation()
        model.no_padding()
        return model


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Cut at spaces and line ends, where no token ends differently for it."""
    start = 0
    while start < len(text):
        space = _SPACE.search(text, start + _PIECE)
        end = space.start() if space else len(text)
        yield start, end
        start = end


def _offsets(pairs: Sequence[tuple[int, int]], base: int) -> NDArray[np.int32]:
    return np.array(pairs, np.int32).reshape(-1, 2) + np.int32(base)
