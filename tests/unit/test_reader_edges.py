"""Whatever bytes arrive, the parts of the readers that are ours give values or typed errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from docmill.adapters.readers import wire
from docmill.adapters.readers.bounds import BLOCK_CHARACTERS, bounded
from docmill.adapters.readers.decoding import decode
from docmill.adapters.readers.detect import detect
from docmill.adapters.readers.nesting import mended
from docmill.adapters.readers.registry import reader_for
from docmill.adapters.readers.rendered import rendered_blocks
from docmill.domain import media_types as types
from docmill.domain.documents import BlockKind, Part, RawBlock
from docmill.domain.errors import DocmillError
from docmill.domain.text import document_text

NAMES = ("a", "a.pdf", "a.docx", "a.txt", "a.md", "a.csv", "a.json", "a.jsonl", "a.html", "a.eml", "a.epub")
MARKS = (
    "%PDF-1.7",
    "PK\x03\x04",
    "{\\rtf",
    "<html>",
    "{",
    "[",
    "| a |",
    "# ",
    "```",
    "From: a\n",
    "\ufeff",
    '"',
)
text = some.lists(some.one_of(some.sampled_from(MARKS), some.text(max_size=40)), max_size=20).map("".join)
data = some.one_of(some.binary(max_size=400), text.map(lambda made: made.encode("utf-8", "surrogatepass")))
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def typed(act: Callable[[], Any]) -> Any:
    """What it gives; None where it raised one of our own errors."""
    try:
        return act()
    except DocmillError:
        return None


@quick
@given(data=data, name=some.sampled_from(NAMES))
def test_anything_is_detected_or_refused(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    found = typed(lambda: detect(path, name))
    assert found is None or types.format_of(found.media_type) is not None


@quick
@given(data=data)
def test_any_bytes_become_text_that_can_be_stored(data: bytes) -> None:
    decoded = typed(lambda: decode(data))
    assert decoded is None or "\x00" not in decoded.text
    assert decoded is None or decoded.text.encode().decode() == decoded.text


@pytest.mark.parametrize(
    "media_type", [types.TEXT, types.MARKDOWN, types.CSV, types.TSV, types.JSON, types.JSONL, types.EML]
)
@quick
@given(data=data)
@example(data=b"[" * 5000)
@example(data=b"> " * 5000)
@example(data=b"Content-Type: multipart/mixed; boundary=\n\n--")
def test_our_own_readers_read_anything_or_refuse_it(tmp_path: Path, media_type: str, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    items = typed(lambda: list(reader_for(media_type).read(path, media_type)))
    for part in items or ():
        if isinstance(part, Part):
            assert "\x00" not in document_text(part.blocks).encode().decode()


@quick
@given(made=text)
@example(made="<a " * 3000)
@example(made="<div>" * 3000)
def test_any_markup_is_mended_and_rendered(made: str) -> None:
    assert mended(mended(made)) is not None
    assert all(block.text.isprintable() or block.text for block in rendered_blocks(made))


@quick
@given(texts=some.lists(some.text(max_size=50), max_size=5), long=some.integers(1, 5))
def test_parts_are_bounded_without_losing_a_character(texts: list[str], long: int) -> None:
    blocks = tuple(RawBlock(BlockKind.TEXT, made * 1000 * long) for made in texts)
    portions = list(bounded(Part(blocks, 1, 1)))
    assert document_text(block for portion in portions for block in portion.blocks) == document_text(blocks)
    assert all(len(block.text) <= 2 * BLOCK_CHARACTERS for portion in portions for block in portion.blocks)


anything = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=6) | some.dictionaries(some.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@quick
@given(said=anything)
@example(said={"part": None})
@example(said={"part": [[["text"]], 1, 1, [], []]})
@example(said={"info": {}})
@example(said={"error": ["x"]})
def test_whatever_a_child_says_is_a_value_or_a_typed_error(said: object) -> None:
    body = json.dumps(said).encode()
    typed(lambda: wire.told(wire.parse(body)))


@quick
@given(body=some.binary(max_size=200))
@example(body=b"[" * 100_000)
def test_bytes_that_are_no_message_are_refused(body: bytes) -> None:
    typed(lambda: wire.parse(body))
