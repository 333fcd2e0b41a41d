"""The drawing child: `python -m docmill.adapters.pictures.child`. Limited as a reading child is."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path

from docmill.adapters.pictures.drawing import draw
from docmill.adapters.readers import wire
from docmill.adapters.readers.child_main import main
from docmill.domain.documents import Box
from docmill.domain.pictures import Picture, PictureForm


def _picture_of(request: wire.Message) -> Picture:
    page, width, height, dpi, form, boxes = request["picture"]
    return Picture(page, width, height, dpi, PictureForm(form), tuple(Box(*box) for box in boxes))


def _draw(request: wire.Message) -> Iterator[wire.Message]:
    drawn = draw(Path(str(request["path"])), str(request["media_type"]), _picture_of(request))
    yield {"drawn": base64.b64encode(drawn).decode("ascii")}


if __name__ == "__main__":
    sys.exit(main(_draw))
