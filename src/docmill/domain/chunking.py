"""Cuts a document into passages that can be found and cited: a pure function of blocks and settings.

`sections` groups blocks into bounded runs that no passage crosses, so a caller can stop and go on between
two of them; `chunk` cuts one. docs/explanation/chunking.md tells the rules and why they are so.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest

from docmill.domain.documents import RUNNING, Block, BlockKind, Box, Chunk, ChunkKind, ChunkSettings
from docmill.domain.packing import Locate, Ruler, atoms, check, pack
from docmill.domain.sentences import Span, lines, sentences
from docmill.domain.tables import TableChunk, cut_table

SECTION_CHARACTERS = 200_000  # aimed-at bound of a section's text; a single block is never divided
_NO_LEVEL = 9  # rank of a heading whose level the reader does not know: below all others
_LONGEST_HEADING = 200

Path = tuple[tuple[int, str], ...]  # the headings that are open at a place: (level, text), outermost first


@dataclass(frozen=True)
class Section:
    """Blocks in reading order that are cut together. `path` holds the headings open before the first."""

    blocks: tuple[Block, ...]
    path: Path = ()

    @cached_property
    def body(self) -> tuple[Block, ...]:
        """The blocks without running heads, which would interrupt what goes on over a page's end."""
        return tuple(block for block in self.blocks if block.kind not in RUNNING)

    @cached_property
    def text(self) -> str:
        """The text of the body."""
        return "".join(block.lead + block.text for block in self.body)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where the text of each block of the body begins in `text`."""
        found, at = [], 0
        for block in self.body:
            found.append(at + len(block.lead))
            at = found[-1] + len(block.text)
        return tuple(found)

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """The headings that are open in each block of the body, itself included."""
        found: list[Path] = []
        for block in self.body:
            found.append(_enter(found[-1] if found else self.path, block))
        return tuple(found)

    def offset(self, block: Block) -> int:
        """Where the text of a block of the body begins in `text`."""
        return self.starts[bisect_left(self.body, block.ordinal, key=lambda other: other.ordinal)]

    def place(self, offset: int) -> int:
        """Where in the document's text a character of `text` stands."""
        at = max(bisect_right(self.starts, offset) - 1, 0)
        return self.body[at].char_start + offset - self.starts[at]

    @property
    def path_after(self) -> Path:
        """The headings open behind the last block: what the next section starts with."""
        return self.paths[-1] if self.paths else self.path


def top_level(blocks: Iterable[Block]) -> int | None:
    """The level of the document's top headings, which no chunk crosses; None where no heading has a level."""
    return top_of(heading_levels(blocks))


def heading_levels(blocks: Iterable[Block]) -> Counter[int]:
    """How many headings of each level there are."""
    levels = (block.level for block in blocks if block.kind is BlockKind.HEADING)
    return Counter(level for level in levels if level)


def top_of(headings: Mapping[int, int]) -> int | None:
    """The top level, from how many headings each level has: the highest that more than one heading shares.

    A level with a single heading holds the document's title, and crossing its chapters would not do.
    """
    shared = (level for level, count in headings.items() if count > 1)
    return min(shared, default=min(headings, default=None))


def sections(
    blocks: Iterable[Block], top: int | None, path: Path = (), bound: int = SECTION_CHARACTERS
) -> Iterator[Section]:
    """Group blocks, in order and without gaps, at top headings and where `bound` characters are reached.

    Going on from the first block of any section, with the `path_after` of the one before it, gives the
    same sections again. A section above half the bound ends at the next heading.
    """
    run: list[Block] = []
    last: Block | None = None
    characters = 0
    for block in blocks:
        if last is not None and _opens_section(block, last, top, characters, bound):
            section = Section(tuple(run), path)
            yield section
            path, run, last, characters = section.path_after, [], None, 0
        run.append(block)
        last = last if block.kind in RUNNING else block
        characters += len(block.lead) + len(block.text)
    if run:
        yield Section(tuple(run), path)


