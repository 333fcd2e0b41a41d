"""Markdown as an engine renders a document, to blocks of clean text: no marks, no escapes, no tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from docmill.adapters.readers.cell_marks import read_table, without_marks
from docmill.adapters.readers.decoding import storable
from docmill.adapters.readers.picture_names import Naming, nowhere
from docmill.adapters.readers.tidy import clean, image_block, table_block, without_controls
from docmill.adapters.readers.unseen_marks import told_apart
from docmill.domain.documents import BlockKind, Link, RawBlock

NESTING = 100  # lists and quotes inside one another
TARGET_CHARACTERS = 2_000

_TAG = re.compile(r"<!--.*?-->|<(script|style)\b.*?(</\1\s*>|\Z)|<[/a-zA-Z!?][^>]*>", re.S | re.I)
_SCHEME = re.compile(r"\s*([a-z][a-z0-9+.-]*):", re.I)
_HARMLESS = frozenset(("http", "https", "mailto", "ftp", "tel"))
_ONLY_IMAGES = re.compile(r"(!\[[^\]]*\]\([^)]*\)\s*)+")
_MARKED = re.compile(r"[\\`*_\[\]<>&!\n]")


def rendered_blocks(markdown: str, page: int | None = None, pictures: Naming = nowhere) -> Iterator[RawBlock]:
    """The blocks of one page (or of a document without pages) that an engine rendered as Markdown.

    `pictures` tells the name of a picture that lies in the file. One that stands in a line, a list or a
    table follows that in an image of its own.
    """
    blocks = (block for block in _blocks(markdown, pictures) if block.text or block.picture)
    return told_apart(replace(block, page=page) for block in blocks)


def _blocks(markdown: str, pictures: Naming) -> Iterator[RawBlock]:
    tokens = _tokens(storable(markdown))
    lists: list[_List] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.type == "table_open":
            end, block = _table(tokens, index)
            yield block
            yield from _images(_shown(tokens[index:end], pictures))
            index = end
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append(_List(token))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            lists[-1].begin_item()
        else:
            yield from _with_images(_block(tokens, index, lists), _shown([token], pictures))
        index += 1


def first_without_lead(blocks: Iterable[RawBlock]) -> Iterator[RawBlock]:
    """The same blocks; a rendered document does not begin with blank lines."""
    begun = False
    for block in blocks:
        yield block if begun else replace(block, lead="")
        begun = begun or bool(block.text)


class _List:
    """An open list: how its items are marked, how many began, and whether one's first line is to come."""

    def __init__(self, token: Token) -> None:
        self.ordered = token.type.startswith("ordered")
        self.number = int(token.attrs.get("start", 1)) - 1
        self.items = 0
        self.fresh = False

    def begin_item(self) -> None:
        self.fresh = True
        self.items += 1
        self.number += 1

    def marker(self) -> str:
        mark = (f"{self.number}. " if self.ordered else "- ") if self.fresh else "  "
        self.fresh = False
        return mark


def _tokens(markdown: str) -> list[Token]:
    """The parser drops what is nested more deeply than it goes; then marks of lists and quotes are text."""
    tokens = _parser().parse(markdown)
    deepest = max((token.level for token in tokens), default=0)
    return tokens if deepest < NESTING - 1 else _flat_parser().parse(markdown)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    """Without the inline pass: most lines hold no marks, and those that do are parsed one by one."""
    return MarkdownIt("commonmark", {"maxNesting": NESTING}).enable("table").disable("inline")


@lru_cache(maxsize=1)
def _flat_parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table").disable(["inline", "list", "blockquote", "code"])


@lru_cache(maxsize=1)
def _inline_parser() -> MarkdownIt:
    """Links are only taken apart, never followed, so any address will do."""
    parser = MarkdownIt("commonmark").enable("strikethrough")
    parser.validateLink = _any_link  # type: ignore[method-assign]
    return parser


