"""Bytes to text, so that every character of the text is a character of the user's file."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from docmill.domain.reading_errors import DamagedFile

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_WESTERN = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file without its byte order mark, and sentences about how it was decoded."""

    text: str
    notices: tuple[str, ...] = ()


def decode(data: bytes) -> Decoded:
    """Decode by byte order mark, then as UTF-8, also with a few broken characters, or UTF-16.

    Else as Windows-1252 with a notice.

    What PostgreSQL cannot store (NUL, lone surrogates) becomes U+FFFD, one for one.
    Raises DamagedFile when a byte order mark promises an encoding the bytes do not keep, and when the
    bytes are neither Unicode nor a western 8-bit encoding: guessing would store wrong letters.
    """
    name, start = _encoding(data)
    if name in _WESTERN and (mended := _mostly_utf8(data)):
        return mended
    if name in _WESTERN and _mostly_high(data):
        raise DamagedFile("The encoding of the text is not known. Save it as UTF-8 and send it again.")
    try:
        return Decoded(storable(data[start:].decode(name)), _notices(name))
    except UnicodeDecodeError as error:
        raise DamagedFile(f"The file is marked as {name.upper()} but is not. Save it as UTF-8.") from error


def decode_head(head: bytes) -> str | None:
    """The beginning of a text file; None when it is not text. A character cut at the end is dropped."""
    name, start = _encoding(head, whole=False)
    if name in _WESTERN and len(_BINARY.findall(head)) * 100 > len(head):
        return None
    text = codecs.getincrementaldecoder(name)("replace").decode(head[start:])
    return None if "\x00" in text and text.count("\x00") * 100 > len(text) else text  # few texts have any


def storable(text: str) -> str:
    """The same text, as long as before, with U+FFFD in place of what PostgreSQL cannot store."""
    return _UNSTORABLE.sub("\ufffd", text) if _UNSTORABLE.search(text) else text


def _notices(name: str) -> tuple[str, ...]:
    if name not in _WESTERN:
        return ()
    return (f"The file is not UTF-8 and was read as {_WESTERN[name]}; check accented letters.",)


def _mostly_utf8(data: bytes) -> Decoded | None:
    """UTF-8 with a few broken characters: western text hardly ever holds a whole character of UTF-8."""
    text = storable(data.decode("utf-8", "replace"))
    broken = text.count("\ufffd")
    if broken > len(text) - len(text.encode("ascii", "ignore")) - broken:
        return None
    return Decoded(text, (f"The file is not wholly UTF-8; {broken:,} broken places are shown as �.",))


def _mostly_high(data: bytes) -> bool:
    """Western text has few bytes beyond ASCII; Cyrillic or Japanese text has mostly such."""
    sample = data[:65536]
    high = sum(byte > 127 for byte in sample)
    letters = high + sum(bytes((byte,)).isalpha() for byte in sample)
    return high > 8 and high * 3 > letters


def _encoding(data: bytes, whole: bool = True) -> tuple[str, int]:
    """The name of the encoding, and where the text starts."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name, len(mark)
    if wide := _wide(data):
        return wide, 0
    return next((name for name in ("utf-8", "cp1252") if _decodes(data, name, whole)), "latin-1"), 0


def _decodes(data: bytes, name: str, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder(name)().decode(data, final=whole)
    except UnicodeDecodeError:
        return False
    return True


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark shows as zeros in every other byte of western text."""
    sample = data[:4096]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if len(sample) < 4 or max(even, odd) * 3 < len(sample):
        return None
    if min(even, odd) * 20 > max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"
