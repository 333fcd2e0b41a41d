"""Subtitles (VTT, SRT): one block for each cue; longer ones have a heading with the time each minute."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from docmill.adapters.readers.rendered import first_without_lead
from docmill.adapters.readers.text_reader import TextReader, Told
from docmill.adapters.readers.tidy import clean
from docmill.domain.documents import BlockKind, RawBlock

SECTION_SECONDS = 60  # about as long as a passage takes to be spoken

_TIMING = re.compile(r"\s*(?:(\d+):)?(\d{1,2}):(\d\d)[.,]\d{1,3}\s*-->")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_MARK = re.compile(r"</?[a-zA-Z][^<>]*>|<[\d:.]+>|\{\\[^{}]*\}")
_BLANK = re.compile(r"\n[ \t]*\n")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at one time: `start` in whole seconds, who speaks where the file says it."""

    start: int
    speaker: str
    text: str


class SubtitleReader(TextReader):
    """Reads WebVTT and SubRip; styles, regions, comments and marks are left out."""

    name = "subtitles-1"
    lacking = "The file holds no subtitles. Send one with content."

    def tell(self, text: str, _media_type: str, /) -> Told:
        """The cues."""
        return Told(list(first_without_lead(_blocks(list(cues(text))))))


def cues(text: str) -> Iterator[Cue]:
    """The cues in the order of the file; what is no cue is passed over."""
    lines_of_all = re.sub(r"\r\n?", "\n", text)
    for paragraph in _BLANK.split(lines_of_all):
        lines = paragraph.strip("\n").split("\n")
        for at, line in enumerate(lines[:2]):  # the first line may be the cue's name or number
            if (timing := _TIMING.match(line)) is not None:
                hours, minutes, seconds = (int(part or 0) for part in timing.groups())
                yield from _cue(3600 * hours + 60 * minutes + seconds, "\n".join(lines[at + 1 :]))
                break


def _cue(start: int, payload: str) -> Iterator[Cue]:
    voice = _VOICE.search(payload)
    text = clean(unescape(_MARK.sub("", payload)))
    if text:
        yield Cue(start, clean(unescape(voice[1])) if voice else "", text)


def _blocks(found: list[Cue]) -> Iterator[RawBlock]:
    """A speaker is named where another one spoke before, and in each section."""
    section, speaker, lead = 0, "", "\n\n"
    timed = any(cue.start >= SECTION_SECONDS for cue in found)
    for at, cue in enumerate(found):
        if timed and (at == 0 or not section <= cue.start < section + SECTION_SECONDS):
            yield RawBlock(BlockKind.HEADING, _clock(cue.start), level=1)
            section, speaker, lead = cue.start, "", "\n\n"
        named = f"{cue.speaker}: {cue.text}" if cue.speaker and cue.speaker != speaker else cue.text
        yield RawBlock(BlockKind.TEXT, named, lead=lead)
        speaker, lead = cue.speaker, "\n"


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
