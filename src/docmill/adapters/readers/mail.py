"""E-mail by the standard library: subject as heading, who and when, the text; attachments are named."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage, MIMEPart
from pathlib import Path

from docmill.adapters.readers import xberg_engine
from docmill.adapters.readers.mime import DAMAGE, message_of, part_text
from docmill.adapters.readers.parts import in_parts
from docmill.adapters.readers.plain_text import paragraphs
from docmill.adapters.readers.rendered import first_without_lead, rendered_blocks
from docmill.adapters.readers.tidy import clean
from docmill.adapters.readers.web import as_utf8
from docmill.domain.documents import BlockKind, Part, RawBlock, ReadInfo
from docmill.domain.errors import DamagedFile, NoText
from docmill.domain.media_types import HTML

NESTED_MESSAGES = 20
SHOWN_HEADERS = ("From", "To", "Cc", "Date")


class MailReader:
    """Reads messages and the messages forwarded inside them, twenty deep."""

    name = "mail-1"

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the blocks. Raises NoText and DamagedFile."""
        notices: list[str] = []
        try:
            message = message_of(path.read_bytes())
            blocks = list(first_without_lead(_blocks(message, notices, 1)))
        except DAMAGE as error:
            raise DamagedFile("The message is damaged or nested too deeply.") from error
        if not blocks:
            raise NoText("The message holds no text. Send one with content.")
        yield ReadInfo(
            media_type, self.name, None, _header(message, "Subject") or None, _about(message), tuple(notices)
        )
        yield from in_parts(blocks)


def _about(message: EmailMessage) -> dict[str, str]:
    known = {"author": _header(message, "From"), "created": _header(message, "Date")}
    return {key: value for key, value in known.items() if value}


def _header(message: EmailMessage, name: str) -> str:
    return clean(" ".join(str(message.get(name, "")).split()))


def _blocks(message: EmailMessage, notices: list[str], level: int) -> Iterator[RawBlock]:
    if subject := _header(message, "Subject"):
        yield RawBlock(BlockKind.HEADING, subject, level=min(level, 6))
    lines = [f"{name}: {value}" for name in SHOWN_HEADERS if (value := _header(message, name))]
    if lines:
        yield RawBlock(BlockKind.TEXT, "\n".join(lines))
    if message.get_content_type() == "message/rfc822":
        yield from _attachment(message, notices, level)
        return
    body = message.get_body(("plain", "html"))
    if body is not None:
        yield from _body(body)
    for part in message.iter_attachments():
        yield from _attachment(part, notices, level)


def _attachment(part: EmailMessage, notices: list[str], level: int) -> Iterator[RawBlock]:
    if part.get_content_type() != "message/rfc822":
        notices.append(f"Attachment not read: {clean(part.get_filename() or 'without a name')}.")
    elif level >= NESTED_MESSAGES:
        notices.append(f"Forwarded messages nested more than {NESTED_MESSAGES} deep were not read.")
    else:
        yield from _blocks(part.get_content(), notices, level + 1)


def _body(part: MIMEPart) -> Iterator[RawBlock]:
    text = part_text(part)
    if part.get_content_type() == HTML:
        yield from rendered_blocks(xberg_engine.extract(as_utf8(text), HTML).content)
        return
    for start, end in paragraphs(text):
        if paragraph := clean(text[start:end]):
            yield RawBlock(BlockKind.TEXT, paragraph)
