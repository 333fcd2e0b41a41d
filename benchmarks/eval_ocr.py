"""How well pages are recognised: character error rate on real scans, beside Tesseract alone in one run.

Pages are recognised as in production: in a child of its own, which has one thread. So has Tesseract alone.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.figures import Figure, at_least, at_most, info
from PIL import Image

from docmill.adapters.ocr.languages import PACKAGED
from docmill.adapters.ocr.picture import page_picture
from docmill.adapters.ocr.recognizer import RecognisingChild
from docmill.domain.media_types import PDF, PNG, TIFF
from docmill.domain.recognition import Wish

QUARTERS = (90, 180, 270)
SKEWS = (-10, -4, 3, 8)
PICTURES = (".tif", ".png", ".jpg")


@dataclass(frozen=True, slots=True)
class _Bench:
    """The recogniser, and a folder for the pictures that are made here."""

    recognizer: RecognisingChild
    scratch: Path

    def text(self, picture: Path, media_type: str = TIFF) -> str:
        """What is recognised; of a script that cannot be read, its name."""
        found = self.recognizer.recognise(picture, media_type, Wish(1))
        return found.unknown_script or " ".join(word.text for word in found.page.words)

    def turned(self, picture: Path, degrees: float) -> str:
        """What is recognised once the picture is turned."""
        path = self.scratch / f"{picture.stem}_{degrees}.png"
        with Image.open(picture) as image:
            dpi = image.info.get("dpi", (300, 300))
            paper = image.convert("L")
        paper.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255).save(path, dpi=dpi)
        return self.text(path, PNG)


def evaluate_ocr(folder: Path) -> list[Figure]:
    """Each scan with its text as it is and skew, and every page of the corpus lying on each of its sides."""
    with (
        tempfile.TemporaryDirectory(prefix="docmill-eval-") as scratch,
        closing(RecognisingChild()) as recognizer,
    ):
        bench = _Bench(recognizer, Path(scratch))
        scans = list(_scans_with_text(folder))
        return [*_errors(bench, scans), *_turned(bench, list(_pages(folder, bench.scratch)))]


def _scans_with_text(folder: Path) -> Iterator[Path]:
    for text in sorted((folder / "ocr_tesseract").glob("*.txt")):
        picture = text.with_suffix(".tif")
        if picture.exists():
            yield picture


def _errors(bench: _Bench, scans: list[Path]) -> Iterator[Figure]:
    ours = {path: error_rate(bench.text(path), _truth(path)) for path in scans}
    alone = {path: error_rate(_tesseract(path), _truth(path)) for path in scans}
    best = statistics.mean(alone.values())
    yield at_most("ocr_character_error_rate", statistics.mean(ours.values()), best, "Tesseract alone, psm 3")
    yield info("ocr_character_error_rate_tesseract_alone", best)
    for path in scans:
        yield info(f"ocr_character_error_rate_{path.stem}", ours[path], f"Tesseract alone {alone[path]:.4f}")
    skew = [error_rate(bench.turned(path, angle), _truth(path)) for path in scans for angle in SKEWS]
    yield info("ocr_character_error_rate_skew", statistics.mean(skew), f"turned by {SKEWS} degrees")


def _turned(bench: _Bench, pages: list[Path]) -> Iterator[Figure]:
    same: list[bool] = []
    for page in pages:
        upright = bench.text(page)
        different = [angle for angle in QUARTERS if bench.turned(page, angle) != upright]
        same += [angle not in different for angle in QUARTERS]
        if different:
            yield info(f"ocr_other_text_{page.stem}", len(different), f"turned by {different} degrees")
    yield at_least("ocr_same_text_when_turned", statistics.mean(same), 1.0, f"{len(pages)} pages")


def _pages(folder: Path, scratch: Path) -> Iterator[Path]:
    """Every picture in the corpus, some of a single word, and the first page of every scanned PDF file."""
    for path in sorted((folder / "ocr_tesseract").iterdir()):
        if path.suffix in PICTURES:
            yield path
    scanned = folder / "formats_docling" / "ocr" / "sources"
    yield scanned / "qr_bill_example.jpg"
    for path in sorted(scanned.glob("*.pdf")):
        drawn = scratch / f"{path.stem}.png"
        page_picture(path, PDF, 1).image.save(drawn, dpi=(300, 300))
        yield drawn


def _truth(path: Path) -> str:
    return path.with_suffix(".txt").read_text()


def _tesseract(path: Path) -> str:
    os.environ["OMP_THREAD_LIMIT"] = "1"  # read when its library is loaded
    import tesserocr  # noqa: PLC0415

    with Image.open(path) as picture:
        return str(tesserocr.image_to_text(picture.convert("L"), path=str(PACKAGED), psm=tesserocr.PSM.AUTO))


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
