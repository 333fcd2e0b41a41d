"""xberg's document tree to blocks. Its text is free of marks and needs no parsing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docmill.adapters.readers.cell_marks import read_table
from docmill.adapters.readers.picture_names import name_inside
from docmill.adapters.readers.tidy import clean, image_block, one_line, table_block
from docmill.domain.documents import BlockKind, RawBlock

RUNNING_LAYERS = ("header", "footer")

_COMMENT_MARK = re.compile(r"\[cmt:\d+\]")

Content = dict[str, Any]


def tree_blocks(nodes: Sequence[Any], images: Sequence[Any] = ()) -> Iterator[RawBlock]:
    """The blocks of a document, in reading order, without running heads; what it knows of its images."""
    paths = {image.image_index: image.source_path for image in images}
    contents: list[Content] = [json.loads(str(node.content)) for node in nodes]
    in_list = False
    for index, node in enumerate(nodes):
        if str(node.content_layer).rpartition(".")[2].lower() in RUNNING_LAYERS:
            continue
        if contents[index]["node_type"] == "list_item":
            yield _list_item(nodes, contents, index, "\n" if in_list else "\n\n")
            in_list = True
        elif contents[index]["node_type"] not in ("list", "group"):
            in_list = False
            yield from (b for b in _blocks(contents[index], paths) if b.text or b.picture)


def _blocks(content: Content, paths: Mapping[int, str | None]) -> Iterator[RawBlock]:
    kind = content["node_type"]
    if kind in ("heading", "title"):
        text = one_line(content["text"])
        yield RawBlock(BlockKind.HEADING, text, level=min(6, content.get("level") or 1))
    elif kind == "table":
        yield table_block(read_table(_rows(content["grid"])))
    elif kind == "code":
        yield RawBlock(BlockKind.CODE, clean(content["text"]))
    elif kind == "image":
        text = clean(content.get("description") or "")
        picture = name_inside(content.get("src") or paths.get(content.get("image_index", -1)))
        yield image_block(text, picture)
    elif kind == "slide":
        title = clean(content.get("title") or "")
        yield RawBlock(BlockKind.HEADING, title or f"Slide {content['number']}", content["number"], 1)
    elif kind == "metadata_block":
        yield from _fields(content["entries"])
    else:
        yield RawBlock(BlockKind.TEXT, _text(content))


def _text(content: Content) -> str:
    if content["node_type"] == "comment":
        return f"Comment: {clean(content['text'])}"
    if content["node_type"] == "definition_item":
        return clean(f"{content['term']}\n{content['definition']}")
    return clean(_COMMENT_MARK.sub("", content.get("text") or ""))


def _fields(entries: Sequence[Content]) -> Iterator[RawBlock]:
    """Who wrote what when: the subject as a heading, the rest in lines."""
    fields = {entry["key"]: clean(entry["value"]) for entry in entries}
    yield RawBlock(BlockKind.HEADING, fields.pop("Subject", ""), level=1)
    yield RawBlock(BlockKind.TEXT, "\n".join(f"{key}: {value}" for key, value in fields.items()))


def _rows(grid: Content) -> list[list[str]]:
    """The cells by row; a merged cell stands at its first place."""
    rows = [[""] * grid["cols"] for _ in range(grid["rows"])]
    for cell in grid["cells"]:
        if cell["row"] < grid["rows"] and cell["col"] < grid["cols"]:
            rows[cell["row"]][cell["col"]] = cell["content"]
    return rows


def _list_item(nodes: Sequence[Any], contents: list[Content], index: int, lead: str) -> RawBlock:
    parent = nodes[index].parent
    text = clean(_COMMENT_MARK.sub("", contents[index]["text"]))
    if parent is None:
        return RawBlock(BlockKind.LIST, f"- {text}", lead=lead)
    marker = "-"
    if contents[parent].get("ordered"):
        items = [child for child in nodes[parent].children if contents[child]["node_type"] == "list_item"]
        marker = f"{items.index(index) + 1}."
    return RawBlock(BlockKind.LIST, "  " * _depth(nodes, contents, parent) + f"{marker} {text}", lead=lead)


def _depth(nodes: Sequence[Any], contents: list[Content], index: int) -> int:
    """How many lists stand around the list at `index`."""
    depth, parent = 0, nodes[index].parent
    while parent is not None:
        depth += contents[parent]["node_type"] == "list"
        parent = nodes[parent].parent
    return depth