def chunk(section: Section, locate: Locate, settings: ChunkSettings, ordinal: int = 0) -> Iterator[Chunk]:
    """The chunks of a section, counted from `ordinal`, in reading order.

    `locate(text)` gives the starts and ends of the embedder's tokens in a text, in characters. No chunk is
    longer than `settings.size` in `settings.unit`. Raises InvalidSettings.
    """
    check(settings)
    ruler = Ruler(section.text, locate, settings)
    for run in _runs(section):
        for draft in _drafts(section, run, ruler):
            yield _finished(section, draft, ordinal)
            ordinal += 1


@dataclass(frozen=True, slots=True)
class _Draft:
    kind: ChunkKind
    span: Span
    tokens: int
    prefix: str = ""
    shown: tuple[Box, ...] = ()  # where the image stands that the text speaks of


def _level(block: Block) -> int:
    return block.level or _NO_LEVEL


def _enter(path: Path, block: Block) -> Path:
    """The open headings once this block has begun."""
    if block.kind is not BlockKind.HEADING or not block.text.strip():
        return path
    outer = tuple(heading for heading in path if heading[0] < _level(block))
    return (*outer, (_level(block), _title(block.text)))


def _title(text: str) -> str:
    """A heading as people say it: one line, without Markdown's signs."""
    line = text.strip().splitlines()[0]
    return re.sub(r"^#{1,6}\s+|\s+#+$", "", line).strip()[:_LONGEST_HEADING]


def _opens_section(block: Block, before: Block, top: int | None, characters: int, bound: int) -> bool:
    if block.kind is BlockKind.HEADING:
        is_top = top is not None and _level(block) <= top and not _is_above(before, block)
        return is_top or (2 * characters >= bound and before.kind is not BlockKind.HEADING)
    return characters >= bound and before.kind is not BlockKind.HEADING


def _is_above(before: Block, heading: Block) -> bool:
    """Whether a heading directly follows the one it belongs under, as a first chapter follows the title."""
    return before.kind is BlockKind.HEADING and _level(before) < _level(heading)


def _runs(section: Section) -> Iterator[list[Block]]:
    """Blocks that share passages: text goes on until a table or image, which takes its headings and caption.

    What people do not see shares none with what they see.
    """
    run: list[Block] = []
    for block, after in zip_longest(told := _told(section.body), told[1:]):
        if run and run[-1].hidden is not block.hidden:
            yield run
            run = []
        if block.kind in (BlockKind.TABLE, BlockKind.IMAGE):
            body = _headings_at_end(run)
            if run[:body]:
                yield run[:body]
            run = run[body:]
        run.append(block)
        if _ends_figure(run, after):
            yield run
            run = []
    if run:
        yield run


def _told(body: Sequence[Block]) -> list[Block]:
    """The blocks with text, and the images without any that have a caption."""
    return [
        block
        for at, block in enumerate(body)
        if block.text.strip()
        or (
            block.kind is BlockKind.IMAGE
            and any(other.kind is BlockKind.CAPTION for other in (*body[at - 1 : at], *body[at + 1 : at + 2]))
        )
    ]


def _ends_figure(run: Sequence[Block], after: Block | None) -> bool:
    """Whether a run is a whole table, or a whole image with the caption above or below it."""
    if run[-1].kind is BlockKind.IMAGE:
        has_caption = len(run) > 1 and run[-2].kind is BlockKind.CAPTION
        return has_caption or after is None or after.kind is not BlockKind.CAPTION
    captioned = len(run) > 1 and run[-2].kind is BlockKind.IMAGE
    return run[-1].kind is BlockKind.TABLE or captioned


def _headings_at_end(run: Sequence[Block]) -> int:
    """The index from which on a run holds headings and captions only."""
    at = len(run)
    while at and run[at - 1].kind in (BlockKind.HEADING, BlockKind.CAPTION):
        at -= 1
    return at


