"""The bytes of a picture inside a file, by the name that the reader of the file gave it."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from docmill.adapters.readers.data_pictures import picture_in
from docmill.adapters.readers.decoding import decode
from docmill.adapters.readers.mime import DAMAGE
from docmill.domain import media_types as types
from docmill.domain.reading_errors import DamagedFile, PageNotDrawn, ReaderTooLarge

PICTURE_BYTES = 64 * 1024**2

_Way = Callable[[Path, str], bytes | None]

_DAMAGE = (
    *DAMAGE,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    DamagedFile,
)


def inner_picture(path: Path, media_type: str, name: str) -> bytes:
    """The bytes of the picture of this name in a file of this type. Raises PageNotDrawn, ReaderTooLarge."""
    try:
        data = _WAYS.get(media_type, _member)(path, name)
    except _DAMAGE as error:
        raise PageNotDrawn from error
    if data is None:
        raise PageNotDrawn("The document shows a picture that is not in it.")
    if len(data) > PICTURE_BYTES:
        raise ReaderTooLarge("A picture in the document is too large.")
    return data


def _member(path: Path, name: str) -> bytes | None:
    """A member of a package with this name, below whatever folder; of one too large, a byte too much."""
    with zipfile.ZipFile(path) as package:
        for item in package.infolist():
            if f"/{item.filename}".endswith(f"/{name}"):
                with package.open(item) as file:
                    return file.read(PICTURE_BYTES + 1)
    return None


def _in_text(path: Path, name: str) -> bytes | None:
    return picture_in(decode(path.read_bytes()).text, name)


def _as_read_by(module: str) -> _Way:
    """The way of a reader that knows its own pictures; it is imported when the first is asked for."""

    def picture(path: Path, name: str) -> bytes | None:
        found: bytes | None = import_module(f"docmill.adapters.readers.{module}").picture(path, name)
        return found

    return picture


_WAYS: Mapping[str, _Way] = {
    types.HTML: _in_text,
    types.MARKDOWN: _in_text,
    types.ASCIIDOC: _in_text,
    types.MHTML: _as_read_by("web_archive"),
    types.EML: _as_read_by("mail"),
    types.MSG: _as_read_by("outlook"),
    types.NOTEBOOK: _as_read_by("notebook_pictures"),
}
