"""`docmill pages`, `page` and `correct`: look at a page, take its picture, give it another text."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from tests import made_files as made
from tests.serving import Served

TEXTS = ("Dogs travel on a leash.\nThey sit on the lower deck.", "Bicycles trave1 frec.\nThey stand above.")


def test_a_page_is_looked_at_and_corrected(served: Served, tmp_path: Path) -> None:
    served.here.start("worker")
    served.publish("rules.pdf", made.pdf(TEXTS))

    assert "612 × 792" in served.command("pages", "rules.pdf").stdout
    picture = tmp_path / "page.webp"
    served.command("page", "rules.pdf", "2", "--image", str(picture), "--dpi", "36")
    with Image.open(picture) as image:
        assert image.size == (306, 396)

    read = served.command("page", "rules.pdf", "2", "--text").stdout
    better = read.replace("trave1 frec", "travel free")
    corrected = served.command("correct", "rules.pdf", "2", "--text-file", "-", stdin=better)
    assert (corrected.returncode, corrected.stdout) == (0, "Published: 1 chunk can be found.\n")

    assert served.command("page", "rules.pdf", "2", "--text").stdout == better
    assert "version 2" in served.command("page", "rules.pdf", "2").stdout
    again = served.command("correct", "rules.pdf", "2", "--text-file", "-", stdin=better)
    assert again.stdout.startswith("unchanged")


def test_what_cannot_be_done_says_what_to_do(served: Served, tmp_path: Path) -> None:
    served.upload("rules.pdf", made.pdf(TEXTS))

    waiting = served.command("correct", "rules.pdf", "1", "--text-file", "-", stdin="New.")
    assert "[wrong_state]" in waiting.stderr
    nameless = served.command("page", "rules.pdf", "1", "--image", str(tmp_path / "page"))
    assert (nameless.returncode, ".webp" in nameless.stderr) == (2, True)
    binary = tmp_path / "text"
    binary.write_bytes(b"\xff\xfe\xff")
    assert "UTF-8" in served.command("correct", "rules.pdf", "1", "--text-file", str(binary)).stderr
