"""Which reader reads what: one line a format. A reader is imported, and its engines, when it first reads."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from docmill.adapters.readers import docling_engine
from docmill.adapters.readers.pdf_pages import WHOLE, Selection
from docmill.domain import media_types as types
from docmill.domain.documents import TAKE_NOTHING, ReaderChoice, Unpacking
from docmill.domain.reading_errors import UnsupportedType

if TYPE_CHECKING:
    from docmill.ports import Reader

# By media type: the module in this package, and its class.
_READERS: dict[str, str] = {
    types.DOCX: "office.OfficeReader",
    types.DOC: "office.OfficeReader",
    types.PPTX: "office.SlideReader",
    types.PPT: "deck.DeckReader",
    types.XLSX: "office.SheetReader",
    types.XLS: "office.SheetReader",
    types.ODT: "office.OfficeReader",
    types.ODS: "office.SheetReader",
    types.ODP: "open_slides.OpenSlidesReader",
    types.RTF: "office.OfficeReader",
    types.EPUB: "office.BookReader",
    types.HTML: "office.WebPageReader",
    types.MHTML: "web_archive.WebArchiveReader",
    types.MARKDOWN: "markdown.MarkdownReader",
    types.ASCIIDOC: "asciidoc.AsciiDocReader",
    types.RST: "restructured_text.RstReader",
    types.TEXT: "plain_text.PlainTextReader",
    types.CSV: "delimited.DelimitedReader",
    types.TSV: "delimited.DelimitedReader",
    types.JSON: "json_values.JsonReader",
    types.JSONL: "json_values.JsonReader",
    types.XML: "xml_text.XmlReader",
    types.YAML: "yaml_values.YamlReader",
    types.NOTEBOOK: "notebook.NotebookReader",
    types.VTT: "subtitles.SubtitleReader",
    types.SRT: "subtitles.SubtitleReader",
    types.SVG: "xml_text.XmlReader",
    **dict.fromkeys(types.SOURCE_TYPES, "source_code.SourceCodeReader"),
    types.PNG: "images.ImageReader",
    types.JPEG: "images.ImageReader",
    types.TIFF: "images.ImageReader",
    types.WEBP: "images.ImageReader",
}

_PAGED = dict.fromkeys(types.PAGED, "pdf.PdfReader")

_CONTAINERS: dict[str, str] = {
    types.ZIP: "archive.ArchiveReader",
    types.TAR: "archive.ArchiveReader",
    **dict.fromkeys(types.PACKED, "archive.ArchiveReader"),
    types.EML: "mail.MailReader",
    types.MSG: "outlook.OutlookReader",
}


def reader_for(
    media_type: str,
    attempt: int = 0,
    selection: Selection = WHOLE,
    choice: ReaderChoice = ReaderChoice.DOCMILL,
    unpacking: Unpacking = TAKE_NOTHING,
) -> Reader:
    """The reader of this media type; a later `attempt` leaves out what crashed. Raises UnsupportedType.

    Without `unpacking`, files that others hold are named and not taken.
    """
    if media_type in _PAGED:
        reader = _class(_PAGED[media_type])(attempt, selection)
        return reader if selection.only else _class("embedded.WithEmbeddedFiles")(reader, unpacking)
    if media_type in _CONTAINERS:
        return _class(_CONTAINERS[media_type])(unpacking)
    if choice is ReaderChoice.DOCLING and media_type in docling_engine.READ:
        return docling_engine.DoclingReader()
    if media_type not in _READERS:
        raise UnsupportedType
    return _class(_READERS[media_type])()


def _class(place: str) -> Callable[..., Reader]:
    module, name = place.split(".")
    made: Callable[..., Reader] = getattr(import_module(f"docmill.adapters.readers.{module}"), name)
    return made
