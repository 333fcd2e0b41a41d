"""Pictures on pages that have a text: which of them are looked at for words, and what is kept of these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from docmill.domain.documents import Block, BlockKind, Box, Page, RawBlock
from docmill.domain.recognition import Recognised, mean_confidence

LONGER_SIDE, SHORTER_SIDE = 72.0, 36.0  # points; what is smaller is a sign or an ornament
MOST_ON_A_PAGE = 12
MOST_IN_A_DOCUMENT = 300

_Some = TypeVar("_Some", Block, RawBlock)


@dataclass(frozen=True, slots=True)
class Said:
    """The words that were recognised in an image, in lines, and how sure they are (0-1)."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class InnerPicture:
    """A picture inside a file, and the ordinal of the first block that shows it."""

    name: str
    first: int


@dataclass(frozen=True, slots=True)
class PictureRead:
    """What an inner picture says, None where that is nothing; `why` nobody could look at it."""

    name: str
    said: Said | None = None
    why: str | None = None


@dataclass(slots=True)
class FiguresRead:
    """What the pictures of a page say: by the ordinals of their blocks, and all words in `page`.

    `looked_at` counts the pictures, `unread` those that were not looked at, for the reason `why`.
    """

    page: Page
    said: dict[int, Said] = field(default_factory=dict)
    looked_at: int = 0
    unread: int = 0
    why: str | None = None

    def take(self, block: Block, found: Recognised) -> None:
        """Keep the words that were found in a block."""
        self.looked_at += 1
        if said := said_in(found):
            self.said[block.ordinal] = said
            words = (*self.page.words, *found.page.words)
            self.page = replace(self.page, words=words, confidence=round(mean_confidence(words), 3))

    def miss(self, number: int, why: str) -> None:
        """Count pictures that could not be looked at."""
        self.unread += number
        self.why = self.why or why


def said_in(found: Recognised) -> Said | None:
    """The words of a picture; None where it shows none."""
    if not found.page.words:
        return None
    return Said("\n".join(block.text for block in found.blocks), found.page.confidence or 0.0)


def figures(blocks: Iterable[_Some]) -> list[_Some]:
    """The pictures among the blocks of a page that are large enough for words."""
    return [block for block in blocks if block.kind is BlockKind.IMAGE and _is_large(block.boxes)]


def _is_large(boxes: tuple[Box, ...]) -> bool:
    if len(boxes) != 1:
        return False
    sides = boxes[0].x1 - boxes[0].x0, boxes[0].y1 - boxes[0].y0
    return max(sides) >= LONGER_SIDE and min(sides) >= SHORTER_SIDE


def unread_notice(unread: int, why: str | None) -> str:
    """The sentence for people about pictures that nobody looked at."""
    what = "One picture was" if unread == 1 else f"{unread:,} pictures were"
    return f"{what} not looked at for text. {why or 'There are more than are looked at in one document.'}"
