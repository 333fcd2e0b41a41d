"""Which reader reads what: one line a format. Readers import their engines when they first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from docmill.adapters.readers.delimited import DelimitedReader
from docmill.adapters.readers.json_values import JsonReader
from docmill.adapters.readers.mail import MailReader
from docmill.adapters.readers.markdown import MarkdownReader
from docmill.adapters.readers.office import BookReader, OfficeReader, SheetReader, SlideReader, WebPageReader
from docmill.adapters.readers.pdf import PdfReader
from docmill.adapters.readers.plain_text import PlainTextReader
from docmill.domain import media_types as types
from docmill.domain.errors import UnsupportedType

if TYPE_CHECKING:
    from docmill.ports import Reader

_READERS: dict[str, Callable[[], Reader]] = {
    types.PDF: PdfReader,
    types.DOCX: OfficeReader,
    types.PPTX: SlideReader,
    types.XLSX: SheetReader,
    types.ODT: OfficeReader,
    types.EPUB: BookReader,
    types.RTF: OfficeReader,
    types.HTML: WebPageReader,
    types.MARKDOWN: MarkdownReader,
    types.TEXT: PlainTextReader,
    types.CSV: DelimitedReader,
    types.TSV: DelimitedReader,
    types.JSON: JsonReader,
    types.JSONL: JsonReader,
    types.EML: MailReader,
    types.MSG: OfficeReader,
}

_SPARES: dict[str, tuple[Callable[[], Reader], ...]] = {types.PDF: (lambda: PdfReader(attempt=1),)}


def attempts(media_type: str) -> int:
    """How many readers may be tried when one takes its process down with it."""
    return 1 + len(_SPARES.get(media_type, ()))


def reader_for(media_type: str, attempt: int = 0) -> Reader:
    """The reader of this media type; a later `attempt` leaves out what crashed. Raises UnsupportedType."""
    if media_type not in _READERS:
        raise UnsupportedType
    choices = (_READERS[media_type], *_SPARES.get(media_type, ()))
    return choices[attempt]()
