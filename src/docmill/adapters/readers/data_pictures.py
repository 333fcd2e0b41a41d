"""Pictures that stand in a text itself, in addresses such as `data:image/png;base64,…`."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote

from docmill.adapters.readers.picture_names import KINDS

_HEAD = rf"(?i:{KINDS}(?:;[\w.=+-]+)*;base64),"
# Only between quotation marks white space may be part of an address.
_ADDRESS = re.compile(
    rf"data:image/(?:(?<=[\"']data:image/){_HEAD}([\w+/=%&#;\s-]*)(?=[\"'])|{_HEAD}([\w+/=%-]*))", re.A
)


def with_names(text: str) -> str:
    """The text with `data:0`, `data:1` and so on for its pictures; the same picture has the same name."""
    names: dict[str, str] = {}
    return _ADDRESS.sub(lambda found: names.setdefault(found[0], f"data:{len(names)}"), text)


def names_in(text: str) -> list[str]:
    """The names of the pictures in a text, each once."""
    return [f"data:{number}" for number in range(len(set(_addresses(text))))]


def picture_in(text: str, name: str) -> bytes | None:
    """The bytes of the picture of this name; None where the text has none. Raises ValueError."""
    number = int(name.removeprefix("data:"))
    return next((data_of(a) for at, a in enumerate(dict.fromkeys(_addresses(text))) if at == number), None)


def data_of(encoded: str) -> bytes:
    """The bytes of an address, or of base64 alone. Raises ValueError where they are none."""
    try:
        return b64decode("".join(unquote(unescape(encoded.rpartition(",")[2])).split()) + "==")
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _addresses(text: str) -> Iterator[str]:
    return (found[0] for found in _ADDRESS.finditer(text))
