"""The drawing child: `python -m docmill.adapters.pictures.child`. Limited as a reading child is."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path

from docmill.adapters.pictures.drawing import draw
from docmill.adapters.pictures.messages import picture_of
from docmill.adapters.readers import wire
from docmill.adapters.readers.child_main import main


def _draw(request: wire.Message) -> Iterator[wire.Message]:
    drawn = draw(Path(str(request["path"])), str(request["media_type"]), picture_of(request))
    yield {"drawn": base64.b64encode(drawn).decode("ascii")}


if __name__ == "__main__":
    sys.exit(main(_draw))
