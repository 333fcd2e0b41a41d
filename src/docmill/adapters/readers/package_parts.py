"""The parts of a document in a zip archive, and which parts they link to."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Callable
from typing import NamedTuple

from docmill.adapters.readers.xml_tree import tree_or_none

ReadPart = Callable[[str], str]  # a part by its name; empty where there is none, or one too long


class PartLink(NamedTuple):
    """What one part calls another one, what for (such as `slideLayout`), and the name of that."""

    identity: str
    kind: str
    part: str


def part_of(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A part; nothing where there is none, or one of more than `most` bytes."""
    if name not in archive.NameToInfo or archive.getinfo(name).file_size > most:
        return b""
    return archive.read(name)


def reading(archive: zipfile.ZipFile, most: int) -> ReadPart:
    """How to read the parts of an archive as text, those of up to `most` bytes."""
    return lambda name: part_of(archive, name, most).decode("utf-8", "replace")


def links_of(name: str, read: ReadPart) -> list[PartLink]:
    """The parts in the same package that a part links to."""
    folder, file = posixpath.split(name)
    links = tree_or_none(read(f"{folder}/_rels/{file}.rels"))
    return [
        PartLink(
            link.get("Id", ""),
            link.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, link.get("Target", "")))[1:],
        )
        for link in links
        if link.get("TargetMode") != "External"
    ]
