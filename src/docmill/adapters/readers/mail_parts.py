"""What a message holds: its text, and the files and messages that are attached to it.

A message inside a message is not taken apart: it stays the bytes it is, as any other file that is attached.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from typing import cast

from docmill.adapters.readers.mime import content_of
from docmill.adapters.readers.mime_pictures import addresses_in, addresses_of, is_read
from docmill.adapters.readers.tidy import clean
from docmill.domain.media_types import EML, HTML

_HEADER_BYTES = 64 * 1024
_BODIES = frozenset({"text/plain", "text/html"})
_SIGNATURES = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
)


class Message(EmailMessage):
    """A message whose forwarded messages are leaves: the parser would take them apart, level by level."""

    def get_content_maintype(self) -> str:
        """As the parser asks it before it goes into a part."""
        return "enclosed" if self.get_content_type() == EML else super().get_content_maintype()


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file or message that is attached."""

    name: str
    content: bytes


@dataclass(slots=True)
class MailParts:
    """The parts of a message: the texts that are shown one after another, and what is attached.

    `others` are other forms of the texts; `pictures` belong to a text that is no web page and cannot say
    where it shows them. `mentioned` is what the web pages say that they show, None where there is none.
    """

    mentioned: frozenset[str] | None = None
    texts: list[EmailMessage] = field(default_factory=list)
    others: list[EmailMessage] = field(default_factory=list)
    pictures: list[EmailMessage] = field(default_factory=list)
    attached: list[EmailMessage] = field(default_factory=list)

    @property
    def messages(self) -> Iterator[bytes]:
        """The messages that are attached."""
        return (content_of(part) for part in self.attached if part.get_content_type() == EML)

    @property
    def enclosed(self) -> Iterator[Enclosed]:
        """What is attached, each with a name."""
        for number, part in enumerate(self.attached, 1):
            content = content_of(part)
            yield Enclosed(_name(part, content, number), content)


def parse(data: bytes) -> Message:
    """The message in these bytes. Raises what the parser raises for those that are none."""
    return BytesParser(Message, policy=policy.default).parsebytes(data)  # type: ignore[return-value]


def parts_of(message: EmailMessage) -> MailParts:
    """The parts of a message, in their order."""
    parts = MailParts(_mentioned(message))
    _sort(message, "", parts, is_chosen=True)
    return parts


def _mentioned(message: EmailMessage) -> frozenset[str] | None:
    pages = [part for part in message.walk() if part.get_content_type() == HTML and _is_body(part)]
    return frozenset(address for page in pages for address in addresses_in(page)) if pages else None


def _sort(part: EmailMessage, around: str, parts: MailParts, *, is_chosen: bool) -> None:
    kind = part.get_content_type()
    if part.is_multipart():
        inner = cast(list[EmailMessage], part.get_payload())
        chosen = _chosen(inner) if kind == "multipart/alternative" else None
        for each in inner:
            _sort(each, kind, parts, is_chosen=is_chosen and chosen in (None, each))
    elif _is_body(part):
        (parts.texts if is_chosen else parts.others).append(part)
    elif _is_shown_in_text(part, around, parts.mentioned):
        parts.pictures += [part] * (parts.mentioned is None)
    elif kind not in _SIGNATURES:
        parts.attached.append(part)


def _is_body(part: EmailMessage) -> bool:
    return part.get_content_type() in _BODIES and not part.is_attachment() and not part.get_filename()


def _chosen(alternatives: list[EmailMessage]) -> EmailMessage | None:
    """The plain text where there is one, else the web page, else the last."""
    kinds = [part.get_content_type() for part in alternatives]
    best = next((kind for kind in ("text/plain", "text/html") if kind in kinds), None)
    return alternatives[kinds.index(best) if best else -1] if alternatives else None


def _is_shown_in_text(part: EmailMessage, around: str, mentioned: frozenset[str] | None) -> bool:
    """Whether this is a picture of a web page or a logo in a signature: a part of the text.

    A web page says itself what it shows; beside a plain text it is what came with it and has an id.
    """
    is_picture = part.get_content_type().startswith("image/")
    if mentioned is not None:
        return (is_picture or is_read(part)) and not mentioned.isdisjoint(addresses_of(part))
    by_place = around == "multipart/related" or part["Content-ID"] is not None
    return is_picture and not part.is_attachment() and by_place


def _name(part: EmailMessage, content: bytes, number: int) -> str:
    name = clean(part.get_filename() or "")
    if name:
        return name
    if part.get_content_type() == EML:
        head = BytesHeaderParser(policy=policy.default).parsebytes(content[:_HEADER_BYTES])
        return f"{clean(' '.join(str(head.get('Subject', '')).split())) or f'message {number}'}.eml"
    return f"attachment {number}{mimetypes.guess_extension(part.get_content_type()) or ''}"
