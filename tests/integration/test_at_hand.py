"""What a stage leaves in memory for the next one is what that one would have read from the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.installations import Installation, installation
from tests.made_files import chapters
from tests.pipelines import make_runner, task_row

from docmill.bootstrap import make_recognizer, make_stages
from docmill.db.content import next_texts, read_blocks, read_chunk_texts
from docmill.domain.states import StageName
from docmill.ports import Reading
from docmill.stages.contract import NOTHING, Stage, Step, Work

SAMPLES = sorted(path for path in Path("samples/ferry").iterdir() if path.suffix != ".png")
ALL = 10**9  # tokens


class Noting:
    """A stage that notes what it is handed."""

    def __init__(self, stage: Stage) -> None:
        self.name = stage.name
        self._stage = stage
        self.work: Work | None = None

    def run(self, work: Work) -> Iterator[Step]:
        self.work = work
        return self._stage.run(work)


@pytest.fixture
def here(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(fresh_database, broker, tmp_path, step_seconds=60.0) as running:
        yield running


def carried(here: Installation, reading: Reading, name: str, content: bytes) -> dict[StageName, Work]:
    """What each stage was handed while one worker carried a file through all of them."""
    accepted = here.accept(name, content)
    stages = make_stages(here.app, reading, make_recognizer(here.settings))
    noting = {of: Noting(stage) for of, stage in stages.items()}
    make_runner(here.app.engine, noting).run(accepted.task_id, StageName.EXTRACT)
    assert task_row(here.app.engine, accepted.task_id).status == "succeeded"
    return {of: stage.work for of, stage in noting.items() if stage.work is not None}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_it_is_to_the_last_field_what_was_written(here: Installation, reading: Reading, path: Path) -> None:
    handed = carried(here, reading, path.name, path.read_bytes())

    version, engine = handed[StageName.EXTRACT].version, here.app.engine
    blocks, chunks = handed[StageName.CHUNK].at_hand.blocks, handed[StageName.EMBED].at_hand.chunks
    assert handed[StageName.EXTRACT].at_hand == NOTHING
    assert (blocks is None) == (StageName.OCR in handed)  # which may have written more of them
    assert blocks is None or blocks == list(read_blocks(engine, version))
    assert chunks is not None
    for start in range(len(chunks)):
        for tokens in (1, 100, 300, ALL):
            assert next_texts(chunks, start, tokens) == read_chunk_texts(engine, version, start, tokens)
    assert handed[StageName.INDEX].at_hand.embedded_by == here.app.embedder.model
    assert handed[StageName.INDEX].total_chunks == len(chunks)


def test_a_stage_of_several_steps_leaves_its_work_in_the_database_alone(
    here: Installation, reading: Reading
) -> None:
    handed = carried(here, reading, "long.md", chapters(60))

    assert handed[StageName.CHUNK].at_hand.blocks is not None  # one step of a minute reads all of it
    assert handed[StageName.EMBED].at_hand.chunks is None  # 60 chunks are two steps
    assert here.rows("SELECT count(*) AS n FROM vector_entries")[0].n == 60
