"""The time left, learned from the documents of this installation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.installations import Installation, installation
from tests.pipelines import execute, make_runner, sign_of_life

from docmill.bootstrap import make_recognizer, make_stages
from docmill.domain.states import StageName
from docmill.ports import Reading
from docmill.services.documents import Documents

_AS_IF_EMBEDDING_TOOK_TEN_SECONDS = """UPDATE stage_progress
SET finished_at = started_at, busy_seconds = CASE stage WHEN 'embed' THEN 10 ELSE 0 END"""


def text_of(paragraphs: int, about: str) -> bytes:
    chapters = (f"# Chapter {n}\n\nParagraph {n} about the {about}." for n in range(paragraphs))
    return "\n\n".join(chapters).encode()


def documents_of(here: Installation) -> Documents:
    """As a process sees them that has just started: it has nothing in memory."""
    return Documents(here.app.engine, here.app.storage, here.app.vectors, here.app.dispatcher)


@pytest.fixture
def here(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(fresh_database, broker, tmp_path) as running:
        yield running


def test_a_document_in_line_is_told_its_time_as_soon_as_another_has_passed(
    here: Installation, reading: Reading
) -> None:
    first = here.accept("first.md", text_of(50, "river"))
    state = documents_of(here).get("default", first.document_id).state
    assert (state.eta_seconds, state.percent_complete) == (None, 0.0)

    stages = make_stages(here.app, reading, make_recognizer(here.settings))
    make_runner(here.app.engine, stages).run(first.task_id, StageName.EXTRACT)
    assert documents_of(here).get("default", first.document_id).state.eta_seconds is None

    sign_of_life(here.app.engine)
    execute(here.app.engine, _AS_IF_EMBEDDING_TOOK_TEN_SECONDS)
    second = here.accept("second.md", text_of(50, "harbour"))
    third = here.accept("third.md", text_of(100, "ferry"))
    fourth = here.accept("fourth.md", text_of(10, "lighthouse"))
    eta = {
        name: documents_of(here).get("default", accepted.document_id).state.eta_seconds or 0.0
        for name, accepted in (("second", second), ("third", third), ("fourth", fourth))
    }
    assert 9 < eta["second"] < 12
    assert 18 < eta["third"] - eta["second"] < 24  # its own work, after the second
    assert 1.5 < eta["fourth"] - eta["third"] < 4
