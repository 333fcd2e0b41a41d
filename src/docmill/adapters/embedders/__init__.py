"""Embedders: texts in, vectors out. One line of the registry each."""

from __future__ import annotations

from collections.abc import Callable

from docmill.adapters.embedders.hashing import Hashing
from docmill.adapters.embedders.minilm import MiniLM, find_model
from docmill.adapters.embedders.openai import Endpoint, OpenAI
from docmill.domain.errors import NotConfigured
from docmill.ports import Embedder
from docmill.settings import Settings


def _minilm(settings: Settings) -> Embedder:
    return MiniLM(find_model(settings.model_dir), settings.embed_precision, settings.embed_batch)


def _hashing(_settings: Settings) -> Embedder:
    return Hashing()


def _openai(settings: Settings) -> Embedder:
    url, model, key = settings.embed_url, settings.embed_model, settings.embed_key
    if url is None or model is None:
        raise NotConfigured("DOCMILL_EMBED_URL and DOCMILL_EMBED_MODEL say which model is meant. Set both.")
    endpoint = Endpoint(
        url=url.rstrip("/"),
        model=model,
        key=key.get_secret_value() if key else "",
        dimensions=settings.embed_dimensions,
        seconds=settings.embed_timeout_seconds,
    )
    return OpenAI(endpoint, settings.embed_max_tokens, settings.embed_batch)


_REGISTRY: dict[str, Callable[[Settings], Embedder]] = {
    "minilm": _minilm,
    "hashing": _hashing,
    "openai": _openai,
}


def make_embedder(settings: Settings) -> Embedder:
    """The embedder that `settings.embedder` names; its model is loaded at first use.

    Raises ModelMissing where the model's files are not installed, NotConfigured where a setting is missing.
    """
    return _REGISTRY[settings.embedder](settings)