def _block(tokens: list[Token], index: int, lists: list[_List]) -> RawBlock | None:
    token = tokens[index]
    if token.type in ("fence", "code_block"):
        text = without_controls(without_marks(token.content)).rstrip()
        return RawBlock(BlockKind.CODE, text) if text.strip() else None
    if token.type == "html_block":
        text = clean(_TAG.sub(" ", without_marks(token.content)))
        return RawBlock(BlockKind.TEXT, text) if text else None
    if token.type != "inline":
        return None
    return _inline_block(tokens[index - 1], without_marks(token.content), lists)


def _inline_block(opening: Token, content: str, lists: list[_List]) -> RawBlock | None:
    text, links = _inline(content)
    if not text:
        return None
    if opening.type == "heading_open":
        line = " ".join(text.split())
        return RawBlock(
            BlockKind.HEADING, line, level=int(opening.tag[1]), links=links if line == text else ()
        )
    if lists:
        lead = "\n" if len(lists) > 1 or lists[0].items > 1 or not lists[0].fresh else "\n\n"
        marker = "  " * (len(lists) - 1) + lists[-1].marker()
        shifted = tuple(Link(link.start + len(marker), link.end + len(marker), link.target) for link in links)
        return RawBlock(BlockKind.LIST, marker + text, lead=lead, links=shifted)
    if not _ONLY_IMAGES.fullmatch(content):
        return RawBlock(BlockKind.TEXT, text, links=links)
    image = image_block(text, None)
    return replace(image, links=links if image.text == text else ()) if image.text else None


def _shown(tokens: Iterable[Token], pictures: Naming) -> list[str]:
    """The names of the pictures in lines that lie in the file."""
    lines = (token.content for token in tokens if token.type == "inline" and "![" in token.content)
    pieces = (piece for line in lines for piece in _inline_parser().parseInline(line)[0].children or [])
    names = (pictures(str(piece.attrs.get("src", ""))) for piece in pieces if piece.type == "image")
    return [name for name in names if name]


def _with_images(block: RawBlock | None, names: list[str]) -> Iterator[RawBlock]:
    """A block with the pictures in it: an image is the first of them."""
    if block is not None and block.kind is BlockKind.IMAGE and names:
        block, names = replace(block, picture=names[0]), names[1:]
    if block is not None:
        yield block
    yield from _images(names)


def _images(names: Iterable[str]) -> Iterator[RawBlock]:
    return (image_block("", name) for name in names)


def inline_text(content: str) -> str:
    """What a reader of the rendered line sees: text, code, and the description of images."""
    return _inline(content)[0]


def _inline(content: str) -> tuple[str, tuple[Link, ...]]:
    """The text of a rendered line, and its links to places (not to scripts or data)."""
    if not _MARKED.search(content):
        return clean(content), ()
    children = _inline_parser().parseInline(content)[0].children or []
    text, links, opened = "", [], (0, "")
    for child in children:
        if child.type == "link_open":
            opened = len(text), str(child.attrs.get("href", ""))
        elif child.type == "link_close":
            links.append(Link(opened[0], len(text), opened[1]))
        text += _inline_piece(child)
    return clean(text), tuple(_moved(links, text))


def _moved(links: Iterable[Link], text: str) -> Iterator[Link]:
    """The links as they stand in the text without the white space around it."""
    before, length = len(text) - len(text.lstrip()), len(clean(text))
    for link in links:
        start, end = max(link.start - before, 0), min(link.end - before, length)
        scheme = _SCHEME.match(link.target)
        harmless = scheme is None or scheme[1].lower() in _HARMLESS
        if start < end and harmless and link.target and len(link.target) <= TARGET_CHARACTERS:
            yield Link(start, end, clean(link.target))


def _any_link(url: str) -> bool:
    return bool(url)


def _inline_piece(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return "\n"
    return "" if token.type == "html_inline" else token.content


def _table(tokens: list[Token], index: int) -> tuple[int, RawBlock]:
    """The table that opens at `index`, and the index of its end."""
    rows: list[list[str]] = []
    while tokens[index].type != "table_close":
        if tokens[index].type == "tr_open":
            rows.append([])
        elif tokens[index].type in ("th_open", "td_open"):
            rows[-1].append(inline_text(tokens[index + 1].content))
        index += 1
    return index, table_block(read_table(rows))
