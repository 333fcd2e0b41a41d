"""Blocks, chunks and embeddings of a version: rows in, values out. Rows go in by COPY."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Connection, Engine, text

from docmill.db.engine import alone
from docmill.db.lexical import search_config_for
from docmill.domain.documents import Block, BlockKind, Box, Chunk, Link, Span, Table
from docmill.domain.ids import VersionRef, chunk_id
from docmill.ports import Vectors


def boxes_to_json(boxes: Sequence[Box]) -> str | None:
    """Boxes as stored: [[page, x0, y0, x1, y1], …], points from the top left."""
    if not boxes:
        return None
    return json.dumps([[box.page, box.x0, box.y0, box.x1, box.y1] for box in boxes])


def boxes_from_json(value: list[list[float]] | None) -> tuple[Box, ...]:
    """What boxes_to_json stored."""
    return tuple(Box(int(page), *rest) for page, *rest in value or ())


def _cells(table: Table | None) -> str | None:
    if table is None:
        return None
    spans = [[span.row, span.column, span.rows, span.columns] for span in table.spans]
    stored = {"rows": table.rows, "header_rows": table.header_rows, "spans": spans}
    return json.dumps(stored | ({"header_cells": table.header_cells} if table.header_cells else {}))


def _table(value: Mapping[str, Any] | None) -> Table | None:
    if value is None:
        return None
    spans = tuple(Span(*span) for span in value.get("spans", ()))
    header_cells = tuple((row, column) for row, column in value.get("header_cells", ()))
    return Table(tuple(tuple(row) for row in value["rows"]), value["header_rows"], spans, header_cells)


def _links_to_json(links: Sequence[Link]) -> str | None:
    return json.dumps([[link.start, link.end, link.target] for link in links]) if links else None


def copy_rows(
    connection: Connection,
    table: str,
    columns: str,
    rows: Iterable[Sequence[object]],
    types: Sequence[str] = (),
) -> None:
    """COPY rows into a table inside the running transaction; in binary form when `types` are given."""
    driver: Any = connection.connection.driver_connection
    form = " (FORMAT BINARY)" if types else ""
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN{form}") as copy:
        if types:
            copy.set_types(types)
        for row in rows:
            copy.write_row(row)


_BLOCK_COLUMNS = (
    "version_id, ordinal, tenant_id, kind, text, lead, char_start, char_end, page, level, boxes, cells, "
    "hidden, links, picture, confidence"
)


def insert_blocks(connection: Connection, version: VersionRef, blocks: Iterable[Block]) -> None:
    """Write blocks of a version."""
    rows = (
        (
            version.version_id, b.ordinal, version.tenant, b.kind.value, b.text, b.lead,
            b.char_start, b.char_end, b.page, b.level, boxes_to_json(b.boxes), _cells(b.table), b.hidden,
            _links_to_json(b.links), b.picture, b.confidence,
        )
        for b in blocks
    )  # fmt: skip
    copy_rows(connection, "blocks", _BLOCK_COLUMNS, rows)


_BLOCK_FIELDS = "ordinal, kind, text, lead, char_start, char_end, page, level, boxes, cells, hidden, links, "
_BLOCK_FIELDS += "picture, confidence"
_BLOCKS = text(
    f"""SELECT {_BLOCK_FIELDS} FROM blocks
