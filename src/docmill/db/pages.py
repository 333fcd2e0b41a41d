"""Rows of pages: their size, where their text comes from, and what is known of its words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from docmill.db.engine import alone
from docmill.db.results import rows_of
from docmill.domain.documents import Page, PageLoss, TextSource, Word
from docmill.domain.ids import VersionRef
from docmill.ports import Result

_COLUMNS = (
    *("version_id", "number", "tenant_id", "width", "height", "rotation", "source", "ocr_reason"),
    *("missing", "confidence", "language", "words"),
)


def rows_of_pages(version: VersionRef, pages: Iterable[Page]) -> Result:
    """Pages of a version, to be written."""
    rows = (
        (
            version.version_id, page.number, version.tenant, page.width, page.height, page.rotation,
            page.source, page.ocr_reason, _missing_to_json(page.missing), page.confidence, page.language,
            _words_to_json(page.words),
        )
        for page in pages
    )  # fmt: skip
    return rows_of("pages", _COLUMNS, rows)


_SELECT = """SELECT number, width, height, rotation, source, ocr_reason, missing, confidence, language,
  {words} AS words FROM pages WHERE version_id = :version AND tenant_id = :tenant AND number >= :start
ORDER BY number LIMIT :count"""
_PAGES = text(_SELECT.format(words="words"))
_PAGES_WITHOUT_WORDS = text(_SELECT.format(words="NULL"))


def read_pages(connection: Connection, version: VersionRef, start: int, count: int) -> list[Page]:
    """Up to `count` pages of a version from number `start` on, in order."""
    values = {"version": version.version_id, "tenant": version.tenant, "start": start, "count": count}
    return [_page_of(row) for row in connection.execute(_PAGES, values)]


def list_pages(connection: Connection, version: VersionRef, start: int, count: int) -> list[Page]:
    """As `read_pages`, without the words of each page."""
    values = {"version": version.version_id, "tenant": version.tenant, "start": start, "count": count}
    return [_page_of(row) for row in connection.execute(_PAGES_WITHOUT_WORDS, values)]


def read_page(connection: Connection, version: VersionRef, number: int) -> Page | None:
    """One page of a version; None when it has no such page."""
    found = read_pages(connection, version, number, 1)
    return found[0] if found and found[0].number == number else None


_TO_RECOGNISE = text(
    """SELECT number, ocr_reason FROM pages
WHERE version_id = :version AND tenant_id = :tenant AND ocr_reason IS NOT NULL
  AND number > :behind AND missing IS NULL AND source IN ('layer', 'none') ORDER BY number"""
)


def pages_to_recognise(engine: Engine, version: VersionRef, behind: int) -> list[tuple[int, str]]:
    """Numbers of the pages behind this one that are to be recognised, in order, and why."""
    values = {"version": version.version_id, "tenant": version.tenant, "behind": behind}
    with alone(engine) as connection:
        rows = connection.execute(_TO_RECOGNISE, values)
        return [(row.number, row.ocr_reason) for row in rows]


_RECOGNISED = text(
    """UPDATE pages SET width = :width, height = :height, source = :source, ocr_reason = :reason,
  missing = :missing,  confidence = :confidence, language = :language, words = :words
WHERE version_id = :version AND tenant_id = :tenant AND number = :number"""
).bindparams(
    bindparam("missing", type_=JSONB(none_as_null=True)), bindparam("words", type_=JSONB(none_as_null=True))
)


def set_recognised(connection: Connection, version: VersionRef, page: Page) -> None:
    """Keep what was recognised on a page, or why nothing could be."""
    values = {
        "width": page.width,
        "height": page.height,
        "source": page.source.value,
        "reason": page.ocr_reason,
        "missing": _missing_to_json(page.missing),
        "confidence": page.confidence,
        "language": page.language,
        "words": _words_to_json(page.words),
    }
    key = {"version": version.version_id, "tenant": version.tenant, "number": page.number}
    connection.execute(_RECOGNISED, {**key, **values})


_LOSE = text(
    """UPDATE pages SET source = 'none', missing = :missing
WHERE version_id = :version AND tenant_id = :tenant AND number = :number"""
).bindparams(bindparam("missing", type_=JSONB))


def set_missing(connection: Connection, version: VersionRef, number: int, loss: PageLoss) -> None:
    """Keep why a page could not be read."""
    key = {"version": version.version_id, "tenant": version.tenant, "number": number}
    connection.execute(_LOSE, {**key, "missing": asdict(loss)})


def _missing_to_json(missing: PageLoss | None) -> dict[str, str] | None:
    return None if missing is None else asdict(missing)


def _words_to_json(words: Sequence[Word]) -> list[tuple[object, ...]] | None:
    return [(word.text, word.confidence, word.x0, word.y0, word.x1, word.y1) for word in words] or None


def _page_of(row: Any) -> Page:
    return Page(
        number=row.number,
        width=row.width,
        height=row.height,
        rotation=row.rotation,
        source=TextSource(row.source),
        ocr_reason=row.ocr_reason,
        missing=PageLoss(**row.missing) if row.missing else None,
        confidence=row.confidence,
        language=row.language,
        words=tuple(Word(*word) for word in row.words or ()),
    )
