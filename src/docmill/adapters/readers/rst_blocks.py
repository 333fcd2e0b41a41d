"""The tree that docutils makes of reStructuredText, to blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from docmill.adapters.readers.outlined_lists import list_item
from docmill.adapters.readers.tidy import clean, image_block, laid_out, table_block
from docmill.domain.cells import Cell, Layout
from docmill.domain.documents import BlockKind, RawBlock

Node = Any  # docutils' own types say little of their children

_LEFT_OUT = frozenset(
    (
        "comment",
        "decoration",
        "meta",
        "pending",
        "raw",
        "substitution_definition",
        "system_message",
        "target",
        "transition",
    )
)
_ADMONITIONS = frozenset(
    ("attention", "caution", "danger", "error", "hint", "important", "note", "tip", "warning")
)
_PARAGRAPHS = frozenset(
    ("paragraph", "rubric", "attribution", "subtitle", "math_block", "term", "classifier")
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands: under how many headings, inside how many lists."""

    section: int = 0
    lists: int = 0


def doctree_blocks(document: Node) -> Iterator[RawBlock]:
    """The blocks of a document in reading order."""
    return (block for block in _children(document, _Place()) if block.text.strip())


def _children(node: Node, place: _Place) -> Iterator[RawBlock]:
    for child in node.children:
        yield from _blocks(child, place)


def _blocks(node: Node, place: _Place) -> Iterator[RawBlock]:
    name = node.tagname
    if name in _LEFT_OUT or name == "#text":
        return
    if name == "section":
        yield from _children(node, replace(place, section=place.section + 1))
    elif name in _PARAGRAPHS:
        yield RawBlock(BlockKind.TEXT, _text(node))
    elif name in _ADMONITIONS:
        yield from _admonition(node, name, place)
    elif (special := _SPECIAL.get(name)) is not None:
        yield from special(node, place)
    else:
        yield from _children(node, place)


def _heading(node: Node, place: _Place) -> Iterator[RawBlock]:
    """The title of a section; that of a topic or table is no heading of the document."""
    text = " ".join(_text(node).split())
    if node.parent.tagname in ("section", "document"):
        yield RawBlock(BlockKind.HEADING, text, level=max(1, min(place.section, 6)))
    else:
        yield RawBlock(BlockKind.TEXT, text)


def _code(node: Node, _place: _Place) -> Iterator[RawBlock]:
    yield RawBlock(BlockKind.CODE, clean(node.astext()))


def _admonition(node: Node, name: str, place: _Place) -> Iterator[RawBlock]:
    blocks = list(_children(node, place))
    if blocks and blocks[0].kind is BlockKind.TEXT:
        blocks[0] = replace(blocks[0], text=f"{name.capitalize()}: {blocks[0].text}")
    yield from blocks


def _list(node: Node, place: _Place) -> Iterator[RawBlock]:
    number = int(node.get("start", 1))
    for at, item in enumerate(node.children):
        marker = "-" if node.tagname == "bullet_list" else f"{number + at}."
        yield from _item(item, place, marker, first=at == 0)


def _item(item: Node, place: _Place, marker: str, *, first: bool) -> Iterator[RawBlock]:
    fresh = True
    for block in _children(item, replace(place, lists=place.lists + 1)):
        if block.kind is BlockKind.TEXT:
            yield list_item(block.text, place.lists, marker if fresh else " ", first=first and fresh)
        else:
            yield block
        fresh = False


def _lines(node: Node, _place: _Place) -> Iterator[RawBlock]:
    """Verse, terms and fields: a line each."""
    yield RawBlock(BlockKind.TEXT, "\n".join(_text(line) for line in node.children))


def _definition(node: Node, place: _Place) -> Iterator[RawBlock]:
    terms = [_text(child) for child in node.children if child.tagname == "term"]
    bodies = [child for child in node.children if child.tagname == "definition"]
    blocks = [block for body in bodies for block in _children(body, place)]
    yield RawBlock(BlockKind.TEXT, "\n".join(terms))
    yield from (replace(block, lead="\n") if at == 0 else block for at, block in enumerate(blocks))


def _fields(node: Node, _place: _Place) -> Iterator[RawBlock]:
    pairs = (f"{_text(field.children[0])}: {_text(field.children[1])}" for field in node.children)
    yield RawBlock(BlockKind.TEXT, "\n".join(pairs))


def _footnote(node: Node, _place: _Place) -> Iterator[RawBlock]:
    label = next((_text(child) for child in node.children if child.tagname == "label"), "#")
    words = "\n".join(_text(child) for child in node.children if child.tagname != "label")
    yield RawBlock(BlockKind.FOOTNOTE, f"[{label}] {words}")


def _image(node: Node, _place: _Place) -> Iterator[RawBlock]:
    yield image_block(clean(node.get("alt", "")), None)


def _caption(node: Node, _place: _Place) -> Iterator[RawBlock]:
    yield RawBlock(BlockKind.CAPTION, _text(node))


def _table(node: Node, _place: _Place) -> Iterator[RawBlock]:
    for title in (child for child in node.children if child.tagname == "title"):
        yield RawBlock(BlockKind.CAPTION, _text(title))
    cells = list(_cells(node))
    heads = sum(row.parent.tagname == "thead" for row in node.findall() if row.tagname == "row")
    yield table_block(laid_out(cells, heads))


def _cells(table: Node) -> Iterator[Cell]:
    layout = Layout()
    for row in (node for node in table.findall() if node.tagname == "row"):
        layout.next_row()
        for cell in row.children:
            rows, columns = 1 + int(cell.get("morerows", 0)), 1 + int(cell.get("morecols", 0))
            text = " ".join(_text(cell).split())
            yield Cell(*layout.place(rows, columns), rows, columns, row.parent.tagname == "thead", text)


def _text(node: Node) -> str:
    return clean(node.astext())


_SPECIAL: dict[str, Callable[[Node, _Place], Iterator[RawBlock]]] = {
    "title": _heading,
    "literal_block": _code,
    "doctest_block": _code,
    "bullet_list": _list,
    "enumerated_list": _list,
    "definition_list_item": _definition,
    "field_list": _fields,
    "option_list": _lines,
    "line_block": _lines,
    "footnote": _footnote,
    "citation": _footnote,
    "image": _image,
    "caption": _caption,
    "table": _table,
}