WHERE version_id = :version AND tenant_id = :tenant AND ordinal >= :start
ORDER BY ordinal LIMIT :count"""  # noqa: S608
)


def block_of(row: Any) -> Block:
    """A block from its row."""
    return Block(
        ordinal=row.ordinal,
        kind=BlockKind(row.kind),
        text=row.text,
        lead=row.lead,
        char_start=row.char_start,
        char_end=row.char_end,
        page=row.page,
        level=row.level,
        boxes=boxes_from_json(row.boxes),
        table=_table(row.cells),
        hidden=row.hidden,
        links=tuple(Link(*link) for link in row.links or ()),
        picture=row.picture,
        confidence=row.confidence,
    )


def read_blocks(engine: Engine, version: VersionRef, start: int = 0, batch: int = 1000) -> Iterator[Block]:
    """The blocks of a version from ordinal `start` on, in reading order, a batch in memory at a time."""
    while True:
        values = {"version": version.version_id, "tenant": version.tenant, "start": start, "count": batch}
        with alone(engine) as connection:
            rows = connection.execute(_BLOCKS, values).all()
        yield from (block_of(row) for row in rows)
        if len(rows) < batch:
            return
        start = rows[-1].ordinal + 1


_PAGE_BLOCKS = text(
    f"""SELECT {_BLOCK_FIELDS} FROM blocks
WHERE version_id = :version AND tenant_id = :tenant AND page = :page ORDER BY ordinal"""  # noqa: S608
)


def read_page_blocks(connection: Connection, version: VersionRef, page: int) -> list[Block]:
    """The blocks of one page of a version, in reading order."""
    values = {"version": version.version_id, "tenant": version.tenant, "page": page}
    return [block_of(row) for row in connection.execute(_PAGE_BLOCKS, values)]


_HAS_TEXT = text(
    """SELECT EXISTS (SELECT FROM blocks
  WHERE version_id = :version AND tenant_id = :tenant AND text <> '' AND NOT hidden)"""
)


def has_text(engine: Engine, version: VersionRef) -> bool:
    """Whether a version holds anything that people can read."""
    with alone(engine) as connection:
        values = {"version": version.version_id, "tenant": version.tenant}
        return bool(connection.execute(_HAS_TEXT, values).scalar_one())


_CHUNK_COLUMNS = (
    "id, tenant_id, version_id, document_id, dataset_id, ordinal, kind, text, char_start, char_end, tokens, "
    "pages, boxes, section_path, language, language_confidence, hidden, search_config"
)


def insert_chunks(connection: Connection, version: VersionRef, chunks: Iterable[Chunk]) -> None:
    """Write chunks of a version under their derived ids."""
    rows = (
        (
            chunk_id(version.version_id, c.ordinal), version.tenant, version.version_id, version.document_id,
            version.dataset_id, c.ordinal, c.kind.value, c.text, c.char_start, c.char_end, c.tokens,
            list(c.pages), boxes_to_json(c.boxes), list(c.section_path), c.language,
            c.language_confidence, c.hidden, search_config_for(c.language),
        )
        for c in chunks
    )  # fmt: skip
    copy_rows(connection, "chunks", _CHUNK_COLUMNS, rows)


_CHUNK_BOXES = text(
    "SELECT boxes FROM chunks WHERE id = :chunk AND version_id = :version AND tenant_id = :tenant"
)


def chunk_boxes(connection: Connection, version: VersionRef, chunk: UUID) -> tuple[Box, ...] | None:
    """Where a chunk of a version stands; None when the version has no such chunk."""
    values = {"chunk": chunk, "version": version.version_id, "tenant": version.tenant}
    row = connection.execute(_CHUNK_BOXES, values).one_or_none()
    return None if row is None else boxes_from_json(row.boxes)


@dataclass(frozen=True, slots=True)
class ChunkText:
    """A chunk on its way to the embedder."""

    id: UUID
    ordinal: int
    text: str
    tokens: int


_MOST_CHUNKS = 512  # read at once, however short they are

_CHUNK_TEXTS = """SELECT id, ordinal, text, tokens FROM (
  SELECT id, ordinal, text, tokens, sum(tokens) OVER (ORDER BY ordinal) - tokens AS before
  FROM chunks WHERE version_id = :version AND tenant_id = :tenant AND ordinal >= :start{more}
  ORDER BY ordinal LIMIT :count) AS next WHERE before < :tokens ORDER BY ordinal"""
_EVERY_CHUNK_TEXT = text(_CHUNK_TEXTS.format(more=""))
_BARE_CHUNK_TEXTS = text(
    _CHUNK_TEXTS.format(
        more=""" AND NOT EXISTS (
  SELECT FROM embeddings e WHERE e.chunk_id = chunks.id AND e.model = :model)"""
    )
)


def read_chunk_texts(
    engine: Engine, version: VersionRef, start: int, tokens: int, *, bare_of: str | None = None
) -> list[ChunkText]:
    """The chunks of a version from ordinal `start` on until they have so many tokens: one at least.

    `bare_of` names a model: only those without a vector of it.
    """
    values = {"version": version.version_id, "tenant": version.tenant, "start": start}
    values |= {"tokens": tokens, "count": _MOST_CHUNKS}
    statement = _EVERY_CHUNK_TEXT if bare_of is None else _BARE_CHUNK_TEXTS
    with alone(engine) as connection:
        rows = connection.execute(statement, {**values, "model": bare_of})
        return [ChunkText(*row) for row in rows]


_DELETE_EMBEDDINGS = text(
    "DELETE FROM embeddings WHERE version_id = :version AND tenant_id = :tenant AND model = :model"
)


def delete_embeddings(connection: Connection, version: VersionRef, model: str) -> None:
    """Forget what this model made of a version, before it starts anew."""
    values = {"version": version.version_id, "tenant": version.tenant, "model": model}
    connection.execute(_DELETE_EMBEDDINGS, values)


def insert_embeddings(
    connection: Connection,
    version: VersionRef,
    model: str,
    precision: str,
    ids: Sequence[UUID],
    vectors: Vectors,
) -> None:
    """Write the vectors [n, dimensions] of n chunks."""
    rows = (
        (chunk, version.tenant, version.version_id, model, precision, vector)
        for chunk, vector in zip(ids, vectors, strict=True)
    )
    columns = "chunk_id, tenant_id, version_id, model, precision, vector"
    copy_rows(connection, "embeddings", columns, rows, ["uuid", "text", "uuid", "text", "text", "vector"])


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """A chunk with its vector [dimensions] float32, on its way to a vector store."""

    id: UUID
    ordinal: int
    language: str | None
    vector: Vectors


_EMBEDDED = text(
    """SELECT c.id, c.ordinal, c.language, e.vector FROM chunks c JOIN embeddings e ON e.chunk_id = c.id
