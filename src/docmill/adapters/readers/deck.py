"""PowerPoint presentations from before 2007, whose slides the engine tells in a tree, not by pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from docmill.adapters.readers import xberg_engine
from docmill.adapters.readers.deck_tables import deck_tables
from docmill.adapters.readers.office import document_info
from docmill.adapters.readers.rendered import first_without_lead
from docmill.adapters.readers.slide_titles import under_heading
from docmill.adapters.readers.tables_in_text import with_letters, with_tables
from docmill.adapters.readers.tree import tree_blocks
from docmill.domain.documents import BlockKind, Part, RawBlock, ReadInfo, Table
from docmill.domain.reading_errors import NoPages, NoText

_NO_TITLE = re.compile(r"(page|slide) ?\d+", re.I)  # what programs call a slide that nobody named


class DeckReader:
    """Reads presentations: each slide is a page under a heading with its title, its notes at the end."""

    name = xberg_engine.VERSION

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then one part for each slide. Raises NoPages, NoText and as the engine."""
        data = path.read_bytes()
        document = xberg_engine.extract(data, media_type, tree=True)
        nodes = document.document.nodes if document.document else ()
        slides = _slides(tree_blocks(nodes))
        if not slides:
            raise NoPages
        if not any(len(slide) > 1 or not _NO_TITLE.fullmatch(slide[0].text) for slide in slides):
            raise NoText("The document holds no text. Send one with content.")
        slides = list(_with_tables(slides, deck_tables(data)))
        slides[0] = list(first_without_lead(slides[0]))
        yield document_info(document, media_type, len(slides))
        for number, blocks in enumerate(slides, start=1):
            yield Part(tuple(replace(block, page=number) for block in blocks), number, len(slides))


def _with_tables(slides: Iterable[Sequence[RawBlock]], found: Iterable[Table]) -> Iterator[list[RawBlock]]:
    """The slides with their tables; one that the engine calls by the first cell of a table has no title."""
    tables = with_letters(found)
    for number, slide in enumerate(slides, start=1):
        yield under_heading(list(with_tables(slide, tables)), number)


def _slides(blocks: Iterable[RawBlock]) -> list[list[RawBlock]]:
    """The blocks by slide; a heading that carries a number begins one."""
    slides: list[list[RawBlock]] = []
    for block in blocks:
        if block.kind is BlockKind.HEADING and block.page is not None:
            named = block.text if not _NO_TITLE.fullmatch(block.text) else f"Slide {block.page}"
            slides.append([replace(block, text=named)])
        elif slides and not _repeats_title(slides[-1], block):
            slides[-1].append(_spoken(block))
    return slides


def _repeats_title(slide: list[RawBlock], block: RawBlock) -> bool:
    return len(slide) == 1 and block.text == slide[0].text


def _spoken(block: RawBlock) -> RawBlock:
    """What the engine gives as a footnote of a slide is what its speaker notes say."""
    if block.kind is not BlockKind.FOOTNOTE:
        return block
    return replace(block, kind=BlockKind.TEXT, text=f"Notes: {block.text}")
