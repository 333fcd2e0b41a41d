"""MHTML, a saved web page: the page is read, with the pictures and style sheets that were saved with it."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

from docmill.adapters.readers.mime import DAMAGE, message_of, part_text
from docmill.adapters.readers.mime_pictures import Beside, Parts, named_parts, picture_of
from docmill.adapters.readers.office import web_page
from docmill.domain.documents import Part, ReadInfo
from docmill.domain.media_types import HTML
from docmill.domain.reading_errors import DamagedFile, NoText


class WebArchiveReader:
    """Reads the first web page of an archive, which is the one that was saved."""

    name = "web-archive-1"

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the blocks. Raises NoText, DamagedFile and as the reader of web pages."""
        try:
            message = message_of(path.read_bytes())
            page = _page(message)
            text, beside = (part_text(page), Beside(Parts(message), page)) if page else ("", None)
        except DAMAGE as error:
            raise DamagedFile("The saved page is damaged. Save it anew and send it again.") from error
        if beside is None:
            raise NoText("The archive holds no web page. Send one with content.")
        yield from web_page(text, media_type, pictures=beside.picture, linked=beside.style_sheet)


def picture(path: Path, name: str) -> bytes | None:
    """The bytes of a picture in the archive; None where it has none of this name. Raises DAMAGE."""
    return picture_of(message_of(path.read_bytes()), name)


def _page(message: EmailMessage) -> EmailMessage | None:
    return next((part for _, part in named_parts(message) if part.get_content_type() == HTML), None)
