"""Tokens as a regular expression sees them, for a model whose own tokenizer is not here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from docmill.ports import Tokens


@dataclass(frozen=True, slots=True)
class PatternTokenizer:
    """Each match of the pattern is a token."""

    pattern: re.Pattern[str]

    def tokenize(self, text: str) -> Tokens:
        """Where the tokens of a text lie."""
        spans = [match.span() for match in self.pattern.finditer(text)]
        return Tokens(np.array(spans, np.int32).reshape(-1, 2))

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has."""
        return [sum(1 for _ in self.pattern.finditer(text)) for text in texts]
