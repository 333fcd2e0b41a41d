"""How near the text of Office files, web pages and others comes to the Markdown that a good reader makes.

Beside docmill stand markitdown and the engine by itself, on the same files in the same run. Two measures,
each the F1 of two bags: of words (letters and digits, in lower case), and of blocks (paragraphs, headings,
list items and rows of tables by their words alone). The value of a format is the mean over its files; a
file that is not read counts 0.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

from benchmarks.figures import Figure, at_least
from benchmarks.read_files import read_all

from docmill.domain.text import to_markdown

ROOT = Path(__file__).resolve().parents[1]
PEER_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
FORMATS = ("docx", "pptx", "xlsx", "html", "md", "csv", "epub", "asciidoc", "webvtt")
PEERS = ("markitdown", "engine")

_NOT_SHOWN = re.compile(r"<!--.*?-->|data:[\w/+.-]+;base64,[\w+/=]*", re.S)
_RULE = re.compile(r"[\s|:+=-]*")
_ROW = re.compile(r"\s*\|.*\|\s*")
_ITEM = re.compile(r"\s*([-*+•]|\d+[.)])\s")


def evaluate_texts(folder: Path) -> list[Figure]:
    """Rows for each format and measure, the better of the peers as the goal."""
    return [row for kind in FORMATS for row in _format_rows(kind, folder / "formats_docling" / kind)]


def _format_rows(kind: str, folder: Path) -> Iterator[Figure]:
    files = sorted(path for path in (folder / "sources").iterdir() if _truth(path).exists())
    truths = [_truth(path).read_text(encoding="utf-8") for path in files]
    told: dict[str, list[str | None]] = {"docmill": [to_markdown(blocks) for blocks in read_all(files)]}
    told |= ask_peers(files)
    for name, bag in (("words", words), ("blocks", blocks_of)):
        means = {
            engine: mean(f1(bag(truth), bag(text or "")) for truth, text in zip(truths, texts, strict=True))
            for engine, texts in told.items()
        }
        beside = ", ".join(f"{engine} {means[engine]:.3f}" for engine in PEERS)
        best = max(means[engine] for engine in PEERS)
        yield at_least(f"text_{kind}_{name}_f1", round(means["docmill"], 4), round(best, 4), beside)


def ask_peers(files: Sequence[Path]) -> dict[str, list[str | None]]:
    """What each peer makes of the files; `benchmarks/setup.sh` makes their environment."""
    return {engine: _ask(engine, files) for engine in PEERS}


def _ask(engine: str, files: Sequence[Path]) -> list[str | None]:
    done = subprocess.run(
        [PEER_PYTHON, "-m", "benchmarks.peers.texts", engine],
        input=json.dumps([str(path) for path in files]),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        check=True,
    )
    answer: list[str | None] = json.loads(done.stdout)
    return answer


def _truth(path: Path) -> Path:
    return path.parent.parent / "groundtruth" / f"{path.name}.md"


def words(markdown: str) -> Counter[str]:
    """The words of a text."""
    return Counter(re.findall(r"\w+", _NOT_SHOWN.sub(" ", markdown).casefold()))


def blocks_of(markdown: str) -> Counter[str]:
    """The blocks of a text, each by its words alone."""
    bare = (
        " ".join(re.findall(r"\w+", block.casefold())) for block in _blocks(_NOT_SHOWN.sub(" ", markdown))
    )
    return Counter(block for block in bare if block)


def _blocks(markdown: str) -> Iterator[str]:
    for piece in re.split(r"\n\s*\n", markdown):
        open_lines: list[str] = []
        for line in piece.splitlines():
            if _ROW.fullmatch(line) or _ITEM.match(line) or line.lstrip().startswith("#"):
                yield "\n".join(open_lines)
                open_lines = []
                yield from () if _RULE.fullmatch(line) else (line,)
            else:
                open_lines.append(line)
        yield "\n".join(open_lines)


def f1(expected: Counter[str], found: Counter[str]) -> float:
    """Twice what they share, of what both hold; two empty bags are alike."""
    both = expected.total() + found.total()
    return 2 * (expected & found).total() / both if both else 1.0
