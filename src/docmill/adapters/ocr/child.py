"""The recognising child: `python -m docmill.adapters.ocr.child`, limited and killable as that for reading."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from docmill.adapters.ocr.languages import LanguageData
from docmill.adapters.ocr.messages import wish_of
from docmill.adapters.ocr.recognise import recognise
from docmill.adapters.readers import wire
from docmill.adapters.readers.child_main import main
from docmill.domain.documents import Part


def _answer(request: wire.Message) -> Iterator[wire.Message]:
    path, media_type = Path(str(request["path"])), str(request["media_type"])
    found = recognise(path, media_type, wish_of(request), _data(request["data"]))
    yield {**wire.part_message(Part(found.blocks, 1, 1, (found.page,))), "script": found.unknown_script}


@lru_cache(maxsize=1)
def _data(folder: str | None) -> LanguageData:
    return LanguageData(Path(folder) if folder else None)


if __name__ == "__main__":
    os.environ["OMP_THREAD_LIMIT"] = "1"  # Tesseract asks for it when its library is loaded
    sys.exit(main(_answer))
