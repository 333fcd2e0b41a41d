"""What passes between a reading child and its parent: JSON with its length in front.

Never pickle: the child handles hostile files, and what it says is data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from docmill.domain.documents import BlockKind, Box, Part, RawBlock, ReadInfo, Table
from docmill.domain.errors import ReaderTooLarge

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
    """The message in these bytes. Raises ValueError when they are none."""
    message = json.loads(body)
    if not isinstance(message, dict):
        raise ValueError("not a message")
    return message


def ends(message: Message) -> bool:
    """Whether a child that said this is ready for the next request; one short of memory is not."""
    return "end" in message or ("error" in message and message["error"][0] != ReaderTooLarge.code)


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
        ]
    }


def info_of(values: Sequence[Any]) -> ReadInfo:
    """The ReadInfo that `info_message` wrote."""
    media_type, reader, pages, title, metadata, notices = values
    return ReadInfo(media_type, reader, pages, title, metadata, tuple(notices))


def part_message(part: Part) -> Message:
    """A Part as a message."""
    return {"part": [[_block_values(block) for block in part.blocks], part.done, part.total]}


def part_of(values: Sequence[Any]) -> Part:
    """The Part that `part_message` wrote."""
    blocks, done, total = values
    return Part(tuple(_block_of(block) for block in blocks), done, total)


def _block_values(block: RawBlock) -> list[Any]:
    boxes = [[box.page, box.x0, box.y0, box.x1, box.y1] for box in block.boxes]
    table = [block.table.rows, block.table.header_rows] if block.table else None
    return [block.kind.value, block.text, block.lead, block.page, block.level, boxes, table]


def _block_of(values: Sequence[Any]) -> RawBlock:
    kind, text, lead, page, level, boxes, table = values
    return RawBlock(
        BlockKind(kind),
        text,
        page=page,
        level=level,
        boxes=tuple(Box(*box) for box in boxes),
        table=Table(tuple(tuple(row) for row in table[0]), table[1]) if table else None,
        lead=lead,
    )
