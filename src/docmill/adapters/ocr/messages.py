"""What is asked of the recognising child, and what it answers."""

from __future__ import annotations

import os
from dataclasses import astuple
from pathlib import Path

from docmill.adapters.readers import wire
from docmill.domain.documents import Box
from docmill.domain.recognition import Recognised, Wish


def request_of(wish: Wish, data_dir: Path | None) -> dict[str, object]:
    """What is asked of the child, as part of a message."""
    only = astuple(wish.only) if wish.only else None
    values = [wish.page, list(wish.languages), wish.hint, wish.attempt, only, wish.picture]
    return {"wish": values, "data": os.fspath(data_dir) if data_dir else None}


def wish_of(request: wire.Message) -> Wish:
    """What the child was asked to recognise."""
    page, languages, hint, attempt, only, picture = request["wish"]
    box = Box(*only) if only else None
    return Wish(page, tuple(languages), hint, attempt, float(request["seconds"]), box, picture)


def recognised_of(message: wire.Message) -> Recognised:
    """What the child answered."""
    part = wire.part_of(message["part"])
    return Recognised(part.pages[0], part.blocks, message["script"])
