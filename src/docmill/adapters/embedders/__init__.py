"""Embedders: texts in, vectors out. One line of the registry each."""

from __future__ import annotations

from collections.abc import Callable

from docmill.adapters.embedders.hashing import Hashing
from docmill.adapters.embedders.minilm import MiniLM, find_model
from docmill.ports import Embedder
from docmill.settings import Settings


def _minilm(settings: Settings) -> Embedder:
    return MiniLM(find_model(settings.model_dir), settings.embed_precision, settings.embed_batch)


def _hashing(_settings: Settings) -> Embedder:
    return Hashing()


_REGISTRY: dict[str, Callable[[Settings], Embedder]] = {
    "minilm": _minilm,
    "hashing": _hashing,
}


def make_embedder(settings: Settings) -> Embedder:
    """The embedder that `settings.embedder` names; its model is loaded at first use.

    Raises ModelMissing where the model's files are not installed.
    """
    return _REGISTRY[settings.embedder](settings)
