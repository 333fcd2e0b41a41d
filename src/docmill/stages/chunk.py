"""chunk: blocks in, passages out. A step is the sections cut in about step_seconds; none is divided."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from sqlalchemy import Connection, Engine

from docmill.db.content import block_stats, insert_chunks, read_blocks
from docmill.db.versions import count_chunk_kinds, set_total_chunks
from docmill.domain.chunking import Path, chunk, sections, top_of
from docmill.domain.documents import Chunk
from docmill.domain.languages import Detected, of_passage
from docmill.domain.states import StageName
from docmill.ports import Tokenizer
from docmill.stages.contract import Step, Work


class ChunkStage:
    """Cuts between sections, so that going on from a section's start gives the same chunks again."""

    name = StageName.CHUNK

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        detect_language: Callable[[str], Detected | None],
        step_seconds: float,
    ) -> None:
        self._engine = engine
        self._tokenizer = tokenizer
        self._detect_language = detect_language
        self._step_seconds = step_seconds

    def run(self, work: Work) -> Iterator[Step]:
        """Steps of chunks; the cursor holds the next block, the next chunk and the open headings."""
        stats = block_stats(self._engine, work.version)
        path: Path = tuple((int(level), str(title)) for level, title in work.cursor.get("path", ()))
        ordinal = int(work.cursor.get("chunk", 0))
        blocks = read_blocks(self._engine, work.version, int(work.cursor.get("block", 0)))
        pending: list[Chunk] = []
        started = time.monotonic()
        for section in sections(blocks, top_of(stats.headings), path):
            for cut in chunk(section, self._locate, work.chunking, ordinal):
                pending.append(self._with_language(cut, work.language))
                ordinal = cut.ordinal + 1
            done = section.blocks[-1].ordinal + 1
            if time.monotonic() - started > self._step_seconds or done == stats.count:
                yield self._step(work, pending, section.path_after, done, ordinal, stats.count)
                pending, started = [], time.monotonic()

    def _with_language(self, cut: Chunk, document: Detected | None) -> Chunk:
        detected = of_passage(cut.text, self._detect_language(cut.text), document)
        language, confidence = detected or (None, None)
        return replace(cut, language=language, language_confidence=confidence)

    def _locate(self, text: str) -> tuple[list[int], list[int]]:
        return self._tokenizer.tokenize(text).columns()

    def _step(self, work: Work, chunks: list[Chunk], path: Path, done: int, ordinal: int, total: int) -> Step:
        def save(connection: Connection) -> None:
            insert_chunks(connection, work.version, chunks)
            set_total_chunks(connection, work.version, ordinal)
            if done == total:
                count_chunk_kinds(connection, work.version)

        return Step({"block": done, "chunk": ordinal, "path": path}, done, total, save, last=done == total)
