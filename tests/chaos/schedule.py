"""Which fault strikes when, and on what: all drawn from one seed, so that a run can be done again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.faults import Fault

_MOST_AT_ONCE = 3
_WINDOW = 2.0  # seconds in which the faults of a round begin


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that begins `after` seconds; `seed` decides what it hits."""

    fault: Fault
    after: float
    seed: int


def rounds(seed: int, faults: Sequence[Fault]) -> Iterator[list[Strike]]:
    """Without end: up to three faults of different targets; each kind once, then by their weights."""
    draw = random.Random(seed)
    waiting = draw.sample(list(faults), len(faults))
    while True:
        yield _round(draw, waiting, faults)


def _round(draw: random.Random, waiting: list[Fault], faults: Sequence[Fault]) -> list[Strike]:
    """One round; takes from `waiting` what has not come yet."""
    chosen: dict[str, Fault] = {}
    for _ in range(draw.randint(1, _MOST_AT_ONCE)):
        fault = waiting[0] if waiting else draw.choices(faults, [each.weight for each in faults])[0]
        if fault.target not in chosen:
            chosen[fault.target] = fault
            del waiting[:1]
    return [Strike(fault, draw.uniform(0.0, _WINDOW), draw.randrange(2**32)) for fault in chosen.values()]
