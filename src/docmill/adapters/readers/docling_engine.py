"""docling, where `docmill[docling]` is installed: formats that need no model, its document to blocks."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from docmill.domain import media_types as types
from docmill.domain.documents import BlockKind, Part, ReadInfo
from docmill.domain.reading_errors import DamagedFile, NoText, ReaderMissing

# Media type: docling's name of the format, the ending it expects of a name, module and class that read it.
_BACKENDS = {
    types.DOCX: ("DOCX", ".docx", "msword_backend", "MsWordDocumentBackend"),
    types.PPTX: ("PPTX", ".pptx", "mspowerpoint_backend", "MsPowerpointDocumentBackend"),
    types.XLSX: ("XLSX", ".xlsx", "msexcel_backend", "MsExcelDocumentBackend"),
    types.HTML: ("HTML", ".html", "html_backend", "HTMLDocumentBackend"),
    types.MARKDOWN: ("MD", ".md", "md_backend", "MarkdownDocumentBackend"),
    types.ASCIIDOC: ("ASCIIDOC", ".adoc", "asciidoc_backend", "AsciiDocBackend"),
    types.CSV: ("CSV", ".csv", "csv_backend", "CsvDocumentBackend"),
}

READ = frozenset(_BACKENDS)


def is_installed() -> bool:
    """Whether docling can be used in this environment."""
    return find_spec("docling") is not None


class DoclingReader:
    """Reads by docling; pages and boxes are kept where docling gives them."""

    name = "docling"

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the blocks. Raises ReaderMissing, NoText and DamagedFile."""
        if not is_installed():
            raise ReaderMissing
        from docmill.adapters.readers.docling_blocks import docling_blocks
        from docmill.adapters.readers.parts import in_parts
        from docmill.adapters.readers.rendered import first_without_lead

        document = _document(path.read_bytes(), media_type)
        blocks = list(first_without_lead(docling_blocks(document)))
        if not blocks:
            raise NoText("The document holds no text. Send one with content.")
        title = next((block.text for block in blocks if block.kind is BlockKind.HEADING), None)
        yield ReadInfo(media_type, _name(), title=title)
        yield from in_parts(blocks)


def _name() -> str:
    from importlib.metadata import version

    return f"docling-core-{version('docling-core')}"


def _document(data: bytes, media_type: str) -> Any:
    """docling's document. Only bytes are passed, so that nothing is fetched."""
    from importlib import import_module

    from docling.datamodel.base_models import InputFormat
    from docling.datamodel.document import InputDocument

    kind, ending, module, name = _BACKENDS[media_type]
    backend = getattr(import_module(f"docling.backend.{module}"), name)
    try:
        given = InputDocument(
            path_or_stream=BytesIO(data),
            format=InputFormat[kind],
            backend=backend,
            filename=f"document{ending}",
        )
        if not given.valid:
            raise DamagedFile
        return given._backend.convert()
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError, OSError) as error:
        raise DamagedFile from error
