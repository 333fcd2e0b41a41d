"""A BERT sentence encoder as an OpenVINO graph, straight from a safetensors file.

Token ids and mask in, vectors of length 1 out: embeddings, transformer layers, mean over the tokens that
are not padding, division by the length (Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from safetensors.numpy import load_file

from docmill.adapters.embedders.precision import Precision

# Importing openvino reports the import to its makers over the network, unless this module is absent.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino as ov  # noqa: E402
from openvino import opset15 as op  # noqa: E402

_HEAD = 32  # numbers per attention head
_EPSILON = 1e-12  # of the layer norms
_MASKED = 1e9  # subtracted from the score of a padding token
_GROUP = 64  # neighbouring numbers that share a scale, of weights and of what they are multiplied with


def compile_bert(weights: Path, precision: Precision) -> Any:
    """A callable `[ids, mask] -> {0: vectors}` for one core; ids and mask are [batch, length] int64.

    With int8 the weights have eight bits, and each token's numbers are rounded to eight bits before they are
    multiplied; all else is computed in f32. A processor without VNNI computes with these weights in f32.
    """
    options = {
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # it would be the same core for every process of this machine
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": _GROUP if precision == "int8" else 0,
    }
    graph = _Bert(load_file(weights), eight_bits=precision == "int8").build()
    return ov.Core().compile_model(graph, "CPU", options)


def _constant(value: ArrayLike, kind: DTypeLike = np.int64) -> Any:
    return op.constant(np.asarray(value, kind))


class _Bert:
    """Builds the graph; the sizes are those of the weights."""

    def __init__(self, weights: dict[str, Any], *, eight_bits: bool) -> None:
        self._weights = weights
        self._kept = _in_eight_bits if eight_bits else op.constant

    def build(self) -> Any:
        ids, mask = (op.parameter([-1, -1], np.int64, name) for name in ("ids", "mask"))
        kept = op.convert(mask, "f32")
        bias = op.unsqueeze(
            (kept - _constant(1, np.float32)) * _constant(_MASKED, np.float32), _constant([1, 2])
        )
        x = self._embedded(ids)
        layers = sum(name.endswith("intermediate.dense.weight") for name in self._weights)
        for layer in range(layers):
            x = self._layer(x, bias, f"encoder.layer.{layer}.")
        return ov.Model([_mean_of_length_one(x, kept)], [ids, mask], "bert")

    def _embedded(self, ids: Any) -> Any:
        words = op.constant(self._weights["embeddings.word_embeddings.weight"])
        # Every token is of the first type, so that type's vector is part of the place's.
        types = self._weights["embeddings.token_type_embeddings.weight"][0]
        places = op.constant(self._weights["embeddings.position_embeddings.weight"] + types)
        length = op.gather(op.shape_of(ids), _constant(1), _constant(0))
        position = op.range(_constant(0), length, _constant(1), "i64")
        x = op.gather(words, ids, _constant(0)) + op.gather(places, position, _constant(0))
        return self._norm(x, "embeddings.LayerNorm")

    def _layer(self, x: Any, bias: Any, name: str) -> Any:
        attended = self._linear(self._attention(x, bias, name), name + "attention.output.dense")
        x = self._norm(attended + x, name + "attention.output.LayerNorm")
        hidden = op.gelu(self._linear(x, name + "intermediate.dense"), "erf")
        return self._norm(self._linear(hidden, name + "output.dense") + x, name + "output.LayerNorm")

    def _attention(self, x: Any, bias: Any, name: str) -> Any:
        query, key, value = (self._heads(x, f"{name}attention.self.{n}") for n in ("query", "key", "value"))
        mixed = op.scaled_dot_product_attention(query, key, value, bias)
        return op.reshape(op.transpose(mixed, _constant([0, 2, 1, 3])), _constant([0, 0, -1]), True)

    def _heads(self, x: Any, name: str) -> Any:
        """[batch, heads, length, numbers per head]."""
        split = op.reshape(self._linear(x, name), _constant([0, 0, -1, _HEAD]), True)
        return op.transpose(split, _constant([0, 2, 1, 3]))

    def _linear(self, x: Any, name: str) -> Any:
        weight = self._kept(self._weights[name + ".weight"])
        return op.matmul(x, weight, False, True) + self._weights[name + ".bias"]

    def _norm(self, x: Any, name: str) -> Any:
        centred = op.mvn(x, _constant([-1]), True, _EPSILON, "inside_sqrt")
        return centred * self._weights[name + ".weight"] + self._weights[name + ".bias"]


def _in_eight_bits(weight: NDArray[np.float32]) -> Any:
    """The matrix [outputs, inputs] as OpenVINO knows it compressed: `(bits - zero) * scale`, by groups.

    As it is where its rows are not made of whole groups.
    """
    if weight.shape[1] % _GROUP:
        return op.constant(weight)
    grouped = weight.reshape(len(weight), -1, _GROUP)
    lowest = np.minimum(grouped.min(axis=2, keepdims=True), 0)
    scale = (np.maximum(grouped.max(axis=2, keepdims=True), 0) - lowest) / 255
    scale[scale == 0] = 1  # of a group of zeros
    zero = np.rint(-lowest / scale)
    bits = np.clip(np.rint(grouped / scale) + zero, 0, 255)
    whole, start = (op.convert(_constant(numbers, np.uint8), "f32") for numbers in (bits, zero))
    return op.reshape((whole - start) * _constant(scale, np.float32), _constant(weight.shape), False)


def _mean_of_length_one(x: Any, kept: Any) -> Any:
    """The mean of the kept tokens' vectors, divided by its length: [batch, dimensions]."""
    kept = op.unsqueeze(kept, _constant(-1))
    mean = op.reduce_sum(x * kept, _constant([1])) / op.reduce_sum(kept, _constant([1]))
    return op.normalize_l2(mean, _constant([1]), _EPSILON, "max")
