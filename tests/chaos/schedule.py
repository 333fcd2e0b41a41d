"""Which fault strikes when, and on what: all drawn from one seed, so that a run can be done again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.faults import Fault

_MOST_AT_ONCE = 3
_WINDOW = 1.2  # seconds in which the faults of a round begin
_DOCUMENTS = (3, 4, 5, 12)  # a round sends one of these; the last is more than all workers take at once


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that begins `after` seconds; `seed` decides what it hits."""

    fault: Fault
    after: float
    seed: int


@dataclass(frozen=True, slots=True)
class Round:
    """So many documents, and what strikes while they are worked on."""

    documents: int
    strikes: tuple[Strike, ...]


def rounds(seed: int, faults: Sequence[Fault]) -> Iterator[Round]:
    """Without end: up to three faults of different targets; each kind once, then by their weights."""
    draw = random.Random(seed)
    waiting = draw.sample(list(faults), len(faults))
    while True:
        yield _round(draw, waiting, faults)


def _round(draw: random.Random, waiting: list[Fault], faults: Sequence[Fault]) -> Round:
    """One round; takes from `waiting` what has not come yet."""
    chosen: dict[str, Fault] = {}
    for _ in range(draw.randint(1, _MOST_AT_ONCE)):
        fault = waiting[0] if waiting else draw.choices(faults, [each.weight for each in faults])[0]
        if fault.target not in chosen:
            chosen[fault.target] = fault
            del waiting[:1]
    strikes = (Strike(fault, draw.uniform(0.0, _WINDOW), draw.randrange(2**32)) for fault in chosen.values())
    return Round(draw.choice(_DOCUMENTS), tuple(strikes))
