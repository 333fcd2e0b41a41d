"""Run in .venv-bench: what markitdown and the engine by itself make of files, as Markdown.

`python -m benchmarks.peers.texts ENGINE` reads a JSON list of paths from standard input and writes a list of
texts, null for files that the engine does not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import mimetypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

from markitdown import MarkItDown
from xberg import ExtractInput, ExtractionConfig, extract


def by_markitdown(path: str) -> str:
    """What `markitdown FILE` prints."""
    return str(MarkItDown(enable_plugins=False).convert(path).markdown)


def by_engine(path: str) -> str:
    """What the engine behind docmill's Office reader gives with its defaults."""
    given = ExtractInput(
        kind="bytes",
        bytes=Path(path).read_bytes(),
        filename=Path(path).name,
        mime_type=mimetypes.guess_type(path)[0],
    )
    config = ExtractionConfig(use_cache=False, output_format="markdown", disable_ocr=True)
    result = asyncio.run(extract(given, config))
    return str(result.results[0].content)


def attempt(convert: Callable[[str], str], path: str) -> str | None:
    """The text; None where this engine does not read the file, however it says so."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            return convert(path)
        except Exception as error:  # noqa: BLE001 - each engine has errors of its own
            print(path, type(error).__name__, file=sys.stderr)
            return None


ENGINES = {"markitdown": by_markitdown, "engine": by_engine}


def main() -> None:
    """Answer the request on standard input."""
    convert = ENGINES[sys.argv[1]]
    json.dump([attempt(convert, path) for path in json.load(sys.stdin)], sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # the engine's threads may abort the process when it ends in the ordinary way


if __name__ == "__main__":
    main()
