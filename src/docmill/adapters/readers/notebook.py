"""Jupyter notebooks: Markdown cells as what they show, code cells as code, outputs as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docmill.adapters.readers.decoding import storable
from docmill.adapters.readers.rendered import first_without_lead, rendered_blocks
from docmill.adapters.readers.text_reader import TextReader, Told
from docmill.adapters.readers.tidy import clean
from docmill.domain.documents import BlockKind, RawBlock
from docmill.domain.errors import DamagedFile

OUTPUT_CHARACTERS = 20_000  # of one output; a loop that prints for ever says no more than its start

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SHOWN = ("text/markdown", "text/plain", "text/latex")

Values = Mapping[str, Any]


class NotebookReader(TextReader):
    """Reads the cells in their order; pictures and widgets are left out, nothing is run."""

    name = "notebook-1"
    lacking = "The notebook holds no text. Send one with content."

    def tell(self, text: str, _media_type: str, /) -> Told:
        """The cells. Raises DamagedFile for what is no notebook."""
        notebook = _notebook(text)
        found = (block for cell in _cells(notebook) for block in _cell(cell) if block.text)
        blocks = list(first_without_lead(found))
        title = next((b.text for b in blocks if b.kind is BlockKind.HEADING and b.level == 1), None)
        return Told(blocks, title, _about(notebook))


def _notebook(text: str) -> Values:
    try:
        notebook = json.loads(text, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise DamagedFile("The notebook is not valid JSON. Save it anew and send it again.") from error
    if not isinstance(notebook, dict) or not isinstance(
        notebook.get("cells", notebook.get("worksheets")), list
    ):
        raise DamagedFile("The notebook has no cells. Save it anew and send it again.")
    return notebook


def _cells(notebook: Values) -> Iterator[Values]:
    """The cells; until the third version of the format they stood in worksheets."""
    for sheet in [notebook, *_mappings(notebook.get("worksheets"))]:
        yield from _mappings(sheet.get("cells"))


def _cell(cell: Values) -> Iterator[RawBlock]:
    kind, source = cell.get("cell_type"), _joined(cell.get("source", cell.get("input")))
    if kind == "code":
        yield RawBlock(BlockKind.CODE, storable(source).strip("\n"))
        for output in _mappings(cell.get("outputs")):
            yield from _output(output)
    elif kind == "heading":
        yield RawBlock(BlockKind.HEADING, clean(source), level=1)
    else:
        yield from rendered_blocks(source)


def _output(output: Values) -> Iterator[RawBlock]:
    data = output.get("data")
    if isinstance(data, dict):
        shown = next((kind for kind in _SHOWN if kind in data), None)
        if shown is None or (shown == "text/plain" and any(kind.startswith("image/") for kind in data)):
            return
        text = _joined(data[shown])[:OUTPUT_CHARACTERS]
        yield from rendered_blocks(text) if shown == "text/markdown" else _printed(text)
    elif output.get("output_type") in ("error", "pyerr"):
        yield from _printed(f"{output.get('ename', 'Error')}: {output.get('evalue', '')}")
    else:
        yield from _printed(_joined(output.get("text")))


def _printed(text: str) -> Iterator[RawBlock]:
    yield RawBlock(BlockKind.TEXT, clean(_COLOUR.sub("", text[:OUTPUT_CHARACTERS])))


def _about(notebook: Values) -> dict[str, str]:
    about = notebook.get("metadata")
    info = about.get("language_info") if isinstance(about, dict) else None
    name = info.get("name") if isinstance(info, dict) else None
    return {"programming_language": clean(name)} if isinstance(name, str) and name.strip() else {}


def _joined(source: object) -> str:
    """A text, or its lines."""
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def _mappings(values: object) -> Sequence[Values]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
