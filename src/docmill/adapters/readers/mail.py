"""E-mail: subject as heading, who and when, the text. What is attached becomes documents of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

from docmill.adapters.readers import xberg_engine
from docmill.adapters.readers.archive import listing
from docmill.adapters.readers.mail_parts import Enclosed, MailParts, parse, parts_of
from docmill.adapters.readers.mime import DAMAGE, part_text
from docmill.adapters.readers.mime_pictures import Beside, Parts, is_read, picture_of
from docmill.adapters.readers.parts import in_parts
from docmill.adapters.readers.plain_text import paragraphs
from docmill.adapters.readers.rendered import first_without_lead, rendered_blocks
from docmill.adapters.readers.tidy import clean, image_block
from docmill.adapters.readers.unpacking import Found, Unpacker
from docmill.adapters.readers.web import as_utf8
from docmill.domain.documents import BlockKind, Part, RawBlock, ReadInfo, Unpacking
from docmill.domain.media_types import HTML
from docmill.domain.reading_errors import DamagedFile, NoText, Unreadable

SHOWN_HEADERS = ("From", "To", "Cc", "Date")


class MailReader:
    """Reads messages within the limits of `unpacking`."""

    name = "mail-2"

    def __init__(self, unpacking: Unpacking) -> None:
        self._unpacking = unpacking

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the blocks, then one part for each attachment. Raises NoText and DamagedFile."""
        try:
            message = self._message(path)
            parts = parts_of(message)
            blocks = list(first_without_lead(_blocks(message, parts)))
        except (*DAMAGE, TypeError, OSError) as error:
            raise DamagedFile("The message is damaged or nested too deeply.") from error
        if not blocks and not parts.attached:
            raise NoText("The message holds no text. Send one with content.")
        title = header(message, "Subject") or None
        notices = _too_deep(parts, self._unpacking.levels)
        yield ReadInfo(media_type, self.name, None, title, _about(message), notices)
        for part in in_parts(blocks):
            yield replace(part, total=part.total + len(parts.attached))
        yield from self._attachments(path, parts, len(blocks))

    def _message(self, path: Path) -> EmailMessage:
        return parse(path.read_bytes())

    def _attachments(self, path: Path, parts: MailParts, blocks: int) -> Iterator[Part]:
        """A message without any text is known by what is attached to it."""
        total = blocks + len(parts.attached)
        found = ((_found(item), done, total) for done, item in enumerate(parts.enclosed, blocks + 1))
        for attachment, done, _ in Unpacker(path, self._unpacking).take_all(found):
            told = () if blocks else (listing([attachment], is_first=done == 1),)
            yield Part(told, done, total, attachments=(attachment,))


def _shown_by(known: Parts, page: EmailMessage) -> Sequence[RawBlock]:
    """The pictures of a page whose text is there already; none where nobody can read the page."""
    try:
        return [block for block in _page(known, page) if block.picture]
    except Unreadable:
        return ()


def picture(path: Path, name: str) -> bytes | None:
    """The bytes of a picture in the message; None where it has none of this name. Raises DAMAGE."""
    return picture_of(parse(path.read_bytes()), name)


def header(message: EmailMessage, name: str) -> str:
    """A header's text on one line; nothing where there is none."""
    return clean(" ".join(str(message.get(name, "")).split()))


def _about(message: EmailMessage) -> dict[str, str]:
    known = {"author": header(message, "From"), "created": header(message, "Date")}
    return {key: value for key, value in known.items() if value}


def _blocks(message: EmailMessage, parts: MailParts) -> Iterator[RawBlock]:
    if subject := header(message, "Subject"):
        yield RawBlock(BlockKind.HEADING, subject, level=1)
    lines = [f"{name}: {value}" for name in SHOWN_HEADERS if (value := header(message, name))]
    if lines:
        yield RawBlock(BlockKind.TEXT, "\n".join(lines))
    known = Parts(message)
    for part in parts.texts:
        yield from _page(known, part) if part.get_content_type() == HTML else _text(part)
    yield from _pictures(known, parts)


def _page(known: Parts, part: EmailMessage) -> Iterator[RawBlock]:
    page = xberg_engine.extract(as_utf8(part_text(part)), HTML)
    yield from rendered_blocks(page.content, pictures=Beside(known, part).picture)


def _text(part: EmailMessage) -> Iterator[RawBlock]:
    text = part_text(part)
    for start, end in paragraphs(text):
        if paragraph := clean(text[start:end]):
            yield RawBlock(BlockKind.TEXT, paragraph)


def _pictures(known: Parts, parts: MailParts) -> Iterator[RawBlock]:
    """What the message shows beside its plain text: in the web page that says the same, or by itself."""
    for part in parts.others:
        if part.get_content_type() == HTML and known.may_show(part):
            yield from _shown_by(known, part)
    yield from (image_block("", known.name(part)) for part in parts.pictures if is_read(part))


def _found(item: Enclosed) -> Found:
    return Found(item.name, len(item.content), lambda: iter((item.content,)))


def _too_deep(parts: MailParts, levels: int) -> tuple[str, ...]:
    """Told here as well as where it happens: in the innermost message, which few would look at."""
    if not any(_nests(content, levels) for content in parts.messages):
        return ()
    return (f"Messages that lie in more than {levels} others are not read.",)


def _nests(content: bytes, levels: int) -> bool:
    """Whether a message, at least one, lies in more others than `levels`, counted from this one on."""
    return levels < 1 or any(_nests(inner, levels - 1) for inner in parts_of(parse(content)).messages)
