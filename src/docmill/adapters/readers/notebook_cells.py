"""What a Jupyter notebook is made of: JSON with cells, whose texts are strings or lists of lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docmill.domain.reading_errors import DamagedFile

Values = Mapping[str, Any]


def notebook_of(text: str) -> Values:
    """The notebook that a text is. Raises DamagedFile for what is none."""
    try:
        notebook = json.loads(text, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise DamagedFile("The notebook is not valid JSON. Save it anew and send it again.") from error
    if not isinstance(notebook, dict) or not isinstance(
        notebook.get("cells", notebook.get("worksheets")), list
    ):
        raise DamagedFile("The notebook has no cells. Save it anew and send it again.")
    return notebook


def cells_of(notebook: Values) -> Iterator[Values]:
    """The cells; until the third version of the format they stood in worksheets."""
    for sheet in [notebook, *mappings(notebook.get("worksheets"))]:
        yield from mappings(sheet.get("cells"))


def outputs_of(cell: Values) -> Sequence[Values]:
    """What the code in a cell put out when it was run."""
    return mappings(cell.get("outputs"))


def source_of(cell: Values) -> str:
    """What was written into a cell."""
    return joined(cell.get("source", cell.get("input")))


def joined(source: object) -> str:
    """A text, or its lines."""
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def mappings(values: object) -> Sequence[Values]:
    """The mappings in a list; none where it is no list."""
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