WHERE c.version_id = :version AND c.tenant_id = :tenant AND c.ordinal >= :start AND e.model = :model
ORDER BY c.ordinal LIMIT :count"""
)


def read_embedded(
    engine: Engine, version: VersionRef, model: str, start: int, count: int
) -> list[EmbeddedChunk]:
    """Up to `count` embedded chunks of a version from ordinal `start` on."""
    values = {"version": version.version_id, "tenant": version.tenant, "model": model}
    with alone(engine) as connection:
        rows = connection.execute(_EMBEDDED, {**values, "start": start, "count": count}).all()
    return [
        EmbeddedChunk(r.id, r.ordinal, r.language, np.asarray(r.vector.to_numpy(), np.float32)) for r in rows
    ]


@dataclass(frozen=True, slots=True)
class BlockStats:
    """How many blocks a version has, and how many headings of each level."""

    count: int
    headings: Mapping[int, int]


_BLOCK_STATS = text(
    """SELECT kind = 'heading' AND level > 0 AS is_heading, level, count(*) AS number
FROM blocks WHERE version_id = :version AND tenant_id = :tenant GROUP BY 1, 2"""
)


def block_stats(engine: Engine, version: VersionRef) -> BlockStats:
    """What the chunk stage needs to know of all blocks before it begins."""
    with alone(engine) as connection:
        values = {"version": version.version_id, "tenant": version.tenant}
        rows = connection.execute(_BLOCK_STATS, values).all()
    headings = {row.level: row.number for row in rows if row.is_heading}
    return BlockStats(sum(row.number for row in rows), headings)
