"""What a reading child may unpack, as it is asked, and the places of what it found, as it says them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from docmill.domain.documents import Part, Unpacking
from docmill.domain.reading_errors import ReaderCrashed


def as_request(unpacking: Unpacking) -> dict[str, int]:
    """The limits; the folder is the child's own."""
    return {name: value for name, value in asdict(unpacking).items() if name != "folder"}


def with_places(part: Part, folder: Path) -> Part:
    """The part with the place of each file found. Raises ReaderCrashed for a name that leads elsewhere."""
    if not part.attachments:
        return part
    found = (replace(item, path=_inside(folder, item.path)) for item in part.attachments)
    return replace(part, attachments=tuple(found))


def _inside(folder: Path, name: str) -> str:
    if not name:
        return ""
    if not isinstance(name, str) or Path(name).name != name or name == "..":
        raise ReaderCrashed
    return str(folder / name)
