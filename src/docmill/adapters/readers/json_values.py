"""JSON and JSON lines: blocks are slices of the file, cut between members, never inside a value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from docmill.adapters.readers.parts import grouped, slices
from docmill.adapters.readers.text_reader import TextReader, Told
from docmill.domain.documents import BlockKind, RawBlock
from docmill.domain.media_types import JSONL
from docmill.domain.reading_errors import DamagedFile

BLOCK_CHARACTERS = 1_000  # small neighbours share a block
LARGE_CHARACTERS = 4_000  # larger values are opened
OPEN_LEVELS = 8

_SPACE = re.compile(r"[ \t\r\n]*")
_LINE = re.compile(r"[^\r\n]*\S[^\r\n]*")
_DECODER = json.JSONDecoder(parse_int=str)  # values are not used, and digits are not limited

Span = tuple[int, int]


class JsonReader(TextReader):
    """Reads JSON by its members and JSON lines by its lines."""

    name = "json-1"
    lacking = "The file holds no values. Send one with content."

    def tell(self, text: str, media_type: str, /) -> Told:
        """Slices of the file. Raises DamagedFile for what is not JSON."""
        lines = media_type == JSONL
        spans = [match.span() for match in _LINE.finditer(text)] if lines else _whole(text)
        notices = _bad_lines(text, spans) if lines else ()
        code = RawBlock(BlockKind.CODE, "")
        groups = list(grouped(spans, BLOCK_CHARACTERS))
        cuts = ((start, end, code) for start, end in _without_brackets_alone(text, groups))
        return Told(list(slices(text, cuts)), notices=notices)


def _bad_lines(text: str, spans: list[Span]) -> tuple[str, ...]:
    """One cut or broken line does not make the others worthless: it is kept as text and counted."""
    bad = sum(not _is_json(text[start:end]) for start, end in spans)
    if bad == len(spans):
        raise DamagedFile("No line of the file is valid JSON. Correct it and send it again.")
    return (f"{bad} of {len(spans)} lines are not valid JSON; they were kept as text.",) if bad else ()


def _is_json(line: str) -> bool:
    try:
        json.loads(line, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True


def _whole(text: str) -> list[Span]:
    """The members of the outermost value, with its brackets; checks that nothing follows it."""
    start = _skip(text, 0)
    end = _value_end(text, start)
    if _skip(text, end) != len(text):
        raise _damaged(text, end)
    return list(_spans(text, start, end, OPEN_LEVELS))


def _spans(text: str, start: int, end: int, levels: int) -> Iterator[Span]:
    """Members of the value at `start` as ranges; large ones are opened, the bracket kept with its first."""
    if levels == 0 or text[start] not in "[{":
        yield start, end
        return
    begin = start
    for member, value, member_end in _members(text, start):
        if member_end - member > LARGE_CHARACTERS and text[value] in "[{":
            if begin < value:
                yield begin, value
            yield from _spans(text, value, member_end, levels - 1)
        else:
            member_end = _after_comma(text, member_end)
            yield begin, member_end
        begin = member_end
    yield begin, end


def _without_brackets_alone(text: str, spans: list[Span]) -> list[Span]:
    """Closing brackets belong to the range before them."""
    joined = spans[:1]
    for start, end in spans[1:]:
        if text[start:end].strip(" \t\r\n,]}"):
            joined.append((start, end))
        else:
            joined[-1] = (joined[-1][0], end)
    return joined


def _members(text: str, start: int) -> Iterator[tuple[int, int, int]]:
    """(start, start of its value, end) of each member of the object or array at `start`."""
    is_object = text[start] == "{"
    at = _skip(text, start + 1)
    while text[at] not in "]}":
        value = _skip(text, _skip(text, _value_end(text, at)) + 1) if is_object else at
        end = _value_end(text, value)
        yield at, value, end
        at = _skip(text, _after_comma(text, end))


def _after_comma(text: str, at: int) -> int:
    comma = _skip(text, at)
    return comma + 1 if text[comma] == "," else at


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _value_end(text: str, at: int) -> int:
    try:
        return _DECODER.raw_decode(text, at)[1]
    except RecursionError as error:
        raise DamagedFile(
            "The JSON is nested too deeply to be read. Flatten it and send it again."
        ) from error
    except (json.JSONDecodeError, IndexError) as error:
        place = getattr(error, "pos", at)
        raise _damaged(text, place) from error


def _damaged(text: str, at: int) -> DamagedFile:
    line = text.count("\n", 0, at) + 1
    return DamagedFile(f"The file is not valid JSON near line {line}. Correct it and send it again.")
