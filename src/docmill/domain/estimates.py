"""How long work will take, learned from work that was done.

A document's size is its chunks. Before they are known they are guessed from its text, and before that from
its bytes, by what documents of its media type had. The seconds of a stage are a line over the chunks: a
fixed part, and one for each chunk (least squares, in which what is newer weighs more).
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from docmill.domain.states import StageName

# The share of a document's time that a stage usually is, in percent: of one that is read as it is, and of
# one whose pages are recognised.
WEIGHTS: Mapping[StageName, int] = {
    StageName.EXTRACT: 15,
    StageName.OCR: 0,
    StageName.CHUNK: 5,
    StageName.EMBED: 75,
    StageName.INDEX: 5,
}
_WEIGHTS_WITH_OCR: Mapping[StageName, int] = {
    StageName.EXTRACT: 15,
    StageName.OCR: 65,
    StageName.CHUNK: 1,
    StageName.EMBED: 18,
    StageName.INDEX: 1,
}

# Reading depends on the format; after it a passage is a passage.
_BY_MEDIA_TYPE = frozenset({StageName.EXTRACT, StageName.OCR})

# Each piece of evidence weighs so much of the one that came after it: machines get busier and quieter.
_FADING = 0.95

# What was learned from other documents counts like so many seconds of a stage's own work.
_PRIOR_SECONDS = 2.0
_LEAST_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Size:
    """What is known of a document's size; the later fields come as its stages end."""

    media_type: str
    size_bytes: int
    characters: int | None = None
    chunks: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A stage that a document of this size passed in so many seconds; or the part of it that is done."""

    stage: StageName
    size: Size
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage is: `done` of `total` units (None: unknown yet), and the seconds its steps took.

    `reached` is the largest share, 0-1, that was ever done: it stays when a stage reads again what is kept,
    finds more to do than it knew of, or starts anew.
    """

    done: int = 0
    total: int | None = None
    busy_seconds: float = 0.0
    reached: float = 0.0

    @property
    def share(self) -> float:
        """How much of the stage is done now, 0-1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0


@dataclass(frozen=True, slots=True)
class _Line:
    fixed: float
    per_chunk: float

    def at(self, chunks: float) -> float:
        return self.fixed + self.per_chunk * chunks


@dataclass(frozen=True, slots=True)
class Rates:
    """What finished work taught; `None` as media type stands for all of them."""

    seconds: Mapping[tuple[StageName, str | None], _Line] = field(default_factory=dict)
    per_character: Mapping[str | None, float] = field(default_factory=dict)
    per_byte: Mapping[str | None, float] = field(default_factory=dict)

    def expected(self, size: Size) -> dict[StageName, float]:
        """Seconds that each stage will take for a document of this size; empty when nothing was learned."""
        chunks = self._chunks(size)
        if chunks is None:
            return {}
        passed = [stage for stage in StageName if stage is not StageName.OCR or is_picture(size.media_type)]
        lines = {stage: self._line(stage, size.media_type) for stage in passed}
        return _completed({stage: line.at(chunks) for stage, line in lines.items() if line})

    def _chunks(self, size: Size) -> float | None:
        if size.chunks is not None:
            return size.chunks
        guesses = ((size.characters, self.per_character), (size.size_bytes, self.per_byte))
        for amount, rate in guesses:
            chunks_each = rate.get(size.media_type, rate.get(None))
            if amount is not None and chunks_each is not None:
                return amount * chunks_each
        return None

    def _line(self, stage: StageName, media_type: str) -> _Line | None:
        return self.seconds.get((stage, media_type)) or self.seconds.get((stage, None))


def is_picture(media_type: str) -> bool:
    """Whether a file of this type has no text but what is recognised in it."""
    return media_type.startswith("image/")


def weights(stage: StageName, progress: Mapping[StageName, Progress]) -> Mapping[StageName, int]:
    """The shares of the stages, in percent, for a document at this stage that has passed those before."""
    return _WEIGHTS_WITH_OCR if StageName.OCR in {stage, *progress} else WEIGHTS


def learn(evidence: Iterable[Evidence]) -> Rates:
    """Rates from what was passed, the newest first; without a known number of chunks it teaches nothing."""
    points: dict[tuple[StageName, str | None], list[tuple[float, float]]] = defaultdict(list)
    sizes: dict[str | None, list[Size]] = defaultdict(list)
    for item in evidence:
        if not item.size.chunks:
            continue
        for kind in (item.size.media_type, None):
            sizes[kind].append(item.size)
            if kind is None or item.stage in _BY_MEDIA_TYPE:
                points[item.stage, kind].append((item.size.chunks, item.seconds))
    lines = {key: _fitted(found) for key, found in points.items()}
    per_character = {kind: _ratio([(s.chunks, s.characters) for s in found]) for kind, found in sizes.items()}
    per_byte = {kind: _ratio([(s.chunks, s.size_bytes) for s in found]) for kind, found in sizes.items()}
    return Rates(lines, _known(per_character), _known(per_byte))


def part_done(stage: StageName, size: Size, progress: Progress) -> Evidence:
    """What a stage in work has shown so far: as much as one of a smaller document that has passed it."""
    chunks = round((size.chunks or 0) * progress.share)
    return Evidence(stage, Size(size.media_type, 0, chunks=chunks), progress.busy_seconds)


def _fitted(points: Sequence[tuple[float, float]]) -> _Line:
    """The line through (chunks, seconds), through zero where a fixed part would be below it."""
    weights = [_FADING**place for place in range(len(points))]
    mean_x, mean_y = (_mean(values, weights) for values in zip(*points, strict=True))
    spread = _mean([(x - mean_x) ** 2 for x, _ in points], weights)
    slope = _mean([(x - mean_x) * (y - mean_y) for x, y in points], weights) / spread if spread else 0.0
    fixed = mean_y - slope * mean_x
    if slope <= 0 or fixed < 0:
        return _Line(0.0, mean_y / mean_x)
    return _Line(fixed, slope)


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def _ratio(pairs: Sequence[tuple[int | None, int | None]]) -> float | None:
    known = [(part, whole) for part, whole in pairs if part and whole]
    return sum(part for part, _ in known) / sum(whole for _, whole in known) if known else None


def _known(rates: Mapping[str | None, float | None]) -> dict[str | None, float]:
    return {kind: rate for kind, rate in rates.items() if rate is not None}


def _completed(expected: Mapping[StageName, float]) -> dict[StageName, float]:
    """A stage nobody has passed yet takes its usual share of what the others take."""
    known = sum(WEIGHTS[stage] for stage in expected)
    if not known:
        return {}
    each = sum(expected.values()) / known
    usual = {stage: share * each for stage, share in WEIGHTS.items() if share}
    return {**usual, **expected}


def work_left(
    stage: StageName, progress: Mapping[StageName, Progress], expected: Mapping[StageName, float]
) -> float | None:
    """Seconds of work until publication for a document at this stage; None when nothing is known."""
    current = progress.get(stage, Progress())
    whole = _whole(current, expected.get(stage))
    if whole is None:
        return None
    later = list(StageName)[list(StageName).index(stage) + 1 :]
    shares = weights(stage, progress)
    each = whole / shares[stage]
    left = max(whole * (1 - current.share), 0.0)
    return left + sum(expected.get(name, shares[name] * each) for name in later)


def _whole(current: Progress, learned: float | None) -> float | None:
    """Seconds of all of a stage: the rate seen in it, and until that is sure, the one that was learned."""
    if learned is None:
        return current.busy_seconds / current.share if current.share and current.busy_seconds > 0 else None
    evidence = current.share + _PRIOR_SECONDS / max(learned, _LEAST_SECONDS)
    return (current.busy_seconds + _PRIOR_SECONDS) / evidence


Rank = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Waiter:
    """A task in line. The smaller its `rank`, the sooner it is taken up; `seconds` of work follow then."""

    rank: Rank
    seconds: float


class Line:
    """When the tasks that wait will be taken up, by so many processes that always take the first in line.

    `milestones` are ranks and places of some who wait behind the `waiters`: they take as long on average.
    """

    def __init__(
        self,
        in_work: Iterable[float],
        waiters: Sequence[Waiter],
        processes: int,
        milestones: Sequence[tuple[Rank, int]] = (),
    ) -> None:
        free = sorted(in_work)
        free += [0.0] * (processes - len(free))
        heapq.heapify(free)
        ordered = sorted(waiters, key=lambda waiter: waiter.rank)
        self._ranks = [waiter.rank for waiter in ordered]
        self._starts = [_take(free, waiter.seconds) for waiter in ordered]
        self._end = free[0]
        self._each = sum(waiter.seconds for waiter in ordered) / max(1, len(ordered)) / len(free)
        self._milestones = [rank for rank, _ in milestones]
        self._places = [place for _, place in milestones]

    def starts_in(self, rank: Rank) -> float:
        """Seconds until who has this rank is taken up."""
        place = bisect_left(self._ranks, rank)
        if place < len(self._ranks):
            return self._starts[place]
        passed = bisect_right(self._milestones, rank)
        ahead = self._places[passed - 1] if passed else 0
        return self._end + max(0, ahead - len(self._ranks)) * self._each


def _take(free: list[float], seconds: float) -> float:
    """The process that is free first takes up so many seconds of work; returns when."""
    start = free[0]
    heapq.heapreplace(free, start + seconds)
    return start
