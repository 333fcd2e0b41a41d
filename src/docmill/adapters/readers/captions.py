"""Which paragraphs of a page are captions, and which are footnotes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from docmill.domain.documents import BlockKind, RawBlock

CAPTION_CHARACTERS = 600
FOOTNOTES_FROM = 0.5  # of the page's height, from the top

_NAMED = re.compile(
    r"(fig(ure|\.|ura)?|table(au)?|tab(elle|la|ela|\.)|abb(ildung|\.)|exhibit|chart|diagram|photo|plate|scheme|"
    r"listing|algorithm|graph|image|map|图|圖|表|図)\s*[A-Z]?[\d\divxlc]*([.-]\d+)*",
    re.I,
)
_NUMBERED = re.compile(r"\d|\b[IVXLC]+\b")
_PARTED = re.compile(r"\s*([.:|–—-]|$)")
_NOTE = re.compile(r"([*†‡§¶]{1,3}|\[\d{1,3}\]|\(\d{1,3}\)|\d{1,3}[.)]?)\s*\w")


def is_caption(block: RawBlock, neighbours: Iterable[RawBlock]) -> bool:
    """Whether a paragraph names a table or figure by number, beside one or with a sign behind the number."""
    if block.kind not in (BlockKind.TEXT, BlockKind.HEADING) or len(block.text) > CAPTION_CHARACTERS:
        return False
    name = _NAMED.match(block.text)
    if not name or not _NUMBERED.search(name[0]):
        return False
    beside = any(other.kind in (BlockKind.TABLE, BlockKind.IMAGE) for other in neighbours)
    return beside or bool(_PARTED.match(block.text, name.end()))


def is_footnote(block: RawBlock, after: Sequence[RawBlock], height: float) -> bool:
    """Whether a paragraph low on its page begins with the sign of a note, and only such follow it."""
    if block.kind is not BlockKind.TEXT or not block.boxes or block.boxes[0].y0 < FOOTNOTES_FROM * height:
        return False
    return all(bool(_NOTE.match(other.text)) and other.kind is BlockKind.TEXT for other in (block, *after))
