"""What is known now of one thing, for monitors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiveFact:
    """`kind` is "task", "worker" or "queue"; what is not known is not among the fields."""

    kind: str
    id: str
    fields: Mapping[str, str | int | float]
