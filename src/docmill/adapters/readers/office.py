"""Office documents, books and web pages, read by xberg: its Markdown becomes blocks, its tables cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from docmill.adapters.readers import xberg_engine
from docmill.adapters.readers.book import mended_book
from docmill.adapters.readers.css_source import Linked, nothing_linked
from docmill.adapters.readers.decoding import decode
from docmill.adapters.readers.doc_tables import doc_tables
from docmill.adapters.readers.marked_packages import marked_package
from docmill.adapters.readers.parts import in_parts
from docmill.adapters.readers.picture_names import Naming, name_in_text, name_inside
from docmill.adapters.readers.rendered import first_without_lead, rendered_blocks
from docmill.adapters.readers.sheet_pictures import sheet_pictures
from docmill.adapters.readers.sheet_spans import Merged, merged_cells, with_spans
from docmill.adapters.readers.slide_size import slide_size
from docmill.adapters.readers.slide_titles import under_heading
from docmill.adapters.readers.tables_in_text import with_letters, with_tables
from docmill.adapters.readers.tidy import clean, table_block, tidy_table
from docmill.adapters.readers.tree import tree_blocks
from docmill.adapters.readers.unseen_marks import told_apart
from docmill.adapters.readers.web import as_utf8, title_of
from docmill.domain.cells import cut_rows
from docmill.domain.documents import BlockKind, Page, Part, RawBlock, ReadInfo, Span, Table
from docmill.domain.media_types import DOC, HTML
from docmill.domain.reading_errors import NoPages, NoText

TABLE_ROWS = 50  # a longer sheet becomes several tables, each with the header row


class OfficeReader:
    """Reads what has no pages of its own and whose text the engine gives without marks."""

    name = xberg_engine.VERSION

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the blocks. Raises NoText, DamagedFile, PasswordRequired, ReaderTooLarge."""
        data = path.read_bytes()
        document = xberg_engine.extract(marked_package(data, media_type), media_type, tree=True)
        nodes = document.document.nodes if document.document else ()
        blocks = told_apart(tree_blocks(nodes, document.images or ()))
        if media_type == DOC:
            blocks = with_tables(list(blocks), with_letters(doc_tables(data)))
        yield from _flowing(blocks, document_info(document, media_type, None))


class BookReader:
    """Reads EPUB, whose chapters the engine gives as Markdown."""

    name = xberg_engine.VERSION

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the blocks. Raises as OfficeReader."""
        document = xberg_engine.extract(mended_book(path.read_bytes()), media_type)
        blocks = rendered_blocks(document.content, pictures=name_inside)
        yield from _flowing(blocks, document_info(document, media_type, None))


class WebPageReader:
    """Reads HTML, decoded by us: engines guess wrong at UTF-16."""

    name = xberg_engine.VERSION

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the blocks. Raises as OfficeReader."""
        decoded = decode(path.read_bytes())
        yield from web_page(decoded.text, media_type, decoded.notices)


def web_page(
    html: str,
    media_type: str,
    notices: tuple[str, ...] = (),
    pictures: Naming = name_in_text,
    linked: Linked = nothing_linked,
) -> Iterator[ReadInfo | Part]:
    """What a reader yields for this page, with what lies beside it. Raises as OfficeReader."""
    document = xberg_engine.extract(as_utf8(html, linked), HTML)
    title = clean(title_of(html)) or None
    info = replace(document_info(document, media_type, None), title=title, notices=notices)
    yield from _flowing(rendered_blocks(document.content, pictures=pictures), info)


class SlideReader:
    """Reads presentations: each slide is a page under a heading with its title."""

    name = xberg_engine.VERSION

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then one part for each slide. Raises as OfficeReader, and NoPages."""
        data = path.read_bytes()
        document = xberg_engine.extract(marked_package(data, media_type), media_type)
        has_text = any(
            clean(page.content) or clean(page.speaker_notes or "") for page in document.pages or ()
        )
        slides = [list(_slide(page)) for page in document.pages or ()]
        yield from _paged(document, media_type, slides, has_text, slide_size(data))


class SheetReader:
    """Reads workbooks: each sheet is a page under a heading with its name."""

    name = xberg_engine.VERSION

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then one part for each sheet. Raises as OfficeReader, and NoPages."""
        data = path.read_bytes()
        document = xberg_engine.extract(data, media_type)
        merged, pictures = merged_cells(data, media_type), sheet_pictures(data, media_type)
        sheets = [list(_sheet(page, merged, pictures)) for page in document.pages or ()]
        yield from _paged(document, media_type, sheets, any(len(blocks) > 1 for blocks in sheets))


