"""Outlook messages: their properties and attachments, taken out of the compound file they are kept in.

What comes out is a message like any other, so that there is one way to read mail.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import HeaderParser
from email.utils import format_datetime, formataddr
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from docmill.adapters.readers import xberg_engine
from docmill.adapters.readers.decoding import decode
from docmill.adapters.readers.mail import SHOWN_HEADERS, MailReader
from docmill.adapters.readers.mime_pictures import picture_of
from docmill.adapters.readers.picture_names import name_inside
from docmill.adapters.readers.tidy import clean
from docmill.domain.media_types import MSG

if TYPE_CHECKING:
    from olefile import OleFileIO

_SUBJECT, _HEADERS, _SENDER, _TO, _CC = "0037", "007D", "0C1A", "0E04", "0E03"
_ADDRESSES = ("5D01", "0C1F")
_BODY, _HTML = "1000", "1013"
_DATA, _LONG_NAME, _NAME, _SHOWN_NAME, _TYPE, _CONTENT_ID = "3701", "3707", "3704", "3001", "370E", "3712"
_SENT = bytes.fromhex("40003900")  # the tag of the time of sending, as it stands among the fixed properties
_ATTACHED = re.compile(r"(?:\s*\S.*\(\d+B\)\s*)+")  # how the engine lists what is attached
_FILE_TIME_ZERO = datetime(1601, 1, 1, tzinfo=UTC)

Place = list[str]  # a storage inside the compound file


class OutlookReader(MailReader):
    """Reads Outlook messages as MailReader reads mail."""

    name = "outlook-1"

    def _message(self, path: Path) -> EmailMessage:
        return _message_in(path, partial(_rich_text, path))


def picture(path: Path, name: str) -> bytes | None:
    """As mail.picture."""
    return picture_of(_message_in(path, str), name)


def _message_in(path: Path, rich_text: Callable[[], str]) -> EmailMessage:
    import olefile

    with olefile.OleFileIO(path) as file:
        return _Stored(file, []).as_message(rich_text)


def _rich_text(path: Path) -> str:
    """The text of a message that has it as packed Rich Text only, which the engine knows to unpack.

    Before it the engine tells the headers, and behind it the names of what is attached.
    """
    document = xberg_engine.extract(path.read_bytes(), MSG, tree=True).document
    contents = [json.loads(str(node.content)) for node in (document.nodes if document else ())]
    texts = [str(content["text"]) for content in contents if content["node_type"] == "paragraph"]
    listed = max((at for at, text in enumerate(texts) if text == "Attachments:"), default=len(texts))
    behind = texts[listed + 1 :]
    is_list = behind and all(_ATTACHED.fullmatch(text) for text in behind)
    return "\n\n".join(texts[:listed] if is_list else texts)


class _Stored:
    """A message as it is kept at a place of a compound file."""

    def __init__(self, file: OleFileIO, place: Place) -> None:
        self._file = file
        self._place = place

    def as_message(self, rich_text: Callable[[], str] = str) -> EmailMessage:
        """The same message in the form of the Internet; `rich_text` gives what it has no other text for."""
        message = EmailMessage(policy=policy.default)
        for name, value in self._headers().items():
            if value:
                message[name] = value
        text, page = self._text(self._place, _BODY), self._page()
        if page and not text.strip():
            message.set_content(page, subtype="html")
        else:
            message.set_content(text if text.strip() else rich_text())
        if page and text.strip():
            message.add_alternative(page, subtype="html")
        for storage in self._storages("__attach"):
            self._attach(message, [*self._place, storage])
        return message

    def _headers(self) -> dict[str, str]:
        sent = HeaderParser(policy=policy.default).parsestr(self._text(self._place, _HEADERS))
        known = {name: _line(str(sent.get(name, ""))) for name in SHOWN_HEADERS}
        if "@" not in known["From"]:
            known["From"] = ""
        own = {"From": self._sender(), "Date": self._sent()}
        own |= {"To": self._text(self._place, _TO), "Cc": self._text(self._place, _CC)}
        subject = _line(self._text(self._place, _SUBJECT))
        return {"Subject": subject, **{name: known[name] or _line(own[name]) for name in SHOWN_HEADERS}}

    def _sender(self) -> str:
        """Inside one house the address is no address of the Internet, and is left out."""
        addresses = (self._text(self._place, tag) for tag in _ADDRESSES)
        address = next((found for found in addresses if "@" in found), None)
        name = self._text(self._place, _SENDER)
        return formataddr((name, address)) if address else name

    def _page(self) -> str:
        data = self._bytes(self._place, _HTML)
        return decode(data).text if data else self._text(self._place, _HTML)

    def _sent(self) -> str:
        properties = self._stream([*self._place, "__properties_version1.0"])
        at = properties.find(_SENT)
        ticks = int.from_bytes(properties[at + 8 : at + 16], "little") if at >= 0 else 0
        return format_datetime(_FILE_TIME_ZERO + timedelta(microseconds=ticks // 10)) if ticks else ""

    def _attach(self, message: EmailMessage, place: Place) -> None:
        name = next(filter(None, (self._text(place, tag) for tag in (_LONG_NAME, _NAME, _SHOWN_NAME))), "")
        inner = [*place, f"__substg1.0_{_DATA}000D"]
        if self._file.exists(inner):
            enclosed = _Stored(self._file, inner).as_message()
            data, name = enclosed.as_bytes(), f"{_line(enclosed.get('Subject', '')) or clean(name)}.eml"
        else:
            data = self._bytes(place, _DATA)
        is_image = bool(self._text(place, _TYPE).startswith("image/") or name_inside(name))
        identity = _line(self._text(place, _CONTENT_ID)) if is_image else ""
        message.add_attachment(
            data,
            maintype="image" if identity else "application",
            subtype="octet-stream",
            filename=_line(name) or "file",
            disposition="inline" if identity else "attachment",
            cid=f"<{identity}>" if identity else None,
        )

    def _storages(self, prefix: str) -> list[str]:
        here = len(self._place)
        inside = (
            path for path in self._file.listdir(streams=False, storages=True) if path[:here] == self._place
        )
        return [path[here] for path in inside if len(path) == here + 1 and path[here].startswith(prefix)]

    def _text(self, place: Place, tag: str) -> str:
        wide = self._stream([*place, f"__substg1.0_{tag}001F"])
        if wide:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self._stream([*place, f"__substg1.0_{tag}001E"])
        return decode(narrow).text.rstrip("\0\ufffd") if narrow else ""

    def _bytes(self, place: Place, tag: str) -> bytes:
        return self._stream([*place, f"__substg1.0_{tag}0102"])

    def _stream(self, path: Place) -> bytes:
        if not self._file.exists(path):
            return b""
        with self._file.openstream(path) as stream:
            data: bytes = stream.read()
            return data


def _line(text: str) -> str:
    """Text as a header may hold it."""
    return clean(" ".join(text.split()))
