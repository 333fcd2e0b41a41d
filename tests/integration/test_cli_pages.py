"""`docmill pages`, `page` and `correct`: look at a page, take its picture, give it another text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image
from tests import made_files as made
from tests.serving import KEY, Served

TEXTS = ("Dogs travel on a leash.\nThey sit on the lower deck.", "Bicycles trave1 frec.\nThey stand above.")


def docmill(api: Served, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command against this API."""
    return subprocess.run(
        [sys.executable, "-m", "docmill", *words],
        env={**os.environ, "DOCMILL_API_URL": api.url, "DOCMILL_API_KEY": KEY},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_page_is_looked_at_and_corrected(served: Served, tmp_path: Path) -> None:
    served.here.start("worker")
    served.publish("rules.pdf", made.pdf(TEXTS))

    assert "612 × 792" in docmill(served, "pages", "rules.pdf").stdout
    picture = tmp_path / "page.webp"
    docmill(served, "page", "rules.pdf", "2", "--image", str(picture), "--dpi", "36")
    with Image.open(picture) as image:
        assert image.size == (306, 396)

    read = docmill(served, "page", "rules.pdf", "2", "--text").stdout
    better = read.replace("trave1 frec", "travel free")
    corrected = docmill(served, "correct", "rules.pdf", "2", "--text-file", "-", stdin=better)
    assert (corrected.returncode, corrected.stdout) == (0, "Published: 1 chunk can be found.\n")

    assert docmill(served, "page", "rules.pdf", "2", "--text").stdout == better
    assert "version 2" in docmill(served, "page", "rules.pdf", "2").stdout
    again = docmill(served, "correct", "rules.pdf", "2", "--text-file", "-", stdin=better)
    assert again.stdout.startswith("unchanged")


def test_what_cannot_be_done_says_what_to_do(served: Served, tmp_path: Path) -> None:
    served.upload("rules.pdf", made.pdf(TEXTS))

    waiting = docmill(served, "correct", "rules.pdf", "1", "--text-file", "-", stdin="New.")
    assert "[wrong_state]" in waiting.stderr
    nameless = docmill(served, "page", "rules.pdf", "1", "--image", str(tmp_path / "page"))
    assert (nameless.returncode, ".webp" in nameless.stderr) == (2, True)
    binary = tmp_path / "text"
    binary.write_bytes(b"\xff\xfe\xff")
    assert "UTF-8" in docmill(served, "correct", "rules.pdf", "1", "--text-file", str(binary)).stderr
