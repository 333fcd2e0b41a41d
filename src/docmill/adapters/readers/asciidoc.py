"""AsciiDoc: headings, lists, tables, code and captions; nothing is included from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from docmill.adapters.readers.asciidoc_inline import plain
from docmill.adapters.readers.asciidoc_table import read_table
from docmill.adapters.readers.data_pictures import with_names
from docmill.adapters.readers.outlined_lists import list_item
from docmill.adapters.readers.picture_names import name_in_text
from docmill.adapters.readers.rendered import first_without_lead
from docmill.adapters.readers.text_reader import TextReader, Told
from docmill.adapters.readers.tidy import clean, image_block, table_block
from docmill.domain.documents import BlockKind, RawBlock

_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*)")
_ATTRIBUTE = re.compile(r":!?([\w-]+)!?:(?:[ \t]+(.*))?$")
_BLOCK_ATTRIBUTES = re.compile(r"\[[^\]\s][^\]]*\]\s*$|\[\[[^\]]+\]\]\s*$|\[\]\s*$")
_TITLE = re.compile(r"\.([^\s.].*)")
_FENCE = re.compile(r"(-{4,}|\.{4,}|={4,}|_{4,}|\*{4,}|\+{4,}|/{4,}|--|```\w*)\s*$")
_TABLE = re.compile(r"([|,:!])={3,}\s*$")
_ITEM = re.compile(r"([ \t]*)(\*{1,6}|-|\.{1,6}|\d+\.)[ \t]+(?:\[[ xX*]\][ \t]+)?(\S.*)")
_TERM = re.compile(r"(\S.*?)(?::{2,4}|;;)(?:[ \t]+(.*))?$")
_IMAGE = re.compile(r"(?:image|video|audio)::?([^\s\[]*)\[(.*)\]\s*$")
_INCLUDE = re.compile(r"include::\S*\[.*\]\s*$")
_MACRO = re.compile(r"(?:ifdef|ifndef|ifeval|endif|toc|anchor)::.*$")
_CODE_FENCES = ("-" * 4, "." * 4, "```")


class AsciiDocReader(TextReader):
    """Reads AsciiDoc; marks inside lines are taken off, attributes of the document are filled in."""

    name = "asciidoc-1"

    def tell(self, text: str, _media_type: str, /) -> Told:
        """The blocks of the document, whose first heading is its title."""
        source = _Lines(with_names(text))
        found = (block for block in source.blocks() if block.text or block.picture)
        blocks = list(first_without_lead(found))
        title = next((block.text for block in blocks if block.level == 1), None)
        return Told(blocks, title, notices=source.notices())


class _Lines:
    """The lines of a document, and where reading is."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._at = 0
        self._attributes: dict[str, str] = {}
        self._marks: list[str] = []  # of the lists that are open, the outermost first
        self._includes = False

    def notices(self) -> tuple[str, ...]:
        """What was left out."""
        return ("What the file includes from elsewhere was left out.",) if self._includes else ()

    def blocks(self) -> Iterator[RawBlock]:
        """The blocks to the end of the text."""
        while self._at < len(self._lines):
            line = self._lines[self._at].rstrip()
            self._at += 1
            if not line:
                continue
            yield from self._block(line)

    def _block(self, line: str) -> Iterator[RawBlock]:
        if self._is_passed_over(line):
            return
        if item := _ITEM.match(line):
            yield from self._item(item)
            return
        if line == "+":
            return
        if (table := _TABLE.match(line)) is not None:
            yield table_block(read_table(self._until(line), table[1], self._plain))
            return
        if fence := _FENCE.match(line):
            yield from self._fenced(fence[1])
            return
        self._marks.clear()
        yield from self._standing(line)

    def _is_passed_over(self, line: str) -> bool:
        """Comments, attributes and directives; they may stand inside a list without ending it."""
        if attribute := _ATTRIBUTE.match(line):
            self._attributes[attribute[1].lower()] = plain(attribute[2] or "", self._attributes)
            return True
        if _INCLUDE.match(line):
            self._includes = True
            return True
        is_comment = line.startswith("//") and not line.startswith("////")
        return (
            is_comment or bool(_BLOCK_ATTRIBUTES.match(line) or _MACRO.match(line)) or line in ("'''", "<<<")
        )

    def _standing(self, line: str) -> Iterator[RawBlock]:
        """What is neither list nor fenced."""
        if heading := _HEADING.match(line):
            yield RawBlock(BlockKind.HEADING, self._plain(heading[2]), level=len(heading[1]))
        elif title := _TITLE.match(line):
            yield RawBlock(BlockKind.CAPTION if self._captions() else BlockKind.TEXT, self._plain(title[1]))
        elif image := _IMAGE.match(line):
            description = self._plain(image[2].split(",")[0].strip('" '))
            yield image_block(description, name_in_text(image[1]))
        elif line.startswith("|"):
            rows = [line, *self._while(lambda following: following.startswith("|"))]
            yield table_block(read_table(rows, "|", self._plain))
        elif line[0] in " \t":
            code = [line, *self._while(lambda following: following[:1] in (" ", "\t"))]
            yield RawBlock(BlockKind.CODE, clean("\n".join(code)))
        elif term := _TERM.match(line):
            yield RawBlock(BlockKind.TEXT, self._plain("\n".join(part for part in term.groups() if part)))
        else:
            yield RawBlock(BlockKind.TEXT, self._plain("\n".join([line, *self._paragraph()])))

    def _captions(self) -> bool:
        """Whether what comes next is something that a title stands over as its caption."""
        for line in self._lines[self._at :]:
            if line.strip() and not _BLOCK_ATTRIBUTES.match(line):
                return bool(_TABLE.match(line) or _IMAGE.match(line) or _FENCE.match(line))
        return False

    def _item(self, item: re.Match[str]) -> Iterator[RawBlock]:
        """An item; how deep it stands follows from which marks are open, and from its indent."""
        mark = re.sub(r"\d+\.", "1.", item[2]) + item[1].replace("\t", "    ")
        first = not self._marks
        if mark in self._marks:
            del self._marks[self._marks.index(mark) + 1 :]
        else:
            self._marks.append(mark)
        text = "\n".join([item[3], *self._paragraph()])
        shown = "-" if item[2][0] in "*-" else item[2] if item[2][0].isdigit() else "."
        yield list_item(self._plain(text), len(self._marks) - 1, shown, first=first)

    def _fenced(self, fence: str) -> Iterator[RawBlock]:
        """A block between two lines of the same characters."""
        if fence.startswith(_CODE_FENCES):
            yield RawBlock(BlockKind.CODE, clean("\n".join(self._until("```" if fence[0] == "`" else fence))))
        elif fence.startswith(("////", "++++")):
            self._until(fence)
        # what stands in an example, a quote, a sidebar or an open block is read like any other text

    def _until(self, fence: str) -> list[str]:
        """The lines up to the one that closes what `fence` opened, which is passed over."""
        start = self._at
        while self._at < len(self._lines):
            self._at += 1
            if self._lines[self._at - 1].rstrip() == fence.rstrip():
                return self._lines[start : self._at - 1]
        return self._lines[start:]

    def _paragraph(self) -> list[str]:
        return self._while(lambda line: not _begins_block(line))

    def _while(self, belongs: Callable[[str], bool]) -> list[str]:
        start = self._at
        while (
            self._at < len(self._lines) and self._lines[self._at].strip() and belongs(self._lines[self._at])
        ):
            self._at += 1
        return [line.rstrip() for line in self._lines[start : self._at]]

    def _plain(self, text: str) -> str:
        return clean(plain(text, self._attributes))


def _begins_block(line: str) -> bool:
    rules = (_ITEM, _FENCE, _TABLE, _BLOCK_ATTRIBUTES, _IMAGE, _HEADING)
    return line.rstrip() == "+" or any(rule.match(line) for rule in rules)
