"""Where blocks lie in a document's text, and what that text looks like as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from docmill.domain.cells import covered_places
from docmill.domain.documents import Block, BlockKind, RawBlock, Table


class BlockBuilder:
    """Gives raw blocks their place. Can be resumed from the place where an earlier builder stood."""

    def __init__(self, next_ordinal: int = 0, next_char: int = 0) -> None:
        self.next_ordinal = next_ordinal
        self.next_char = next_char

    def add(self, raw: RawBlock) -> Block:
        """The block that follows the one before: `char_start` and `char_end` count code points."""
        start = self.next_char + len(raw.lead)
        block = Block(
            ordinal=self.next_ordinal,
            kind=raw.kind,
            text=raw.text,
            lead=raw.lead,
            char_start=start,
            char_end=start + len(raw.text),
            page=raw.page,
            level=raw.level,
            boxes=raw.boxes,
            table=raw.table,
            hidden=raw.hidden,
            links=raw.links,
            picture=raw.picture,
            confidence=raw.confidence,
        )
        self.next_ordinal, self.next_char = block.ordinal + 1, block.char_end
        return block


def document_text(blocks: Iterable[Block | RawBlock]) -> str:
    """The document's text: for text formats the decoded file itself, to the character."""
    return "".join(block.lead + block.text for block in blocks)


def text_of_page(blocks: Iterable[Block]) -> str:
    """The text of a page's blocks, without what stands between it and the page before."""
    return document_text(blocks).strip("\n")


def to_markdown(blocks: Iterable[Block | RawBlock]) -> str:
    """The blocks as one Markdown document that ends with a newline; empty when nothing can be shown."""
    return "".join(markdown_pieces(blocks))


def markdown_pieces(blocks: Iterable[Block | RawBlock]) -> Iterator[str]:
    """The pieces of `to_markdown`, for documents too large to hold."""
    previous: BlockKind | None = None
    for block in blocks:
        rendered = _commented(block.text) if block.hidden else _render(block)
        if not rendered:
            continue
        if previous is not None:
            yield "\n" if block.kind is previous is BlockKind.LIST else "\n\n"
        yield rendered
        previous = block.kind
    if previous is not None:
        yield "\n"


def _commented(text: str) -> str:
    """Text that people do not see, as a comment, which they do not see either."""
    return f"<!-- hidden: {' '.join(text.split()).replace('--', '- -').replace('>', '&gt;')} -->"


def _render(block: Block | RawBlock) -> str:
    text = _linked(block).strip("\n")
    if block.kind is BlockKind.HEADING:
        return _heading(text, block.level or 1)
    if block.kind is BlockKind.TABLE and block.table is not None:
        return _table(block.table)
    if block.kind is BlockKind.CODE:
        return _fenced(text)
    return text


def _linked(block: Block | RawBlock) -> str:
    """The text with its links."""
    pieces, at = [], 0
    for link in block.links:
        target = link.target.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
        pieces += [block.text[at : link.start], f"[{block.text[link.start : link.end]}]({target})"]
        at = link.end
    return "".join(pieces) + block.text[at:]


def _heading(text: str, level: int) -> str:
    """Source headings keep their own mark; the others get one."""
    if re.match(r" {0,3}#{1,6}\s", text) or re.search(r"\n {0,3}(=+|-+)\s*$", text):
        return text
    return f"{'#' * min(level, 6)} {' '.join(text.split())}"


def _fenced(text: str) -> str:
    """Source code blocks keep their own fence; the others get one longer than any inside."""
    if re.match(r" {0,3}(`{3}|~{3})", text):
        return text
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    lines = [_row(row) for row in _spread(table)]
    rule = "|" + " --- |" * len(table.rows[0])
    if table.header_rows == 0:
        return "\n".join(["|" + "  |" * len(table.rows[0]), rule, *lines])
    return "\n".join([lines[0], rule, *lines[1:]])


def _spread(table: Table) -> Iterator[tuple[str, ...]]:
    """The rows with the text of a merged cell in all places it covers: Markdown has no merged cells."""
    first = covered_places(table)
    for at, row in enumerate(table.rows):
        yield tuple(_at(table, first.get((at, column))) or cell for column, cell in enumerate(row))


def _at(table: Table, place: tuple[int, int] | None) -> str:
    return table.rows[place[0]][place[1]] if place else ""


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
