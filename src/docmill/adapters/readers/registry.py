"""Which reader reads what: one line a format. Readers import their engines when they first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from docmill.adapters.readers import docling_engine
from docmill.adapters.readers.archive import ArchiveReader
from docmill.adapters.readers.asciidoc import AsciiDocReader
from docmill.adapters.readers.deck import DeckReader
from docmill.adapters.readers.delimited import DelimitedReader
from docmill.adapters.readers.embedded import WithEmbeddedFiles
from docmill.adapters.readers.images import ImageReader
from docmill.adapters.readers.json_values import JsonReader
from docmill.adapters.readers.mail import MailReader
from docmill.adapters.readers.markdown import MarkdownReader
from docmill.adapters.readers.notebook import NotebookReader
from docmill.adapters.readers.office import BookReader, OfficeReader, SheetReader, SlideReader, WebPageReader
from docmill.adapters.readers.open_slides import OpenSlidesReader
from docmill.adapters.readers.outlook import OutlookReader
from docmill.adapters.readers.pdf import PdfReader
from docmill.adapters.readers.pdf_pages import WHOLE, Selection
from docmill.adapters.readers.plain_text import PlainTextReader
from docmill.adapters.readers.restructured_text import RstReader
from docmill.adapters.readers.source_code import SourceCodeReader
from docmill.adapters.readers.subtitles import SubtitleReader
from docmill.adapters.readers.web_archive import WebArchiveReader
from docmill.adapters.readers.xml_text import XmlReader
from docmill.adapters.readers.yaml_values import YamlReader
from docmill.domain import media_types as types
from docmill.domain.documents import TAKE_NOTHING, ReaderChoice, Unpacking
from docmill.domain.errors import UnsupportedType

if TYPE_CHECKING:
    from docmill.ports import Reader

_READERS: dict[str, Callable[[], Reader]] = {
    types.DOCX: OfficeReader,
    types.DOC: OfficeReader,
    types.PPTX: SlideReader,
    types.PPT: DeckReader,
    types.XLSX: SheetReader,
    types.XLS: SheetReader,
    types.ODT: OfficeReader,
    types.ODS: SheetReader,
    types.ODP: OpenSlidesReader,
    types.RTF: OfficeReader,
    types.EPUB: BookReader,
    types.HTML: WebPageReader,
    types.MHTML: WebArchiveReader,
    types.MARKDOWN: MarkdownReader,
    types.ASCIIDOC: AsciiDocReader,
    types.RST: RstReader,
    types.TEXT: PlainTextReader,
    types.CSV: DelimitedReader,
    types.TSV: DelimitedReader,
    types.JSON: JsonReader,
    types.JSONL: JsonReader,
    types.XML: XmlReader,
    types.YAML: YamlReader,
    types.NOTEBOOK: NotebookReader,
    types.VTT: SubtitleReader,
    types.SRT: SubtitleReader,
    types.SVG: XmlReader,
    **dict.fromkeys(types.SOURCE_TYPES, SourceCodeReader),
    types.PNG: ImageReader,
    types.JPEG: ImageReader,
    types.TIFF: ImageReader,
    types.WEBP: ImageReader,
}

_PAGED: dict[str, Callable[[int, Selection], Reader]] = {types.PDF: PdfReader}  # as `types.PAGED`

_CONTAINERS: dict[str, Callable[[Unpacking], Reader]] = {
    types.ZIP: ArchiveReader,
    types.TAR: ArchiveReader,
    **dict.fromkeys(types.PACKED, ArchiveReader),
    types.EML: MailReader,
    types.MSG: OutlookReader,
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
        reader = _PAGED[media_type](attempt, selection)
        return reader if selection.only else WithEmbeddedFiles(reader, unpacking)
    if media_type in _CONTAINERS:
        return _CONTAINERS[media_type](unpacking)
    if choice is ReaderChoice.DOCLING and media_type in docling_engine.READ:
        return docling_engine.DoclingReader()
    if media_type not in _READERS:
        raise UnsupportedType
    return _READERS[media_type]()
