"""What a Word document holds and does not show (hidden or white runs), between marks."""

from __future__ import annotations

import re
from bisect import bisect_right

from docmill.adapters.readers.unseen_marks import BEGIN, END, unmarked

PALEST = 0xE8
PARAGRAPH_CHARACTERS = 20_000  # how far back the properties of its paragraph are looked for

_HINT = re.compile(r"<w:(vanish|webHidden|color|sz)\b")
_RUN = re.compile(r"<w:r[ >](?:(?!<w:r[ >]).)*?</w:r>", re.S)
_TEXT = re.compile(r"(<w:t(?:\s[^>]*)?>)([^<]*)(</w:t>)")
_PICTURE = re.compile(r"""<wp:docPr\b(?:[^<>"'/]|"[^"<]*"|'[^'<]*')*""")
_DESCRIPTION = re.compile(r"""\sdescr\s*=\s*("[^"]*"|'[^']*')""")
_OFF = r"""(?!\s+w:val\s*=\s*["'](?:0|false|off)["'])"""
_VANISH = re.compile(rf"<w:(?:vanish|webHidden)\b{_OFF}")
_COLOUR = re.compile(r"""<w:color\b[^>]*\bw:val\s*=\s*["']([0-9a-fA-F]{6})["']""")
_SIZE = re.compile(r"""<w:sz\b[^>]*\bw:val\s*=\s*["']([12])["']""")  # in half points
_GROUND = re.compile(r"""<w:(?:shd\b(?![^>]*w:fill\s*=\s*["'](?:auto|[fF]{6})["'])|highlight\b)""")


def marked_part(part: str) -> str:
    """A part of the document, in XML, with the text of its unseen runs between marks.

    White text in a table, in a box or on a shaded ground counts as shown: what is behind it is not known.
    """
    part = unmarked(part)
    if not _HINT.search(part):
        return part
    grounds = [_spans(part, name) for name in ("tbl", "txbxContent")]
    white_is_unseen = "<w:background" not in part
    return _RUN.sub(lambda run: _marked_run(run, part, grounds, white_is_unseen), part)


def _marked_run(
    run: re.Match[str], part: str, grounds: list[list[tuple[int, int]]], white_is_unseen: bool
) -> str:
    said, at = run[0], run.start()
    gone = bool(_VANISH.search(said))
    unseen = gone or bool(_SIZE.search(said))
    if not unseen and white_is_unseen and (colour := _COLOUR.search(said)) and _is_pale(colour[1]):
        on_ground = any(_within(at, spans) for spans in grounds)
        unseen = not (on_ground or _GROUND.search(said) or _shaded(part, at))
    said = _PICTURE.sub(_between_marks, said) if gone else said
    return _TEXT.sub(rf"\1{BEGIN}\2{END}\3", said) if unseen else said


def _between_marks(picture: re.Match[str]) -> str:
    """What describes a picture: one between marks is none."""
    told = _DESCRIPTION.search(picture[0])
    rest = _DESCRIPTION.sub("", picture[0])
    return f'{rest} descr="{BEGIN}{told[1][1:-1] if told else ""}{END}"'


def _is_pale(colour: str) -> bool:
    return min(int(colour[at : at + 2], 16) for at in (0, 2, 4)) >= PALEST


def _within(at: int, spans: list[tuple[int, int]]) -> bool:
    index = bisect_right(spans, at, key=lambda span: span[0]) - 1
    return index >= 0 and at < spans[index][1]


def _shaded(part: str, at: int) -> bool:
    """Whether the paragraph of a run has a ground of its own."""
    low = max(at - PARAGRAPH_CHARACTERS, 0)
    start = max(part.rfind("<w:p>", low, at), part.rfind("<w:p ", low, at), low)
    return bool(_GROUND.search(part, start, at))


def _spans(part: str, name: str) -> list[tuple[int, int]]:
    """Where elements of this name begin and end; those inside one another as one."""
    spans: list[tuple[int, int]] = []
    depth = start = 0
    for tag in re.finditer(rf"<(/?)w:{name}(?=[ >])", part):
        if not tag[1]:
            start = start if depth else tag.start()
            depth += 1
        elif depth:
            depth -= 1
            if not depth:
                spans.append((start, tag.end()))
    return spans
