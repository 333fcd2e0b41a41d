"""A model behind the embeddings API of OpenAI, which Ollama, Text Embeddings Inference and vLLM speak too.

POST {url}/embeddings with model, input, encoding_format and, where a length is set, dimensions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx
import numpy as np

from docmill.adapters.embedders.openai_answers import TooLarge, error_of, vectors_of
from docmill.adapters.embedders.pattern import PatternTokenizer
from docmill.domain.errors import ModelUnavailable, ModelUnfit
from docmill.ports import SPECIAL_TOKENS, Embedded, Tokenizer, Vectors

_CONNECT_SECONDS = 5.0
_BLANK = "."  # servers refuse an empty text

# Rather one token too many than one too few: vocabularies hold whole English words and most parts of four
# letters; of other scripts often single signs.
_ESTIMATED = re.compile(r"[A-Za-z\u00C0-\u024F]{1,4}|[0-9]{1,3}|\w|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model is and what is asked of it; `seconds` is the patience with one answer."""

    url: str
    model: str
    key: str = field(repr=False, default="")
    dimensions: int | None = None
    seconds: float = 30.0


class OpenAI:
    """Asks a server for vectors. Its messages are never passed on: they may hold a part of the key."""

    precision = "api-f32"

    def __init__(self, endpoint: Endpoint, max_tokens: int, batch: int) -> None:
        shortened = f"@{endpoint.dimensions}" if endpoint.dimensions else ""
        self.model = endpoint.model + shortened
        self.max_tokens = max_tokens
        self.tokenizer: Tokenizer = PatternTokenizer(_ESTIMATED)
        self._endpoint = endpoint
        self._batch = batch
        self._dimensions = endpoint.dimensions

    @property
    def dimensions(self) -> int:
        """The length of the vectors; where none is set, the server is asked once."""
        return self._dimensions or self._ask([_BLANK]).shape[1]

    def load(self) -> None:
        """Nothing: the model is loaded elsewhere."""

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Vectors [n, dimensions] in the order of the texts; what is too long is cut off and counted.

        Raises ModelUnavailable, ModelBusy and QuotaExceeded for what passes, ModelUnfit for what does not.
        """
        if not texts:
            return Embedded(np.empty((0, self.dimensions), np.float32))
        within = [self._cut(text, self.max_tokens - SPECIAL_TOKENS) for text in texts]
        calls = [within[at : at + self._batch] for at in range(0, len(within), self._batch)]
        return _joined([self._embed(some) for some in calls])

    def _embed(self, texts: Sequence[tuple[str, int]]) -> Embedded:
        """One call for texts, each with what was cut off of it; more calls where that is too much for one."""
        try:
            return Embedded(self._ask([text for text, _ in texts]), sum(cut for _, cut in texts))
        except TooLarge:
            if len(texts) > 1:
                half = len(texts) // 2
                return _joined([self._embed(texts[:half]), self._embed(texts[half:])])
        [(text, cut)] = texts
        shorter, more = self._cut(text, self.tokenizer.count([text])[0] // 2)
        if not shorter:
            raise ModelUnfit
        return self._embed([(shorter, cut + more)])

    def _cut(self, text: str, most: int) -> tuple[str, int]:
        """The text up to so many tokens, and how many it loses by that."""
        tokens = self.tokenizer.tokenize(text).offsets
        if len(tokens) <= most:
            return text, 0
        return text[: tokens[most, 0]], len(tokens) - most

    def _ask(self, texts: Sequence[str]) -> Vectors:
        wish: dict[str, Any] = {
            "model": self._endpoint.model,
            "input": [_sendable(text) for text in texts],
            "encoding_format": "float",
        }
        if self._endpoint.dimensions:
            wish["dimensions"] = self._endpoint.dimensions
        response = self._post(wish)
        if not response.is_success:
            raise error_of(response)
        vectors = vectors_of(response, len(texts))
        self._check_length(vectors.shape[1])
        return vectors

    def _check_length(self, found: int) -> None:
        self._dimensions = self._dimensions or found
        if found != self._dimensions:
            raise ModelUnfit(
                f"The embedding model gives vectors of {found} numbers, not of {self._dimensions}. "
                "Correct DOCMILL_EMBED_DIMENSIONS or DOCMILL_EMBED_MODEL, then retry."
            )

    def _post(self, wish: dict[str, Any]) -> httpx.Response:
        try:
            try:
                return self._client.post("/embeddings", json=wish)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                # The server may have closed a connection that was kept since the last call.
                return self._client.post("/embeddings", json=wish)
        except httpx.TimeoutException as error:
            message = (
                f"The server of the embedding model does not answer within {self._endpoint.seconds:g} s."
            )
            raise ModelUnavailable(message) from error
        except httpx.RequestError as error:
            raise ModelUnavailable from error

    @cached_property
    def _client(self) -> httpx.Client:
        key = self._endpoint.key
        return httpx.Client(
            base_url=self._endpoint.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(self._endpoint.seconds, connect=_CONNECT_SECONDS),
        )


def _joined(parts: Sequence[Embedded]) -> Embedded:
    return Embedded(np.concatenate([part.vectors for part in parts]), sum(part.truncated for part in parts))


def _sendable(text: str) -> str:
    """The text without half surrogate pairs, which no JSON can hold, and never empty."""
    clean = text.encode("utf-8", "replace").decode()
    return clean if clean.strip() else _BLANK
