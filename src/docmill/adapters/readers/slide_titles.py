"""What a slide is called in the text: by its title, else by its number."""

from __future__ import annotations

from collections.abc import Sequence

from docmill.domain.documents import BlockKind, RawBlock


def numbered(number: int) -> RawBlock:
    """The heading of a slide without a title."""
    return RawBlock(BlockKind.HEADING, f"Slide {number}", page=number, level=1)


def under_heading(blocks: Sequence[RawBlock], number: int) -> list[RawBlock]:
    """The blocks of a slide under a heading, lest they seem to belong to the slide before."""
    has_title = bool(blocks) and blocks[0].kind is BlockKind.HEADING
    return [*blocks] if has_title else [numbered(number), *blocks]
