"""Pictures inside a packed file, such as an office document: what they are called, and their bytes."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from urllib.parse import unquote

from docmill.domain.errors import PageNotDrawn, ReaderTooLarge

PICTURE_BYTES = 64 * 1024**2

_INSIDE = re.compile(r"(?:\.{1,2}/)*((?![a-z][\w+.-]*:)[^/\s][^?#]*\.(?:png|jpe?g|tiff?|webp))", re.I)
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


def name_inside(target: str | None) -> str | None:
    """The name of a picture that a document shows, if it lies in its file and is of a kind that is read."""
    found = _INSIDE.fullmatch(unquote(target or ""))
    return found[1] if found else None


def inner_picture(path: Path, name: str) -> bytes:
    """The bytes of a member with this name, below whatever folder. Raises PageNotDrawn, ReaderTooLarge."""
    try:
        with zipfile.ZipFile(path) as package:
            members = [item for item in package.infolist() if f"/{item.filename}".endswith(f"/{name}")]
            if not members:
                raise PageNotDrawn("The document shows a picture that is not in it.")
            if members[0].file_size > PICTURE_BYTES:
                raise ReaderTooLarge("A picture in the document is too large.")
            with package.open(members[0]) as file:
                return file.read(PICTURE_BYTES)
    except _DAMAGE as error:
        raise PageNotDrawn from error