def _flowing(found: Iterator[RawBlock], info: ReadInfo) -> Iterator[ReadInfo | Part]:
    blocks = list(first_without_lead(found))
    if not any(block.text or block.picture for block in blocks):
        raise NoText("The document holds no text. Send one with content.")
    yield info
    yield from in_parts(blocks)


def _paged(
    document: Any,
    media_type: str,
    pages: list[list[RawBlock]],
    has_text: bool,
    size: tuple[float, float] | None = None,
) -> Iterator[ReadInfo | Part]:
    if not pages:
        raise NoPages
    if not has_text:
        raise NoText("The document holds no text. Send one with content.")
    pages[0] = list(first_without_lead(pages[0]))
    yield document_info(document, media_type, len(pages))
    for number, blocks in enumerate(pages, start=1):
        yield Part(tuple(blocks), number, len(pages), (Page(number, *size),) if size else ())


def document_info(document: Any, media_type: str, pages: int | None) -> ReadInfo:
    """What the engine knows of the document as a whole."""
    about = document.metadata
    known = {
        "author": ", ".join(about.authors or ()),
        "subject": about.subject,
        "keywords": ", ".join(about.keywords or ()),
        "producer": str((about.additional or {}).get("application") or "").strip('"'),
        "created": about.created_at,
        "modified": about.modified_at,
        "language": about.language,
    }
    metadata = {key: clean(value) for key, value in known.items() if value}
    title = clean(about.title or "") or None
    return ReadInfo(media_type, xberg_engine.VERSION, pages, title, metadata)


def _slide(page: Any) -> Iterator[RawBlock]:
    content = page.content.replace("\\![", "![")  # the engine escapes the sign of its own pictures
    blocks = list(rendered_blocks(content, page.page_number, name_inside))
    for block in under_heading(blocks, page.page_number):
        yield replace(block, level=1) if block.kind is BlockKind.HEADING else block
    if notes := clean(page.speaker_notes or ""):
        yield RawBlock(BlockKind.TEXT, f"Notes: {notes}", page=page.page_number)


def _sheet(
    page: Any, merged: Mapping[str, Merged], pictures: Mapping[str, Sequence[RawBlock]]
) -> Iterator[RawBlock]:
    """The tables of a sheet, and behind them its pictures."""
    name = clean(page.sheet_name or "") or f"Sheet {page.page_number}"
    yield RawBlock(BlockKind.HEADING, name, page=page.page_number, level=1)
    sheet = " ".join((page.sheet_name or "").split())
    known = merged.get(sheet)
    for table in page.tables:
        for region in _regions(table.cells, known.inside(table.cells) if known else ()):
            yield from _table_slices(region, page.page_number)
    yield from (replace(image, page=page.page_number) for image in pictures.get(sheet, ()))


def _regions(cells: list[list[str]], spans: Sequence[Span]) -> Iterator[Table]:
    """The tables of a sheet: blank rows part them, blank columns around them are left out."""
    top = 0
    for filled, rows in groupby(cells, key=lambda row: any(cell.strip() for cell in row)):
        region = list(rows)
        if filled:
            left = min(next(at for at, cell in enumerate(row) if cell.strip()) for row in region)
            table = tidy_table(row[left:] for row in region)
            yield with_spans(table, spans, top, left) if len(table.rows) == len(region) else table
        top += len(region)


def _table_slices(whole: Table, page: int) -> Iterator[RawBlock]:
    """The header row stands in the text once, and in the table of every slice."""
    for start in range(0, len(whole.rows), TABLE_ROWS):
        block = table_block(replace(whole, rows=whole.rows[start : start + TABLE_ROWS]), page)
        table = cut_rows(whole, start, start + TABLE_ROWS)
        yield replace(block, table=table, lead="\n" if start else block.lead)
