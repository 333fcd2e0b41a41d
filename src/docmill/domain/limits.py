"""How long one step of a stage may take. A step aims at less than a second; one of minutes is stuck.

Past the soft limit the step is kept, or broken off where it can be, and the document is tried again later.
Past the hard limit, when the step still does not return, its process is ended, as if it had crashed.

What reading a file may take grows with the file: a large one is as welcome as a small one, while a small one
that asks for much is hostile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from docmill.domain.states import StageName

BATCH_PAGES = 200  # headings are decided over so many pages, and reading can begin again behind them
READING_SECONDS_PER_MIB = 4.0
READING_MEMORY_PER_BYTE = 8
_MIB = 1024 * 1024

Limits = Mapping[StageName, float]


@dataclass(frozen=True, slots=True)
class StepLimits:
    """Seconds for a step of each stage; a stage that is not named has no limit."""

    soft: Limits
    hard: Limits

    def soft_of(self, stage: StageName) -> float:
        """The soft limit of a stage, in seconds."""
        return self.soft.get(stage, inf)

    def hard_of(self, stage: StageName) -> float:
        """The hard limit of a stage, in seconds."""
        return self.hard.get(stage, inf)


UNLIMITED = StepLimits({}, {})


def parse_limits(text: str) -> Limits:
    """The table in a text like "extract=360,embed=300". Raises ValueError when it is none."""
    limits: dict[StageName, float] = {}
    for row in text.split(","):
        stage, _, seconds = row.partition("=")
        limits[StageName(stage.strip())] = float(seconds)
    if not all(0 < seconds < inf for seconds in limits.values()):
        raise ValueError("a limit is more than 0 seconds")
    return limits


def reading_seconds(least: float, size_bytes: int) -> float:
    """How long reading a file of this size may take."""
    return least + READING_SECONDS_PER_MIB * size_bytes / _MIB


def reading_memory(least: int, size_bytes: int) -> int:
    """How many bytes of memory reading a file of this size may take."""
    return least + READING_MEMORY_PER_BYTE * size_bytes
