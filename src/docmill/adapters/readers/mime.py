"""MIME messages as mail and saved web pages have them: bytes to a message, a part to its text."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser

from docmill.adapters.readers.decoding import decode

# What the parser raises on messages that are damaged or nested too deeply.
DAMAGE = (RecursionError, ValueError, LookupError, AttributeError, IndexError)


class _Message(EmailMessage):
    """The parser makes plain messages by default; these know their body and attachments."""


def message_of(data: bytes) -> EmailMessage:
    """The message in these bytes. Raises one of DAMAGE."""
    return BytesParser(_Message, policy=policy.default).parsebytes(data)


def content_of(part: MIMEPart) -> bytes:
    """The bytes of a part without parts."""
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def part_text(part: MIMEPart) -> str:
    """By the charset the part names; by its bytes when it names none that exists."""
    data = content_of(part)
    try:
        return data.decode(part.get_content_charset("utf-8"))
    except (LookupError, UnicodeDecodeError):
        return decode(data).text
