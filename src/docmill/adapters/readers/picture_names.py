"""What a picture that a document shows is called inside its file, by where the document says it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

Naming = Callable[[str], str | None]  # from an address to a name, None for what is not read or lies elsewhere

KINDS = r"(?:png|jpe?g|tiff?|webp)"
READ = re.compile(rf"image/(?:x-)?p?{KINDS}", re.I)  # the media types, also by their old names

_INSIDE = re.compile(rf"(?:\.{{1,2}}/)*((?![a-z][\w+.-]*:)[^/\s][^?#]*\.{KINDS})", re.I)
_IN_A_TEXT = re.compile(r"data:\d{1,9}")


def name_inside(target: str | None) -> str | None:
    """The name of the picture at an address, if it lies in its package and is of a kind that is read."""
    found = _INSIDE.fullmatch(unquote(target or ""))
    return found[1] if found else None


def name_in_text(target: str) -> str | None:
    """The name of a picture that stands in the text itself, after `with_names`."""
    return target if _IN_A_TEXT.fullmatch(target) else None


def nowhere(_target: str) -> None:
    """The naming of documents whose pictures are not looked at."""
