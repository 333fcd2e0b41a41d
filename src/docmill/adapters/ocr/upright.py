"""Sets a picture straight, and finds places in the crooked one again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_SKEW = 12.0  # degrees that are looked at
_LEAST_SKEW = 0.25  # below it, Tesseract sees no difference, and turning blurs
_LOOKED_AT = 1_000  # pixels of the longer side are enough to see it
_MOST_INK, _TELLING_INK = 120_000, 100
_CLEARLY = 1.5  # times as level are the lines one way than the other
_WHITE = 255


@dataclass(frozen=True, slots=True)
class Straightened:
    """A picture, turned by `quarters` × 90° and then by `degrees`, both against the clock."""

    image: Image
    original: tuple[int, int]
    quarters: int = 0
    degrees: float = 0.0

    def place(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        """Where a rectangle of this picture lies in the original one: the upright one around it."""
        corners = [self._back(x, y) for x, y in ((x0, y0), (x1, y0), (x0, y1), (x1, y1))]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        width, height = self.original
        return max(0.0, min(xs)), max(0.0, min(ys)), min(width, max(xs)), min(height, max(ys))

    def _back(self, x: float, y: float) -> tuple[float, float]:
        width, height = self.original if self.quarters % 2 == 0 else self.original[::-1]
        x, y = x - self.image.width / 2, y - self.image.height / 2
        turn = math.radians(self.degrees)
        x, y = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
        x, y = x + width / 2, y + height / 2
        for _ in range(self.quarters):
            x, y, width, height = height - y, x, height, width
        return x, y


def straightened(image: Image, quarters: int = 0) -> Straightened:
    """The picture turned by so many quarters against the clock, and then as far as its lines are skew."""
    from PIL.Image import Resampling

    turned = image.rotate(90 * quarters, expand=True) if quarters else image
    degrees = skew(turned)
    if abs(degrees) >= _LEAST_SKEW:
        upright = turned.rotate(degrees, Resampling.BICUBIC, expand=True, fillcolor=_paper(turned))
        return Straightened(upright, image.size, quarters, degrees)
    return Straightened(turned, image.size, quarters)


def skew(image: Image) -> float:
    """By how many degrees the picture has to be turned against the clock for its lines to be level.

    The lines of a text are level when the counts of ink by row differ most (after Postl, 1986).
    """
    x, y = _ink(image)
    if x.size < _TELLING_INK:
        return 0.0
    best = _best(x, y, np.arange(-MOST_SKEW, MOST_SKEW + 0.01, 0.5))
    return _best(x, y, np.arange(best - 0.5, best + 0.51, 0.05))


def lies_on_its_side(image: Image) -> bool:
    """Whether the lines of text clearly run up or down the picture instead of across."""
    x, y = _ink(image)
    if x.size < _TELLING_INK:
        return False
    return _clearest(y, x) > _CLEARLY * _clearest(x, y)


def _clearest(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    return max(_levelness(x, y, float(angle)) for angle in np.arange(-MOST_SKEW, MOST_SKEW + 0.01, 1.0))


def has_ink(image: Image) -> bool:
    """Whether there is anything on the paper."""
    return bool(_ink(image)[0].size > 8)


def _best(x: NDArray[np.float32], y: NDArray[np.float32], angles: NDArray[np.float64]) -> float:
    scores = [_levelness(x, y, float(angle)) for angle in angles]
    return round(float(angles[int(np.argmax(scores))]), 2)


def _levelness(x: NDArray[np.float32], y: NDArray[np.float32], degrees: float) -> float:
    rows = y - x * np.float32(math.tan(math.radians(degrees)))
    counts = np.bincount((rows - rows.min()).astype(np.int32)).astype(np.float64)
    return float(np.square(np.diff(counts)).sum())


def _ink(image: Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Column and row of the dark pixels of the picture, made small."""
    small = image.reduce(max(1, math.ceil(max(image.size) / _LOOKED_AT)))
    grey = np.asarray(small, np.uint8)
    paper = float(np.percentile(grey, 90))
    dark = grey < min(paper - 40, 0.75 * paper)
    if paper < 100:  # white on black
        dark = grey > paper + 40
    y, x = np.nonzero(dark)
    step = max(1, y.size // _MOST_INK)
    return x[::step].astype(np.float32), y[::step].astype(np.float32)


def _paper(image: Image) -> int:
    return int(np.percentile(np.asarray(image.reduce(8) if min(image.size) > 64 else image, np.uint8), 90))
