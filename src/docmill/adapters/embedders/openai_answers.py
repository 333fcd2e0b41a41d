"""What the answers of an OpenAI-compatible server mean, whichever of them gives it."""

from __future__ import annotations

import re

import httpx
import numpy as np

from docmill.adapters.retry_after import seconds_of
from docmill.domain.errors import DocmillError, ModelBusy, ModelUnavailable, ModelUnfit, QuotaExceeded
from docmill.ports import Vectors

_QUOTA_SECONDS = 3600.0  # nobody raises a quota within minutes
_READ = 2000  # characters of an error, whose form differs from server to server
_PAYMENT_REQUIRED, _TOO_LARGE, _TOO_MANY = 402, 413, 429
_PASSING = frozenset({408, 409, 424, 425})  # and every 5xx
_REFUSED = frozenset({400, 422})  # also said of too many texts, or of one that is too long
_LENGTH = re.compile(r"length|long|token|batch|size|too many|context", re.I)

_WRONG_KEY = "The server of the embedding model does not take the key. Correct DOCMILL_EMBED_KEY, then retry."
_NOT_THERE = (
    "The server of the embedding model knows no such model or address. Correct DOCMILL_EMBED_MODEL or "
    "DOCMILL_EMBED_URL, which ends before /embeddings, then retry."
)
_NO_VECTORS = "The server of the embedding model answers with something else than vectors. Is its URL right?"
_REASONS = {401: _WRONG_KEY, 403: _WRONG_KEY, 404: _NOT_THERE, 405: _NOT_THERE}


class TooLarge(Exception):
    """The server takes fewer texts in a call, or shorter ones."""


def vectors_of(response: httpx.Response, count: int) -> Vectors:
    """The vectors of an answer in the order of the texts, each of length 1."""
    try:
        data = sorted(response.json()["data"], key=lambda one: int(one["index"]))
        vectors = np.array([one["embedding"] for one in data], np.float32)
        if vectors.ndim != 2 or [one["index"] for one in data] != list(range(count)):
            raise ValueError("not one vector for each text")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and lengths.all()):
            raise ValueError("a vector without a direction")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelUnavailable(_NO_VECTORS) from error
    unit: Vectors = vectors / lengths
    return unit


def error_of(response: httpx.Response) -> DocmillError | TooLarge:
    """What an answer that is no success means."""
    status, said = response.status_code, response.text[:_READ]
    if status == _PAYMENT_REQUIRED or (status == _TOO_MANY and "insufficient_quota" in said):
        return QuotaExceeded(retry_after_seconds=max(_wait(response) or 0.0, _QUOTA_SECONDS))
    if status == _TOO_MANY:
        return ModelBusy(retry_after_seconds=_wait(response))
    if status in _PASSING or response.is_server_error:
        message = f"The server of the embedding model answers {status}."
        return ModelUnavailable(message, retry_after_seconds=_wait(response))
    if status == _TOO_LARGE or (status in _REFUSED and _LENGTH.search(said)):
        return TooLarge()
    return ModelUnfit(_REASONS.get(status, f"The server of the embedding model refuses the call ({status})."))


def _wait(response: httpx.Response) -> float | None:
    """How long the server asks to be left alone, in seconds."""
    milliseconds = response.headers.get("retry-after-ms", "")
    if milliseconds.isascii() and milliseconds.isdigit():
        return float(milliseconds[:12]) / 1000
    return seconds_of(response.headers.get("retry-after", ""))
