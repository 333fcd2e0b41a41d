"""What anybody would write first: for each file read, cut, embed; in the end one bulk insert.

Two processes share the files. The engines are the product's own, called in the same process; the tables are
copies of the product's two that a search needs, with their indexes. No status, no resume, no sandbox.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from pgvector.psycopg import register_vector

from docmill.adapters.embedders import make_embedder
from docmill.adapters.readers.detect import detect
from docmill.adapters.readers.registry import reader_for
from docmill.db.lexical import search_config_for
from docmill.domain.chunking import chunk, sections, top_level
from docmill.domain.documents import Block, Chunk, ChunkSettings, Part
from docmill.domain.text import BlockBuilder
from docmill.local.readiness import conninfo
from docmill.ports import Embedder
from docmill.settings import load_settings

_COPIES = ("chunks", "vector_entries")
_CHUNK_COLUMNS = (
    "id, tenant_id, version_id, document_id, dataset_id, ordinal, kind, text, char_start, char_end, tokens, "
    "pages, section_path, language, search_config"
)
_VECTOR_COLUMNS = "chunk_id, model, tenant_id, dataset_id, document_id, version_id, language, embedding"
_VECTOR_TYPES = ("uuid", "text", "text", "uuid", "uuid", "uuid", "text", "vector")

Found = list[tuple[UUID, Chunk, Any]]  # document, chunk, vector


def prepare(database_url: str) -> None:
    """Make empty copies of the tables, indexes included, where they are not there yet."""
    with psycopg.connect(conninfo(database_url)) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS bare")
        for table in _COPIES:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS bare.{table} (LIKE public.{table} INCLUDING ALL)".encode()
            )


def run(files: Sequence[Path], database_url: str, processes: int = 2) -> float:
    """Seconds from the moment all processes are warm until the last row is committed."""
    context = multiprocessing.get_context("spawn")
    queue: SimpleQueue[Path | None] = context.SimpleQueue()
    warm, done = context.Barrier(processes + 1), context.Barrier(processes + 1)
    workers = [
        context.Process(target=_work, args=(queue, warm, done, files[-1], database_url))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    warm.wait(120)
    started = time.perf_counter()
    for item in (*files, *[None] * processes):
        queue.put(item)
    done.wait(600)
    seconds = time.perf_counter() - started
    for worker in workers:
        worker.join()
    return seconds


def _work(
    queue: SimpleQueue[Path | None], warm: Barrier, done: Barrier, warm_up: Path, database_url: str
) -> None:
    loop = Loop(make_embedder(load_settings()))
    loop.embed_file(warm_up)
    with psycopg.connect(conninfo(database_url)) as connection:
        register_vector(connection)
        warm.wait(120)
        found: Found = []
        while (path := queue.get()) is not None:
            found += loop.embed_file(path)
        _insert(connection, loop.embedder.model, found)
    done.wait(600)


@dataclass(frozen=True, slots=True)
class Loop:
    """The engines of one process."""

    embedder: Embedder

    def embed_file(self, path: Path) -> Found:
        """The chunks of a file with their vectors."""
        chunks = list(self._chunks(_blocks(path)))
        vectors = self.embedder.embed([one.text for one in chunks]).vectors
        document = uuid4()
        return [(document, one, vector) for one, vector in zip(chunks, vectors, strict=True)]

    def _chunks(self, blocks: Sequence[Block]) -> Iterator[Chunk]:
        ordinal = 0
        for section in sections(blocks, top_level(blocks)):
            for one in chunk(section, self._locate, ChunkSettings(), ordinal):
                yield one
                ordinal = one.ordinal + 1

    def _locate(self, text: str) -> tuple[list[int], list[int]]:
        return self.embedder.tokenizer.tokenize(text).columns()


def _blocks(path: Path) -> list[Block]:
    media_type = detect(path, path.name).media_type
    builder = BlockBuilder()
    parts = (item for item in reader_for(media_type).read(path, media_type) if isinstance(item, Part))
    return [builder.add(raw) for part in parts for raw in part.blocks]


def _insert(connection: psycopg.Connection[Any], model: str, found: Found) -> None:
    """One COPY a table; the model's name decides which HNSW index the vectors enter."""
    dataset, tenant, config = uuid4(), "bare", search_config_for("en")
    rows = [(uuid4(), document, one, vector) for document, one, vector in found]
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY bare.chunks ({_CHUNK_COLUMNS}) FROM STDIN".encode()) as copy:
            for key, document, one, _ in rows:
                copy.write_row(
                    (
                        key, tenant, document, document, dataset, one.ordinal, one.kind.value, one.text,
                        one.char_start, one.char_end, one.tokens, list(one.pages), list(one.section_path),
                        "en", config,
                    )
                )  # fmt: skip
        with cursor.copy(
            f"COPY bare.vector_entries ({_VECTOR_COLUMNS}) FROM STDIN (FORMAT BINARY)".encode()
        ) as copy:
            copy.set_types(_VECTOR_TYPES)
            for key, document, _, vector in rows:
                copy.write_row((key, model, tenant, dataset, document, document, "en", vector))
