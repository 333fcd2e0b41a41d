"""A target for atheris: bytes at the edges of the readers that are ours. `make fuzz` runs it.

The first byte says which edge, the rest is the file or message. Our own errors are an answer, others a find.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["docmill.adapters.readers"]):
    from docmill.adapters.readers import wire
    from docmill.adapters.readers.decoding import decode
    from docmill.adapters.readers.detect import detect
    from docmill.adapters.readers.nesting import mended
    from docmill.adapters.readers.registry import reader_for
    from docmill.adapters.readers.rendered import rendered_blocks
from docmill.domain import media_types as types
from docmill.domain.errors import DocmillError

NAMES = ("a", "a.pdf", "a.docx", "a.md", "a.csv", "a.html", "a.eml", "a.msg", "a.yaml", "a.ipynb")
OURS = (types.TEXT, types.MARKDOWN, types.CSV, types.TSV, types.JSON, types.JSONL, types.EML, types.YAML)


def edges(folder: Path) -> list[Callable[[bytes], Any]]:
    """Everything that takes a stranger's bytes and is written in Python here."""
    file = folder / "file"

    def stored(data: bytes) -> Path:
        file.write_bytes(data)
        return file

    return [
        *(lambda data, name=name: detect(stored(data), name) for name in NAMES),
        *(lambda data, kind=kind: list(reader_for(kind).read(stored(data), kind)) for kind in OURS),
        lambda data: mended(decode(data).text),
        lambda data: list(rendered_blocks(decode(data).text)),
        lambda data: wire.told(wire.parse(data)),
    ]


def main() -> None:
    """Runs until libFuzzer's own limits, as -max_total_time, say so."""
    with tempfile.TemporaryDirectory() as folder:
        targets = edges(Path(folder))

        def one(data: bytes) -> None:
            try:
                targets[(data[0] if data else 0) % len(targets)](data[1:])
            except DocmillError:
                return

        atheris.Setup(sys.argv, one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
