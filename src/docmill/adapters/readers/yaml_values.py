"""YAML: blocks are slices of the file, cut between entries. Aliases are never followed, no value is built."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from docmill.adapters.readers.parts import grouped, slices
from docmill.adapters.readers.plain_text import paragraphs
from docmill.adapters.readers.text_reader import TextReader, Told
from docmill.adapters.readers.yaml_aliases import Aliases
from docmill.domain.documents import BlockKind, RawBlock
from docmill.domain.reading_errors import DamagedFile

BLOCK_CHARACTERS = 1_000  # small neighbours share a block
LARGE_CHARACTERS = 4_000  # larger entries are opened
OPEN_LEVELS = 6
PARSED_CHARACTERS = 20_000_000  # a longer file is cut at its lines
DEPTH = 1_000

_LINE_END = re.compile(r"\r\n?|\n|\x85|\u2028|\u2029")

Span = tuple[int, int]


class YamlReader(TextReader):
    """Reads YAML by its entries; what is not valid YAML, as templates are not, by its lines."""

    name = "yaml-1"
    lacking = "The file holds no values. Send one with content."

    def tell(self, text: str, _media_type: str, /) -> Told:
        """Slices of the file. Raises DamagedFile, and ReaderTooLarge for a file made to explode."""
        levels, notices = _entries(text)
        code = RawBlock(BlockKind.CODE, "")
        spans = grouped(list(_spans(text, levels, 0, len(text), 0)), BLOCK_CHARACTERS)
        return Told(list(slices(text, ((start, end, code) for start, end in spans))), notices=notices)


def _entries(text: str) -> tuple[list[list[int]], tuple[str, ...]]:
    """Where the lines begin on which an entry starts, by depth, as far as the text is valid."""
    import yaml

    levels: list[list[int]] = [[0] for _ in range(OPEN_LEVELS)]
    if len(text) > PARSED_CHARACTERS:
        return levels, ()
    try:
        _walk(text, levels)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        near = f" near line {mark.line + 1}" if mark else ""
        return levels, (f"The file is not valid YAML{near}; it was read as text.",)
    return levels, ()


def _walk(text: str, levels: list[list[int]]) -> None:
    """Note every entry. Only events are made of the text: no alias is followed, nothing grows."""
    import yaml

    lines = [0, *(match.end() for match in _LINE_END.finditer(text))]
    open_ones: list[_Open] = []
    aliases = Aliases()
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.CollectionEndEvent):
            open_ones.pop()
            aliases.end()
        elif isinstance(event, yaml.NodeEvent):
            if not open_ones or open_ones[-1].begins_entry():
                line = event.start_mark.line if event.start_mark else 0
                _note(levels, max(0, len(open_ones) - 1), lines[min(line, len(lines) - 1)])
            if isinstance(event, yaml.AliasEvent):
                aliases.follow(event.anchor or "")
            elif isinstance(event, yaml.CollectionStartEvent):
                if len(open_ones) >= DEPTH:
                    raise DamagedFile(
                        "The YAML is nested too deeply to be read. Flatten it and send it again."
                    )
                open_ones.append(_Open(isinstance(event, yaml.MappingStartEvent)))
                aliases.begin(event.anchor)
            else:
                aliases.scalar(event.anchor)


class _Open:
    """A collection that is open; in a mapping every other node is a value."""

    def __init__(self, is_mapping: bool) -> None:
        self._is_mapping = is_mapping
        self._nodes = 0

    def begins_entry(self) -> bool:
        self._nodes += 1
        return not self._is_mapping or self._nodes % 2 == 1


def _note(levels: list[list[int]], level: int, start: int) -> None:
    if level < OPEN_LEVELS and start > levels[level][-1]:
        levels[level].append(start)


def _spans(text: str, levels: Sequence[Sequence[int]], start: int, end: int, level: int) -> Iterator[Span]:
    """The entries between `start` and `end`; large ones are opened, at last by their paragraphs and lines."""
    if end - start <= LARGE_CHARACTERS:
        yield start, end
    elif level == OPEN_LEVELS:
        yield from ((start + first, start + last) for first, last in paragraphs(text[start:end]))
    else:
        inside = levels[level][bisect_right(levels[level], start) : bisect_left(levels[level], end)]
        for first, last in pairwise((start, *inside, end)):
            yield from _spans(text, levels, first, last, level + 1)
