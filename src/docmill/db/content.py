"""Blocks, chunks and embeddings of a version: rows in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Connection, Engine, text

from docmill.db.engine import VectorList, alone, driver_of
from docmill.db.lexical import search_config_for
from docmill.db.results import rows_of
from docmill.domain.chunking import heading_levels
from docmill.domain.documents import Block, BlockKind, Box, Chunk, Link, Span, Table
from docmill.domain.ids import VersionRef, chunk_id
from docmill.ports import Result, Vectors


def boxes_to_json(boxes: Sequence[Box]) -> list[list[float]] | None:
    """Boxes as stored: [[page, x0, y0, x1, y1], …], points from the top left."""
    return [[box.page, box.x0, box.y0, box.x1, box.y1] for box in boxes] or None


def boxes_from_json(value: list[list[float]] | None) -> tuple[Box, ...]:
    """What boxes_to_json stored."""
    return tuple(Box(int(page), *rest) for page, *rest in value or ())


def _cells(table: Table | None) -> dict[str, object] | None:
    if table is None:
        return None
    spans = [[span.row, span.column, span.rows, span.columns] for span in table.spans]
    stored = {"rows": table.rows, "header_rows": table.header_rows, "spans": spans}
    return stored | ({"header_cells": table.header_cells} if table.header_cells else {})


def _table(value: Mapping[str, Any] | None) -> Table | None:
    if value is None:
        return None
    spans = tuple(Span(*span) for span in value.get("spans", ()))
    header_cells = tuple((row, column) for row, column in value.get("header_cells", ()))
    return Table(tuple(tuple(row) for row in value["rows"]), value["header_rows"], spans, header_cells)


def _links_to_json(links: Sequence[Link]) -> list[tuple[int, int, str]] | None:
    return [(link.start, link.end, link.target) for link in links] or None


_BLOCK_FIELDS = (
    *("ordinal", "kind", "text", "lead", "char_start", "char_end", "page", "level", "boxes", "cells"),
    *("hidden", "links", "picture", "confidence"),
)


def rows_of_blocks(version: VersionRef, blocks: Iterable[Block]) -> Result:
    """Blocks of a version, to be written."""
    rows = (
        (
            version.version_id, version.tenant, b.ordinal, b.kind, b.text, b.lead, b.char_start,
            b.char_end, b.page, b.level, boxes_to_json(b.boxes), _cells(b.table), b.hidden,
            _links_to_json(b.links), b.picture, b.confidence,
        )
        for b in blocks
    )  # fmt: skip
    return rows_of("blocks", ("version_id", "tenant_id", *_BLOCK_FIELDS), rows)


_SELECT_BLOCKS = f"SELECT {', '.join(_BLOCK_FIELDS)} FROM blocks"  # noqa: S608 - our own words only
_BLOCKS = text(
    f"""{_SELECT_BLOCKS}
WHERE version_id = :version AND tenant_id = :tenant AND ordinal >= :start
ORDER BY ordinal LIMIT :count"""
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
        blocks = _batch_of_blocks(engine, version, start, batch)
        yield from blocks
        if len(blocks) < batch:
            return
        start = blocks[-1].ordinal + 1


def _batch_of_blocks(engine: Engine, version: VersionRef, start: int, count: int) -> list[Block]:
    values = {"version": version.version_id, "tenant": version.tenant, "start": start, "count": count}
    with alone(engine) as connection:
        return [block_of(row) for row in connection.execute(_BLOCKS, values)]


_PAGE_BLOCKS = text(
    f"""{_SELECT_BLOCKS}
