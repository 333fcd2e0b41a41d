"""How well pages are recognised: character error rate on real scans, beside Tesseract alone in one run."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tesserocr
from benchmarks.figures import Figure, at_least, at_most, info
from PIL import Image

from docmill.adapters.ocr.languages import PACKAGED, LanguageData
from docmill.adapters.ocr.recognise import recognise
from docmill.domain.recognition import Wish

ANGLES = (90, 180, 270)
SKEWS = (-10, -4, 3, 8)


def evaluate_ocr(folder: Path) -> list[Figure]:
    """Each scan with its text as it is, lying on its sides, and skew."""
    with tempfile.TemporaryDirectory(prefix="docmill-eval-") as scratch:
        return [*_rows(list(_scans(folder)), Path(scratch))]


def _scans(folder: Path) -> Iterator[Path]:
    for text in sorted((folder / "ocr_tesseract").glob("*.txt")):
        picture = text.with_suffix(".tif")
        if picture.exists():
            yield picture


def _rows(scans: list[Path], scratch: Path) -> Iterator[Figure]:
    ours = {path: error_rate(_recognised(path), _truth(path)) for path in scans}
    alone = {path: error_rate(_tesseract(path), _truth(path)) for path in scans}
    best = statistics.mean(alone.values())
    yield at_most("ocr_character_error_rate", statistics.mean(ours.values()), best, "Tesseract alone, psm 3")
    yield info("ocr_character_error_rate_tesseract_alone", best)
    for path in scans:
        yield info(f"ocr_character_error_rate_{path.stem}", ours[path], f"Tesseract alone {alone[path]:.4f}")
    turned = [_is_the_same(path, angle, scratch) for path in scans for angle in ANGLES]
    yield at_least("ocr_same_text_when_turned", statistics.mean(turned), 1.0)
    skew = [
        error_rate(_recognised(_turned(path, angle, scratch)), _truth(path))
        for path in scans
        for angle in SKEWS
    ]
    yield info("ocr_character_error_rate_skew", statistics.mean(skew), f"turned by {SKEWS} degrees")


def _truth(path: Path) -> str:
    return path.with_suffix(".txt").read_text()


def _recognised(path: Path) -> str:
    found = recognise(path, "image/tiff", Wish(1), LanguageData())
    return " ".join(word.text for word in found.page.words)


def _tesseract(path: Path) -> str:
    with Image.open(path) as picture:
        return str(tesserocr.image_to_text(picture.convert("L"), path=str(PACKAGED), psm=tesserocr.PSM.AUTO))


def _is_the_same(path: Path, angle: int, scratch: Path) -> float:
    return float(_recognised(_turned(path, angle, scratch)) == _recognised(path))


def _turned(path: Path, angle: int, scratch: Path) -> Path:
    turned = scratch / f"{path.stem}_{angle}.png"
    with Image.open(path) as picture:
        dpi = picture.info.get("dpi", (300, 300))
        paper = picture.convert("L")
        paper.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255).save(turned, dpi=dpi)
    return turned


def error_rate(found: str, truth: str) -> float:
    """Insertions, deletions and substitutions by the characters of the truth; white space is a space."""
    found, truth = " ".join(found.split()), " ".join(truth.split())
    return _distance(found, truth) / max(1, len(truth))


def _distance(one: str, other: str) -> int:
    """Levenshtein's, a row at a time."""
    codes = np.array([ord(character) for character in other])
    steps = np.arange(len(other) + 1)
    row = steps
    for number, character in enumerate(one, start=1):
        changed = np.minimum(row[:-1] + (codes != ord(character)), row[1:] + 1)
        row = np.minimum.accumulate(np.concatenate(([number], changed)) - steps) + steps
    return int(row[-1])
