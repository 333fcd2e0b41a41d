"""Which names are taken. Others are refused, never repaired: nobody finds what we renamed."""

from __future__ import annotations

import unicodedata
from uuid import UUID

from docmill.domain.errors import InvalidName

MAX_FILE_NAME_BYTES = 255
MAX_DATASET_NAME_CHARACTERS = 100

_UNSEEN_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTION_MARKS = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


def check_file_name(name: str) -> str:
    """The name itself when it is a plain file name. Raises InvalidName."""
    if not name.strip() or name in {".", ".."}:
        raise InvalidName("The file has no name. Send it with a plain file name.")
    if "/" in name or "\\" in name:
        raise InvalidName("The file name holds parts of a path. Send the plain file name only.")
    if any(_is_unseen(character) for character in name):
        raise InvalidName("The file name holds control characters. Rename the file and send it again.")
    if len(name.encode()) > MAX_FILE_NAME_BYTES:
        raise InvalidName(f"The file name is longer than {MAX_FILE_NAME_BYTES} bytes. Shorten it.")
    return name


def plain_name(path: str) -> str:
    """The file name at the end of a path that somebody else wrote, as `check_file_name` takes it."""
    name = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = "".join("_" if _is_unseen(character) else character for character in name).strip()
    stem, dot, extension = name.rpartition(".")
    while len(name.encode()) > MAX_FILE_NAME_BYTES:
        stem = stem[:-1]
        name = stem + dot + extension if stem else name[:-1]
    return name if name.strip(".") else "file"


def check_dataset_name(name: str) -> str:
    """The name in its composed form (NFC) when a dataset may be called so. Raises InvalidName.

    One name typed on two systems may be two strings: only this form is stored, looked up and hashed.
    """
    name = composed(name)
    letters = all(_is_of_a_word(character) or character in " ._-" for character in name)
    if not letters or name != name.strip() or not 0 < len(name) <= MAX_DATASET_NAME_CHARACTERS:
        raise InvalidName(
            "A dataset's name has 1 to 100 letters, digits, spaces, dots, dashes or underscores, "
            "and neither begins nor ends with a space."
        )
    if as_uuid(name) is not None:
        raise InvalidName("A dataset's name must not look like an id. Choose another one.")
    return name


def composed(name: str) -> str:
    """The name with each letter and its accents as one character, where there is one (Unicode's NFC)."""
    return unicodedata.normalize("NFC", name)


def as_uuid(text: str) -> UUID | None:
    """The UUID that this text spells, None if it spells none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _is_of_a_word(character: str) -> bool:
    """Letters, digits, and the marks that many scripts write vowels with."""
    return character.isalnum() or unicodedata.category(character) in {"Mn", "Mc"}


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN_CATEGORIES or character in _DIRECTION_MARKS