WHERE version_id = :version AND tenant_id = :tenant AND page = :page ORDER BY ordinal"""
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
    *("id", "tenant_id", "version_id", "document_id", "dataset_id", "ordinal", "kind", "text"),
    *("char_start", "char_end", "tokens", "pages", "boxes", "section_path", "language"),
    *("language_confidence", "hidden", "search_config"),
)


def rows_of_chunks(version: VersionRef, chunks: Iterable[Chunk]) -> Result:
    """Chunks of a version, to be written under their derived ids."""
    rows = (
        (
            chunk_id(version.version_id, c.ordinal), version.tenant, version.version_id, version.document_id,
            version.dataset_id, c.ordinal, c.kind, c.text, c.char_start, c.char_end, c.tokens,
            c.pages, boxes_to_json(c.boxes), c.section_path, c.language, c.language_confidence, c.hidden,
            search_config_for(c.language),
        )
        for c in chunks
    )  # fmt: skip
    return rows_of("chunks", _CHUNK_COLUMNS, rows)


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


def texts_of_chunks(version: VersionRef, chunks: Iterable[Chunk]) -> list[ChunkText]:
    """What `read_chunk_texts` will read of these."""
    return [ChunkText(chunk_id(version.version_id, c.ordinal), c.ordinal, c.text, c.tokens) for c in chunks]


def next_texts(chunks: Sequence[ChunkText], start: int, tokens: int) -> list[ChunkText]:
    """What `read_chunk_texts` would read where these, which begin with ordinal 0, are all there are."""
    before = accumulate((chunk.tokens for chunk in chunks[start:]), initial=0)
    return [
        chunk
        for chunk, sooner in zip(chunks[start : start + _MOST_CHUNKS], before, strict=False)
        if sooner < tokens
    ]


_DELETE_EMBEDDINGS = text(
    "DELETE FROM embeddings WHERE version_id = :version AND tenant_id = :tenant AND model = :model"
)


def delete_embeddings(connection: Connection, version: VersionRef, model: str) -> None:
    """Forget what this model made of a version, before it starts anew."""
    values = {"version": version.version_id, "tenant": version.tenant, "model": model}
    connection.execute(_DELETE_EMBEDDINGS, values)


_EMBEDDINGS = """INSERT INTO embeddings (chunk_id, tenant_id, version_id, model, precision, vector)
SELECT made.chunk, :made_tenant, CAST(:made_version AS uuid), :made_model, :made_precision, made.vector
FROM moved, unnest(CAST(:made_chunks AS uuid[]), CAST(:made_vectors AS vector[])) AS made (chunk, vector)
ON CONFLICT (chunk_id, model) DO UPDATE SET precision = excluded.precision, vector = excluded.vector"""


def rows_of_embeddings(
    version: VersionRef, model: str, precision: str, ids: Sequence[UUID], vectors: Vectors
) -> Result:
    """The vectors [n, dimensions] of n chunks, to be written; one of an earlier try gives way."""
    values = {
        "made_tenant": version.tenant,
        "made_version": version.version_id,
        "made_model": model,
        "made_precision": precision,
        "made_chunks": list(ids),
        "made_vectors": VectorList(vectors),
    }
    return Result(_EMBEDDINGS, values)


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """A chunk with its vector [dimensions] float32, on its way to a vector store."""

    id: UUID
    ordinal: int
    language: str | None
    vector: Vectors


_EMBEDDED_BY = text(
    """SELECT count(*) FROM chunks c JOIN embeddings e ON e.chunk_id = c.id
WHERE c.version_id = :version AND c.tenant_id = :tenant AND c.ordinal >= :start AND e.model = :model"""
)


def count_embedded(engine: Engine, version: VersionRef, model: str, start: int) -> int:
    """How many chunks of a version from ordinal `start` on have a vector of this model."""
    values = {"version": version.version_id, "tenant": version.tenant, "model": model, "start": start}
    with alone(engine) as connection:
        return int(connection.execute(_EMBEDDED_BY, values).scalar_one())


_EMBEDDED = """SELECT c.id, c.ordinal, c.language, e.vector
FROM chunks c JOIN embeddings e ON e.chunk_id = c.id
WHERE c.version_id = %(version)s AND c.tenant_id = %(tenant)s AND c.ordinal >= %(start)s
  AND e.model = %(model)s
ORDER BY c.ordinal LIMIT %(count)s"""


def read_embedded(
    engine: Engine, version: VersionRef, model: str, start: int, count: int
) -> list[EmbeddedChunk]:
    """Up to `count` embedded chunks of a version from ordinal `start` on."""
    values = {"version": version.version_id, "tenant": version.tenant, "model": model}
    with alone(engine) as connection, driver_of(connection) as driver:  # SQLAlchemy knows no binary form
        rows = driver.execute(_EMBEDDED, {**values, "start": start, "count": count}, binary=True).fetchall()
    return [
        EmbeddedChunk(chunk, ordinal, language, np.asarray(vector.to_numpy(), np.float32))
        for chunk, ordinal, language, vector in rows
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


def _stats_of_all(engine: Engine, version: VersionRef) -> BlockStats:
    with alone(engine) as connection:
        values = {"version": version.version_id, "tenant": version.tenant}
        rows = connection.execute(_BLOCK_STATS, values).all()
    headings = {row.level: row.number for row in rows if row.is_heading}
    return BlockStats(sum(row.number for row in rows), headings)


def count_blocks(blocks: Sequence[Block]) -> BlockStats:
    """The same of all blocks of a version."""
    return BlockStats(len(blocks), heading_levels(blocks))


def read_counted_blocks(
    engine: Engine, version: VersionRef, start: int, batch: int = 1000
) -> tuple[BlockStats, Iterator[Block]]:
    """`read_blocks`, and what a reader needs to know of all blocks, before `start` too, when it begins.

    Where one batch holds them all they are counted here.
    """
    blocks = _batch_of_blocks(engine, version, start, batch)
    is_over = len(blocks) < batch
    if is_over and not start:
        return count_blocks(blocks), iter(blocks)
    after = () if is_over else read_blocks(engine, version, blocks[-1].ordinal + 1, batch)
    return _stats_of_all(engine, version), chain(blocks, after)
