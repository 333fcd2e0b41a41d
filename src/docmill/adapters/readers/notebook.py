"""Jupyter notebooks: Markdown cells as what they show, code cells as code, outputs as text and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docmill.adapters.readers.data_pictures import with_names
from docmill.adapters.readers.decoding import storable
from docmill.adapters.readers.notebook_cells import (
    Values,
    cells_of,
    joined,
    notebook_of,
    outputs_of,
    source_of,
)
from docmill.adapters.readers.notebook_pictures import naming, shown_by
from docmill.adapters.readers.rendered import first_without_lead, rendered_blocks
from docmill.adapters.readers.text_reader import TextReader, Told
from docmill.adapters.readers.tidy import clean, image_block
from docmill.domain.documents import BlockKind, RawBlock

OUTPUT_CHARACTERS = 20_000  # of one output; a loop that prints for ever says no more than its start

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SHOWN = ("text/markdown", "text/plain", "text/latex")


class NotebookReader(TextReader):
    """Reads the cells in their order; widgets are left out, nothing is run."""

    name = "notebook-1"
    lacking = "The notebook holds no text. Send one with content."

    def tell(self, text: str, _media_type: str, /) -> Told:
        """The cells. Raises DamagedFile for what is no notebook."""
        notebook = notebook_of(text)
        cells = enumerate(cells_of(notebook))
        found = (block for number, cell in cells for block in _cell(cell, f"cell:{number}"))
        blocks = list(first_without_lead(block for block in found if block.text or block.picture))
        title = next((b.text for b in blocks if b.kind is BlockKind.HEADING and b.level == 1), None)
        return Told(blocks, title, _about(notebook))


def _cell(cell: Values, place: str) -> Iterator[RawBlock]:
    kind, source = cell.get("cell_type"), source_of(cell)
    if kind == "code":
        yield RawBlock(BlockKind.CODE, storable(source).strip("\n"))
        for number, output in enumerate(outputs_of(cell)):
            yield from _output(output)
            if shown_by(output):
                yield image_block("", f"{place}/{number}")
    elif kind == "heading":
        yield RawBlock(BlockKind.HEADING, clean(source), level=1)
    else:
        yield from rendered_blocks(with_names(source), pictures=naming(place))


def _output(output: Values) -> Iterator[RawBlock]:
    data = output.get("data")
    if isinstance(data, dict):
        shown = next((kind for kind in _SHOWN if kind in data), None)
        if shown is None or (shown == "text/plain" and any(kind.startswith("image/") for kind in data)):
            return
        text = joined(data[shown])[:OUTPUT_CHARACTERS]
        yield from rendered_blocks(text) if shown == "text/markdown" else _printed(text)
    elif output.get("output_type") in ("error", "pyerr"):
        yield from _printed(f"{output.get('ename', 'Error')}: {output.get('evalue', '')}")
    else:
        yield from _printed(joined(output.get("text")))


def _printed(text: str) -> Iterator[RawBlock]:
    yield RawBlock(BlockKind.TEXT, clean(_COLOUR.sub("", text[:OUTPUT_CHARACTERS])))


def _about(notebook: Values) -> dict[str, str]:
    about = notebook.get("metadata")
    info = about.get("language_info") if isinstance(about, dict) else None
    name = info.get("name") if isinstance(info, dict) else None
    return {"programming_language": clean(name)} if isinstance(name, str) and name.strip() else {}
