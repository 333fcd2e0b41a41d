"""The pictures in a Jupyter notebook, called after their cell: that of an output, or what is attached.

`cell:4/0` is the first output of the fifth cell, `cell:2/pier.png` is attached to the third, and
`cell:2/data:0` stands in its text.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from docmill.adapters.readers.data_pictures import data_of, picture_in
from docmill.adapters.readers.decoding import decode
from docmill.adapters.readers.notebook_cells import (
    Values,
    cells_of,
    joined,
    notebook_of,
    outputs_of,
    source_of,
)
from docmill.adapters.readers.picture_names import READ, Naming, name_in_text, name_inside

_ATTACHED = "attachment:"


def naming(place: str) -> Naming:
    """How the text of the cell at this place names the pictures that it shows."""

    def name_of(target: str) -> str | None:
        attached = name_inside(target.removeprefix(_ATTACHED)) if target.startswith(_ATTACHED) else None
        inside = attached or name_in_text(target)
        return f"{place}/{inside}" if inside else None

    return name_of


def picture(path: Path, name: str) -> bytes | None:
    """The bytes of the picture of this name; None where there is none. Raises ValueError, DamagedFile."""
    place, _, inside = name.partition("/")
    notebook = notebook_of(decode(path.read_bytes()).text)
    cell = next(islice(cells_of(notebook), int(place.removeprefix("cell:")), None), {})
    if name_in_text(inside):
        return picture_in(source_of(cell), inside)
    encoded = _of_output(cell, int(inside)) if inside.isdecimal() else _attached(cell, inside)
    return data_of(encoded) if encoded else None


def shown_by(output: Values) -> str:
    """The picture of an output, in base64; until the third version of the format it lay beside the rest."""
    return _in_forms(output.get("data")) or joined(output.get("png", output.get("jpeg")))


def _of_output(cell: Values, number: int) -> str:
    return next(map(shown_by, islice(outputs_of(cell), number, None)), "")


def _attached(cell: Values, name: str) -> str:
    files = cell.get("attachments")
    return _in_forms(files.get(name)) if isinstance(files, dict) else ""


def _in_forms(forms: object) -> str:
    """The picture among the forms of one thing, each under its media type."""
    known = forms.items() if isinstance(forms, dict) else ()
    return next((joined(value) for kind, value in known if READ.fullmatch(kind)), "")
