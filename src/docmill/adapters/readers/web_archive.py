"""MHTML, a saved web page: the page is read, its pictures and styles are not."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from itertools import islice
from pathlib import Path

from docmill.adapters.readers.mime import DAMAGE, message_of, part_text
from docmill.adapters.readers.office import web_page
from docmill.domain.documents import Part, ReadInfo
from docmill.domain.errors import DamagedFile, NoText
from docmill.domain.media_types import HTML

PARTS = 10_000


class WebArchiveReader:
    """Reads the first web page of an archive, which is the one that was saved."""

    name = "web-archive-1"

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the blocks. Raises NoText, DamagedFile and as the reader of web pages."""
        try:
            page = _page(message_of(path.read_bytes()))
        except DAMAGE as error:
            raise DamagedFile("The saved page is damaged. Save it anew and send it again.") from error
        if page is None:
            raise NoText("The archive holds no web page. Send one with content.")
        yield from web_page(page, media_type)


def _page(message: EmailMessage) -> str | None:
    parts = islice(message.walk(), PARTS)
    return next((part_text(part) for part in parts if part.get_content_type() == HTML), None)
