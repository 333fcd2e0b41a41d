"""What passes between a reading child and its parent: JSON with its length in front.

Never pickle: the child handles hostile files, and what it says is data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from docmill.domain.documents import (
    Attachment,
    BlockKind,
    Box,
    Link,
    OutlineEntry,
    Page,
    PageLoss,
    Part,
    RawBlock,
    ReadInfo,
    Span,
    Table,
    TextSource,
    Untaken,
    Word,
)
from docmill.domain.errors import DocmillError
from docmill.domain.reading_errors import ReaderCrashed, ReaderMissing, ReaderTooLarge, Refused, Unreadable

READY = b"!"  # the first byte of a child, once it is confined and can be asked
LOST = b"?"  # in its place, from a child whose folders were not there to be allowed when it was confined
LENGTH_BYTES = 4
MESSAGE_BYTES = 512 * 1024 * 1024

Message = Mapping[str, Any]


def send(stream: BinaryIO, message: Message) -> None:
    """Write one message and flush it."""
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    stream.write(len(body).to_bytes(LENGTH_BYTES, "big") + body)
    stream.flush()


def receive(stream: BinaryIO) -> Message | None:
    """Wait for one message; None at the end of the stream."""
    length = stream.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES:
        return None
    body = stream.read(int.from_bytes(length, "big"))
    return parse(body)


def parse(body: bytes) -> Message:
    """The message in these bytes. Raises ReaderCrashed when they are none."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ReaderCrashed from error
    if not isinstance(message, dict):
        raise ReaderCrashed
    return message


def told(message: Message) -> ReadInfo | Part:
    """What a child says of its document. Raises the error it says, and ReaderCrashed for nonsense.

    A parser may have been taken over, so nothing it says is believed to have the form it should.
    """
    try:
        if "error" in message:
            raise error_of(*message["error"])
        return part_of(message["part"]) if "part" in message else info_of(message["info"])
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ReaderCrashed from error


def error_of(code: str, message: str) -> DocmillError:
    """The typed error with this code, as the child told it."""
    kinds: tuple[type[DocmillError], ...] = (
        ReaderMissing,
        *Unreadable.__subclasses__(),
        *Refused.__subclasses__(),
    )
    return next((kind for kind in kinds if kind.code == code), Unreadable)(str(message))


def ends(message: Message) -> bool:
    """Whether a child that said this is ready for the next request; one short of memory is not."""
    return "end" in message or ("error" in message and ReaderTooLarge.code not in message["error"])


def info_message(info: ReadInfo) -> Message:
    """A ReadInfo as a message."""
    return {
        "info": [
            info.media_type,
            info.reader,
            info.pages,
            info.title,
            dict(info.metadata),
            list(info.notices),
            [[entry.level, entry.title, entry.page] for entry in info.outline],
        ]
    }


def info_of(values: Sequence[Any]) -> ReadInfo:
    """The ReadInfo that `info_message` wrote."""
    media_type, reader, pages, title, metadata, notices, outline = values
    entries = tuple(OutlineEntry(*entry) for entry in outline)
    return ReadInfo(media_type, reader, pages, title, metadata, tuple(notices), entries)


def part_message(part: Part) -> Message:
    """A Part as a message."""
    blocks = [_block_values(block) for block in part.blocks]
    pages = [_page_values(page) for page in part.pages]
    attachments = [_attachment_values(item) for item in part.attachments]
    return {"part": [blocks, part.done, part.total, pages, attachments, part.next_page]}


def part_of(values: Sequence[Any]) -> Part:
    """The Part that `part_message` wrote."""
    blocks, done, total, pages, attachments, next_page = values
    return Part(
        tuple(_block_of(block) for block in blocks),
        done,
        total,
        tuple(_page_of(page) for page in pages),
        tuple(_attachment_of(item) for item in attachments),
        next_page,
    )


def _block_values(block: RawBlock) -> list[Any]:
    boxes = [[box.page, box.x0, box.y0, box.x1, box.y1] for box in block.boxes]
    table = block.table and _table_values(block.table)
    links = [[link.start, link.end, link.target] for link in block.links]
    place = [block.page, block.level, boxes]
    return [block.kind.value, block.text, block.lead, *place, table, block.hidden, links, block.picture]


def _block_of(values: Sequence[Any]) -> RawBlock:
    kind, text, lead, page, level, boxes, table, hidden, links, picture = values
    if not (isinstance(text, str) and isinstance(lead, str)):
        raise TypeError("a block is text")
    if not all(number is None or type(number) is int for number in (page, level)):
        raise TypeError("pages and levels are numbers")
    return RawBlock(
        BlockKind(kind),
        text,
        page=page,
        level=level,
        boxes=tuple(Box(*box) for box in boxes),
        table=_table_of(table) if table else None,
        lead=lead,
        hidden=hidden,
        links=tuple(Link(*link) for link in links),
        picture=picture if isinstance(picture, str) else None,
    )


def _table_values(table: Table) -> list[Any]:
    spans = [[span.row, span.column, span.rows, span.columns] for span in table.spans]
    return [table.rows, table.header_rows, spans, table.header_cells]


def _table_of(values: Sequence[Any]) -> Table:
    rows, header_rows, spans, header_cells = values
    return Table(
        tuple(tuple(row) for row in rows),
        header_rows,
        tuple(Span(*span) for span in spans),
        tuple((row, column) for row, column in header_cells),
    )


def _attachment_values(attachment: Attachment) -> list[Any]:
    untaken = attachment.untaken and [attachment.untaken.code, attachment.untaken.message]
    return [attachment.name, attachment.path, attachment.size_bytes, untaken]


def _attachment_of(values: Sequence[Any]) -> Attachment:
    name, path, size_bytes, untaken = values
    return Attachment(name, path, size_bytes, Untaken(*untaken) if untaken else None)


def _page_values(page: Page) -> list[Any]:
    missing = page.missing and [page.missing.code, page.missing.message]
    words = [[word.text, word.confidence, word.x0, word.y0, word.x1, word.y1] for word in page.words]
    size = [page.number, page.width, page.height, page.rotation]
    return [*size, page.source.value, page.ocr_reason, missing, page.confidence, page.language, words]


def _page_of(values: Sequence[Any]) -> Page:
    number, width, height, rotation, source, ocr_reason, missing, confidence, language, words = values
    return Page(
        number,
        width,
        height,
        rotation,
        TextSource(source),
        ocr_reason,
        PageLoss(*missing) if missing else None,
        confidence,
        language,
        tuple(Word(*word) for word in words),
    )
