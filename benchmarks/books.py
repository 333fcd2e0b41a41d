"""Long and scanned PDFs, put together from pages that are there already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

import pypdfium2

_DPI = 200


def bind(sources: Sequence[Path], pages: int, path: Path) -> Path:
    """A PDF of so many pages, taken from the sources again and again."""
    book = pypdfium2.PdfDocument.new()
    while len(book) < pages:
        for source in sources:
            document = pypdfium2.PdfDocument(source)
            if wanted := min(len(document), pages - len(book)):  # no numbers at all would mean all pages
                book.import_pages(document, list(range(wanted)))
            document.close()
    book.save(path)
    book.close()
    return path


def scan(sources: Sequence[Path], pages: int, path: Path) -> Path:
    """A PDF of so many pictures of pages at 200 dpi, without any text in it."""
    rendered = (page.render(scale=_DPI / 72).to_pil() for page in _pages(sources))
    first, *others = islice(rendered, pages)
    first.convert("L").save(
        path, "PDF", resolution=_DPI, save_all=True, append_images=[o.convert("L") for o in others]
    )
    return path


def _pages(sources: Sequence[Path]) -> Iterator[pypdfium2.PdfPage]:
    for source in cycle(sources):
        yield from pypdfium2.PdfDocument(source)