def _drafts(section: Section, run: Sequence[Block], ruler: Ruler) -> Iterator[_Draft]:
    if run[-1].kind is BlockKind.TABLE:
        yield from _table_drafts(section, run, ruler)
        return
    images = [block for block in run if block.kind is BlockKind.IMAGE]
    shown = tuple(box for image in images if not image.text.strip() for box in _per_page(image.boxes))
    for draft in _text_drafts(section, run, ruler):
        yield replace(draft, kind=ChunkKind.IMAGE, shown=shown) if images else draft


def _text_drafts(section: Section, run: Sequence[Block], ruler: Ruler) -> Iterator[_Draft]:
    spans = (
        (span, block.kind is BlockKind.HEADING)
        for block in run
        if block.text.strip()
        for span in _parts(section, block)
    )
    parts = atoms(ruler, spans)
    for span in pack(ruler, parts) if parts else ():
        yield _Draft(ChunkKind.TEXT, span, ruler.tokens(*span))


def _parts(section: Section, block: Block) -> Iterator[Span]:
    """Where a block of text may be cut, in the section's characters."""
    base = section.offset(block)
    if block.kind is BlockKind.HEADING:
        text = block.text
        yield base + len(text) - len(text.lstrip()), base + len(text.rstrip())
        return
    by_line = block.kind in (BlockKind.LIST, BlockKind.CODE)
    for start, end in (lines if by_line else sentences)(block.text):
        yield base + start, base + end


def _table_drafts(section: Section, run: Sequence[Block], ruler: Ruler) -> Iterator[_Draft]:
    *headings, block = run
    base = section.offset(block)
    lead = next(_parts(section, headings[0]))[0] if headings else None
    chunks: list[TableChunk] = cut_table(ruler, block, base, lead)
    if headings and chunks[0].span[0] != lead:
        yield from _text_drafts(section, headings, ruler)
    for part in chunks:
        yield _Draft(ChunkKind.TABLE, part.span, part.tokens, part.prefix)


def _finished(section: Section, draft: _Draft, ordinal: int) -> Chunk:
    start, end = draft.span
    first, last = _touched(section, start, end)
    blocks = section.body[first:last]
    boxes = (*draft.shown, *(box for block in blocks for box in _per_page(block.boxes)))
    pages = {block.page for block in blocks if block.page is not None} | {box.page for box in boxes}
    return Chunk(
        ordinal=ordinal,
        kind=draft.kind,
        text=draft.prefix + section.text[start:end],
        char_start=section.place(start),
        char_end=section.place(end - 1) + 1,
        tokens=draft.tokens,
        pages=tuple(sorted(pages)),
        boxes=boxes,
        section_path=tuple(text for _, text in section.paths[_naming(blocks, first)]),
        hidden=any(block.hidden for block in blocks),
    )


def _touched(section: Section, start: int, end: int) -> tuple[int, int]:
    """The range of blocks of the body that share characters with the span."""
    at = max(bisect_right(section.starts, start) - 1, 0)
    first = at if section.starts[at] + len(section.body[at].text) > start else at + 1
    return first, bisect_left(section.starts, end)


def _naming(blocks: Sequence[Block], first: int) -> int:
    """The block that names the section of a chunk: the last of the headings it opens with, else its first."""
    for ahead, block in enumerate(blocks):
        if block.kind is not BlockKind.HEADING:
            return first + max(0, ahead - 1)
    return first + len(blocks) - 1


def _per_page(boxes: Sequence[Box]) -> Iterator[Box]:
    """One box a page that holds all of a block's boxes there."""
    for page in sorted({box.page for box in boxes}):
        own = [box for box in boxes if box.page == page]
        yield Box(
            page,
            min(box.x0 for box in own),
            min(box.y0 for box in own),
            max(box.x1 for box in own),
            max(box.y1 for box in own),
        )
