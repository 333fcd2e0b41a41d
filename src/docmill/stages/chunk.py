"""chunk: blocks in, passages out. A step is what is cut in about step_seconds, a few dozen passages at most.

While a step is written nobody can move its document: with so few a pause or a cancel hardly waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Engine

from docmill.db.content import BlockStats, count_blocks, read_counted_blocks, rows_of_chunks, texts_of_chunks
from docmill.db.versions import chunks_in_all, chunks_so_far
from docmill.domain.chunking import Path, Section, chunk, sections, top_of
from docmill.domain.documents import Block, Chunk
from docmill.domain.languages import Detected, of_passage
from docmill.domain.states import StageName
from docmill.ports import Tokenizer
from docmill.stages.contract import NOTHING, AtHand, Learned, Step, Work

_MOST = 32  # passages in a step


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the stage stands: the first block and chunk of a section, its open headings, its kept chunks."""

    block: int = 0
    chunk: int = 0
    path: Path = ()
    kept: int = 0

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> _Place:
        """The place that a cursor tells."""
        path = tuple((int(level), str(title)) for level, title in cursor.get("path", ()))
        return cls(**{**cursor, "path": path})


class ChunkStage:
    """Goes on from a section's start, which gives the same chunks again, and skips those that are kept."""

    name = StageName.CHUNK

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        detect_language: Callable[[str, str | None], Detected | None],
        step_seconds: float,
    ) -> None:
        self._engine = engine
        self._tokenizer = tokenizer
        self._detect_language = detect_language
        self._step_seconds = step_seconds

    def run(self, work: Work) -> Iterator[Step]:
        """Steps of chunks; the cursor is a `_Place`."""
        place = _Place.of(work.cursor)
        stats, blocks = self._blocks(work, place)
        cuts = self._cuts(work, place, sections(blocks, top_of(stats.headings), place.path))
        pending: list[Chunk] = []
        started = time.monotonic()
        for cut, place in cuts:
            pending += [cut] if cut else []
            is_time = cut is None and time.monotonic() - started > self._step_seconds
            if is_time or len(pending) == _MOST or place.block == stats.count:
                yield self._step(work, pending, place, stats.count)
                pending, started = [], time.monotonic()

    def _blocks(self, work: Work, place: _Place) -> tuple[BlockStats, Iterator[Block]]:
        at_hand = work.at_hand.blocks
        if at_hand is None or place.block:
            return read_counted_blocks(self._engine, work.version, place.block)
        return count_blocks(at_hand), iter(at_hand)

    def _cuts(
        self, work: Work, place: _Place, of: Iterable[Section]
    ) -> Iterator[tuple[Chunk | None, _Place]]:
        """Chunks, and None where a section ends, each with the place behind it."""
        for section in of:
            begun = replace(place, block=section.blocks[0].ordinal, path=section.path)
            end = begun.chunk
            for cut in chunk(section, self._locate, work.chunking, begun.chunk):
                end = cut.ordinal + 1
                if end > begun.chunk + begun.kept:
                    yield self._with_language(cut, work.language), replace(begun, kept=end - begun.chunk)
            place = _Place(section.blocks[-1].ordinal + 1, end, section.path_after)
            yield None, place

    def _with_language(self, cut: Chunk, document: Detected | None) -> Chunk:
        own = self._detect_language(cut.text, document[0] if document else None)
        detected = of_passage(cut.text, own, document)
        language, confidence = detected or (None, None)
        return replace(cut, language=language, language_confidence=confidence)

    def _locate(self, text: str) -> tuple[list[int], list[int]]:
        return self._tokenizer.tokenize(text).columns()

    def _step(self, work: Work, chunks: list[Chunk], place: _Place, total: int) -> Step:
        last, cut = place.block == total, place.chunk + place.kept
        counted = chunks_in_all(work.version, cut, chunks) if last else chunks_so_far(work.version, cut)
        results = (rows_of_chunks(work.version, chunks), counted)
        is_all = last and len(chunks) == cut
        at_hand = AtHand(chunks=texts_of_chunks(work.version, chunks)) if is_all else NOTHING
        learned = Learned(work.language, cut, at_hand)
        return Step(asdict(place), place.block, total, results, last=last, learned=learned)
