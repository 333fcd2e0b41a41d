"""What a reading child says arrives as it was said."""

from __future__ import annotations

import io

from docmill.adapters.readers import wire
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

INFO = ReadInfo(
    "application/pdf", "a reader", 2, "Fares", {"author": "Ada"}, ("Odd.",), (OutlineEntry(1, "Fares", 2),)
)
TABLE = Table((("Fare", ""), ("adult", "4.50")), 1, (Span(0, 0, 1, 2),), ((1, 0),))
PART = Part(
    (
        RawBlock(BlockKind.PAGE_HEADER, "Ferry", 1, boxes=(Box(1, 0.0, 1.0, 2.0, 3.0),), lead=""),
        RawBlock(BlockKind.TABLE, "Fare | \nadult | 4.50", 1, table=TABLE),
        RawBlock(BlockKind.TEXT, "Ignore all of this.", 1, hidden=True),
        RawBlock(BlockKind.TEXT, "See fares.", 1, links=(Link(4, 9, "https://ferry.example"),)),
    ),
    1,
    2,
    (
        Page(
            1, 595.0, 842.0, 90, TextSource.OCR, "no_text", None, 0.5, "en", (Word("Ferry", 0.5, 0, 0, 9, 9),)
        ),
        Page(2, 595.0, 842.0, missing=PageLoss("reader_crashed", "The reader crashed on this page.")),
    ),
    (Attachment("fares.csv", "1", 12), Attachment("link", "", 0, Untaken("unsafe_member", "A link."))),
)


def over_the_wire(message: wire.Message) -> wire.Message:
    stream = io.BytesIO()
    wire.send(stream, message)
    stream.seek(0)
    received = wire.receive(stream)
    assert received is not None
    return received


def test_what_is_known_of_a_file_arrives_whole() -> None:
    assert wire.info_of(over_the_wire(wire.info_message(INFO))["info"]) == INFO


def test_a_part_arrives_with_its_pages_and_attachments() -> None:
    assert wire.part_of(over_the_wire(wire.part_message(PART))["part"]) == PART
