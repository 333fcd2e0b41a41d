"""The files that are measured, written by the benchmarks' environment for one run."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
PEERS_PYTHON = CHECKOUT / ".venv-bench" / "bin" / "python"


@contextmanager
def sample_files(long: int, short: int) -> Iterator[tuple[list[Path], list[Path]]]:
    """PDFs of ten pages and more, and one-page PDF, DOCX and TXT files; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="docmill-bench-files-") as folder:
        words = ["-m", "benchmarks.documents", folder, "--long", str(long), "--short", str(short)]
        subprocess.run([str(PEERS_PYTHON), *words], cwd=CHECKOUT, check=True)
        root = Path(folder)
        yield sorted((root / "long").iterdir()), sorted((root / "short").iterdir())
