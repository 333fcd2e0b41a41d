"""Documents in zip archives on their way into the engine, with some of their parts changed."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from functools import lru_cache

from docmill.adapters.readers.package_parts import ReadPart, reading
from docmill.adapters.readers.packages import DAMAGE

UNPACKED_BYTES = 400 * 1024 * 1024
PART_BYTES = 4 * 1024 * 1024  # of a part that is read beside one that may be changed

Change = Callable[[str, str, ReadPart], str]  # from the name of a part and its text


def repacked(package: bytes, parts: re.Pattern[str], change: Change, most: int = UNPACKED_BYTES) -> bytes:
    """The package with a change to the parts of these names; as it is where none of them is changed.

    One that claims to unpack to more than `most`, or is damaged, is left to the engine as it is.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            changed = _changed(archive, parts, change, most)
            return _rewritten(archive, changed) if changed else package
    except (zipfile.BadZipFile, NotImplementedError, *DAMAGE):
        return package


def _changed(archive: zipfile.ZipFile, parts: re.Pattern[str], change: Change, most: int) -> dict[str, str]:
    if sum(member.file_size for member in archive.infolist()) > most:
        return {}
    names = [name for name in dict.fromkeys(archive.namelist()) if parts.fullmatch(name)]
    texts = ((name, archive.read(name).decode("utf-8", "replace")) for name in names)
    read = lru_cache(maxsize=8)(reading(archive, PART_BYTES))
    return {name: told for name, text in texts if (told := change(name, text, read)) != text}


def _rewritten(archive: zipfile.ZipFile, changed: dict[str, str]) -> bytes:
    """A file called mimetype tells what a package is: it stands first, not deflated."""
    out = io.BytesIO()
    names = sorted(dict.fromkeys(archive.namelist()), key=lambda name: name != "mimetype")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name in names:
            packing = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            package.writestr(name, changed[name] if name in changed else archive.read(name), packing)
    return out.getvalue()
