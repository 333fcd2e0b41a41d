"""A PDF as PDFium opens it: how its pages look, who wrote it, its outline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docmill.adapters.readers.pdf_look import Look, PageLook
from docmill.adapters.readers.pdf_pieces import Piece
from docmill.adapters.readers.tidy import clean, one_line
from docmill.domain.documents import OutlineEntry

OUTLINE_ENTRIES = 5_000

_NAMES = {
    "Author": "author",
    "Subject": "subject",
    "Keywords": "keywords",
    "Creator": "creator",
    "Producer": "producer",
    "CreationDate": "created",
    "ModDate": "modified",
}
_DATES = ("created", "modified")


class Sight:
    """A PDF, opened to be looked at."""

    def __init__(self, path: Path) -> None:
        """Raises PdfiumError where it cannot be opened."""
        import pypdfium2

        self._pdf = pypdfium2.PdfDocument(path)

    def __len__(self) -> int:
        return len(self._pdf)

    def look(self, number: int, *, ruled: bool = False) -> Look | None:
        """Size, rotation and unseen text of a page, counted from 1; None where it cannot be loaded.

        Of a page that is `ruled` the lines too.
        """
        with self._opened(number, ruled=ruled) as page:
            return page.look() if page else None

    def words(self, number: int, piece: Piece) -> list[Piece]:
        """The words of a piece of text on a page, counted from 1; none where it cannot be loaded."""
        with self._opened(number) as page:
            return page.words(piece.place) if page else []

    @contextmanager
    def _opened(self, number: int, *, ruled: bool = False) -> Iterator[PageLook | None]:
        import pypdfium2

        try:
            page = self._pdf[number - 1]
        except (pypdfium2.PdfiumError, IndexError):
            yield None
            return
        try:
            yield PageLook(page, ruled=ruled)
        finally:
            page.close()

    def about(self) -> dict[str, str]:
        """What the file says of itself, by plain names; dates in ISO 8601."""
        told = {_NAMES[key]: clean(value) for key, value in self._told().items() if key in _NAMES}
        dated = {key: iso_date(value) if key in _DATES else value for key, value in told.items()}
        return {key: value for key, value in dated.items() if value}

    def title(self) -> str | None:
        """The title that the file gives itself."""
        title = clean(self._told().get("Title", ""))
        return title if title and title.casefold() != "untitled" else None

    def _told(self) -> dict[str, str]:
        """As PDFium decodes it; a wrong length leaves replacement characters at the end."""
        told: dict[str, str] = self._pdf.get_metadata_dict(skip_empty=True)
        return {key: value.rstrip("\ufffd\x00 ") for key, value in told.items()}

    def outline(self) -> tuple[OutlineEntry, ...]:
        """The bookmarks, as far as they go round in no circle."""
        return tuple(entry for entry, _ in zip(self._bookmarks(), range(OUTLINE_ENTRIES), strict=False))

    def _bookmarks(self) -> Iterator[OutlineEntry]:
        for mark in self._pdf.get_toc():
            target = mark.get_dest()
            index = target.get_index() if target else None
            if title := one_line(mark.get_title()):
                page = None if index is None or index < 0 else index + 1
                yield OutlineEntry(mark.level + 1, title, page)

    def close(self) -> None:
        """Close the file."""
        self._pdf.close()


def open_sight(path: Path) -> Sight | None:
    """The file, opened to be looked at; None where PDFium alone cannot open it."""
    import pypdfium2

    try:
        return Sight(path)
    except pypdfium2.PdfiumError:
        return None


def iso_date(told: str) -> str:
    """A date as PDF writes it (D:20240131120000+01'00') in ISO 8601; as it is where it is none."""
    digits = told.removeprefix("D:")
    if len(digits) < 8 or not digits[:8].isdigit():
        return told
    date = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
    if len(digits) < 14 or not digits[:14].isdigit():
        return date
    zone = digits[14:].replace("'", "")
    zone = f"{zone[:3]}:{zone[3:5]}" if len(zone) >= 5 else zone
    return f"{date}T{digits[8:10]}:{digits[10:12]}:{digits[12:14]}{zone}"
