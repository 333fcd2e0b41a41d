"""Damages files of every format and has them read: nothing may come of it but blocks or an error.

`make fuzz SECONDS=600` takes the project's samples, files of every format that its tests make, and the real
documents where they are. A file that crashes the reader is kept in benchmarks/out/fuzz, with what the child
said last in the log.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.corpus import corpus_folder
from tests.fuzz.mutations import mutated
from tests.fuzz.seeds import made_files

from docmill.adapters.readers.detect import detect
from docmill.adapters.readers.sandbox import ReadingChild
from docmill.domain.errors import DocmillError
from docmill.domain.reading_errors import ReaderCrashed, ReaderTimeout
from docmill.ports import ReadRequest

KEPT = Path(__file__).parent / "out" / "fuzz"
SAMPLES = Path(__file__).parents[1] / "samples"
SEED_BYTES = 400_000
SLOW_SECONDS = 20.0
_REPORT_EVERY = 200


@dataclass
class Campaign:
    """How the damaged files ended."""

    reading: ReadingChild
    folder: Path
    ends: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def try_file(self, name: str, data: bytes) -> None:
        """Read one file and note its end; one that crashed, hung or raised anything else is kept."""
        path = self.folder / name
        path.write_bytes(data)
        started = time.monotonic()
        end = self._end_of(path)
        seconds = time.monotonic() - started
        self.ends[end] += 1
        self.slowest = max(self.slowest, seconds)
        if end in _BAD or end.startswith("!") or seconds > SLOW_SECONDS:
            self.bad.append(f"{name}: {end} after {seconds:.1f} s")
            KEPT.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, KEPT / name)
        path.unlink()

    def _end_of(self, path: Path) -> str:
        try:
            for _ in self.reading.read(ReadRequest(path, detect(path, path.name).media_type)):
                pass
        except DocmillError as error:
            return error.code
        except Exception as error:  # noqa: BLE001 - that there is none is what is measured
            return f"!{type(error).__name__}"
        return "read"


_BAD = frozenset({ReaderCrashed.code, ReaderTimeout.code})


def seeds() -> dict[str, list[bytes]]:
    """Small files by the ending of their names: real ones, and those that tests make."""
    found: dict[str, list[bytes]] = {}
    for name, content in made_files():
        found.setdefault(Path(name).suffix, []).append(content)
    corpus = corpus_folder()
    folders = [SAMPLES, *([corpus / "formats_docling", corpus / "pdf_samples"] if corpus else [])]
    for path in (path for folder in folders for path in sorted(folder.rglob("*"))):
        if path.is_file() and path.suffix and 0 < path.stat().st_size <= SEED_BYTES:
            found.setdefault(path.suffix.lower(), []).append(path.read_bytes())
    return found


def damaged(first: int, files: dict[str, list[bytes]]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes without end: every format in turn."""
    endings = sorted(files)
    for number in range(first, sys.maxsize):
        ending = endings[number % len(endings)]
        yield f"{number}{ending}", mutated(number, files[ending])


def run(seconds: float, first: int, most: int, endings: Sequence[str]) -> Campaign:
    """Damage and read until the time is over, or there were so many."""
    files = {ending: data for ending, data in seeds().items() if not endings or ending in endings}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "scratch"
        campaign = Campaign(ReadingChild(scratch_dir=scratch), Path(folder))
        until = time.monotonic() + seconds
        for count, (name, data) in enumerate(damaged(first, files), start=1):
            campaign.try_file(name, data)
            if count % _REPORT_EVERY == 0:
                print(count, dict(campaign.ends), f"slowest {campaign.slowest:.1f} s", flush=True)
            if time.monotonic() > until or count >= most:
                break
        campaign.reading.close()
        left = [path.name for path in scratch.iterdir()]
    if left:
        campaign.bad.append(f"left behind: {left}")
    return campaign


def main() -> int:
    """0 when every file ended well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--first", type=int, default=0, help="Number of the first file; a number is a file.")
    parser.add_argument("--most", type=int, default=sys.maxsize, help="Files to try at most.")
    parser.add_argument(
        "--ending", action="append", default=[], help="Only this ending, as .pdf; repeatable."
    )
    given = parser.parse_args()
    campaign = run(given.seconds, given.first, given.most, given.ending)
    print(sum(campaign.ends.values()), dict(campaign.ends), f"slowest {campaign.slowest:.1f} s")
    print(*campaign.bad, sep="\n")
    return 1 if campaign.bad else 0


if __name__ == "__main__":
    sys.exit(main())
