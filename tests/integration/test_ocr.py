"""Pages that show their text only in a picture: recognised one by one on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.installations import Installation, installation
from tests.pipelines import NotedDispatcher, events, make_runner, task_row
from tests.scans import png, scan, scanned_pdf, tiff

from docmill.bootstrap import make_stages
from docmill.domain.states import QUEUE_OF_STAGE, StageName
from docmill.pipeline.runner import Runner
from docmill.ports import Reading, Recognizer
from docmill.services.revisions import Revisions

WINTER = scan(["# Winter timetable", "The last ferry to Osier Island", "leaves Millgate at nine."])
SUMMER = scan(["Bicycles travel free in summer.", "Dogs need a ticket of their own."])
BLANK = scan([])


@pytest.fixture
def here(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(fresh_database, broker, tmp_path, embedder="hashing") as running:
        yield running


@pytest.fixture
def stages(here: Installation, reading: Reading, recognizer: Recognizer) -> dict[StageName, object]:
    return make_stages(here.app, reading, recognizer)  # type: ignore[return-value]


def carry(here: Installation, stages: dict[StageName, object], name: str, content: bytes) -> UUID:
    """The document through every stage; returns its task."""
    accepted = here.accept(name, content)
    make_runner(here.app.engine, stages).run(accepted.task_id, StageName.EXTRACT)  # type: ignore[arg-type]
    return accepted.task_id


def text_of(here: Installation) -> str:
    """The document's text, as its blocks have it."""
    return "".join(b.lead + b.text for b in here.rows("SELECT lead, text FROM blocks ORDER BY ordinal"))


def test_a_picture_becomes_a_document_that_can_be_cited(
    here: Installation, stages: dict[StageName, object]
) -> None:
    task = carry(here, stages, "timetable.png", png(WINTER))

    assert task_row(here.app.engine, task).status == "succeeded"
    heading, text = here.rows("SELECT * FROM blocks ORDER BY ordinal")
    assert (heading.kind, heading.text, heading.page) == ("heading", "Winter timetable", 1)
    assert (text.kind, text.text) == ("text", "The last ferry to Osier Island leaves Millgate at nine.")
    assert text_of(here)[text.char_start : text.char_end] == text.text
    (chunk,) = here.rows("SELECT * FROM chunks")
    assert (chunk.pages, chunk.section_path) == ([1], ["Winter timetable"])
    (version,) = here.rows("SELECT * FROM document_versions")
    assert (version.pages, version.language, version.characters) == (1, "en", len(text_of(here)))


def test_each_page_says_why_it_was_recognised_and_how_sure_its_words_are(
    here: Installation, stages: dict[StageName, object]
) -> None:
    carry(here, stages, "timetable.png", png(WINTER))

    (page,) = here.rows("SELECT * FROM pages")
    assert (page.source, page.ocr_reason, page.missing) == ("ocr", "image", None)
    assert (round(page.width), round(page.height)) == (360, 252)  # 1000 by 700 pixels at 200 dpi
    assert page.confidence > 0.9
    text, confidence, x0, y0, x1, y1 = page.words[0]
    assert (text, confidence > 0.8) == ("Winter", True)
    assert 18 < x0 < 26 < x1 < 150
    assert 20 < y0 < y1 < 50


def test_the_pages_of_a_scanned_pdf_are_found_in_their_order(
    here: Installation, stages: dict[StageName, object]
) -> None:
    carry(here, stages, "scan.pdf", scanned_pdf([WINTER, BLANK, SUMMER]))

    assert [(b.page, b.text.split()[0]) for b in here.rows("SELECT * FROM blocks ORDER BY ordinal")] == [
        (1, "Winter"),
        (1, "The"),
        (3, "Bicycles"),
    ]
    assert here.rows("SELECT done, total FROM stage_progress WHERE stage = 'ocr'") == [(3, 3)]


def test_a_page_is_a_step_so_a_document_that_is_cut_goes_on_at_the_next_one(
    here: Installation, stages: dict[StageName, object]
) -> None:
    pages = [scan([f"Page number {number} of the log."]) for number in ("one", "two", "three")]
    accepted = here.accept("log.tif", tiff(pages))
    engine = here.app.engine
    done = "SELECT count(*) AS n FROM pages WHERE words IS NOT NULL"

    def one_is_done() -> bool:
        return bool(here.rows(done)[0].n == 1)

    make_runner(engine, stages, is_stopping=one_is_done).run(  # type: ignore[arg-type]
        accepted.task_id, StageName.EXTRACT
    )
    assert (task_row(engine, accepted.task_id).stage, here.rows(done)[0].n) == ("ocr", 1)
    make_runner(engine, stages).run(accepted.task_id, StageName.OCR)  # type: ignore[arg-type]

    assert task_row(engine, accepted.task_id).status == "succeeded"
    assert text_of(here) == "\n\n".join(f"Page number {n} of the log." for n in ("one", "two", "three"))
    assert [row.ordinal for row in here.rows("SELECT ordinal FROM blocks ORDER BY 1")] == [0, 1, 2]


def test_a_document_with_nothing_to_recognise_never_hears_of_the_stage(
    here: Installation, stages: dict[StageName, object]
) -> None:
    accepted = here.accept("rules.md", b"# Rules\n\nNo smoking on the ferry.\n")
    dispatcher = NotedDispatcher()
    queues = frozenset({"extract"})
    runner: Runner = make_runner(here.app.engine, stages, dispatcher, queues=queues)  # type: ignore[arg-type]
    runner.run(accepted.task_id, StageName.EXTRACT)

    assert [stage for stage, _, _ in dispatcher.sent] == [StageName.CHUNK]
    make_runner(here.app.engine, stages).run(accepted.task_id, StageName.CHUNK)  # type: ignore[arg-type]
    assert "ocr" not in {row.stage for row in here.rows("SELECT stage FROM document_task_events")}
    assert "ocr" not in {row.stage for row in here.rows("SELECT stage FROM stage_progress")}


def test_a_corrected_scan_has_none_of_its_pages_recognised_again(
    here: Installation, stages: dict[StageName, object]
) -> None:
    engine = here.app.engine
    carry(here, stages, "scan.pdf", scanned_pdf([WINTER, BLANK, SUMMER]))
    (document,) = here.rows("SELECT id FROM documents")

    revisions = Revisions(engine, NotedDispatcher(), run_on_bytes=1_000_000)
    accepted = revisions.correct("default", document.id, 1, "The last ferry leaves at ten.")
    make_runner(engine, stages).run(accepted.task_id, StageName.EXTRACT)  # type: ignore[arg-type]

    assert task_row(engine, accepted.task_id).status == "succeeded"
    passed = "SELECT stage FROM stage_progress WHERE task_id = '{}' ORDER BY started_at"
    assert [row.stage for row in here.rows(passed.format(accepted.task_id))] == [
        "extract",
        "chunk",
        "embed",
        "index",
    ]
    shown = "SELECT text FROM chunks JOIN documents d ON d.active_version_id = version_id ORDER BY ordinal"
    assert "The last ferry leaves at ten." in here.rows(shown)[0].text


def test_blank_scans_fail_and_say_so(here: Installation, stages: dict[StageName, object]) -> None:
    task = carry(here, stages, "blank.pdf", scanned_pdf([BLANK, BLANK]))

    row = task_row(here.app.engine, task)
    assert (row.status, row.stage, row.error["code"]) == ("failed", "ocr", "no_text")
    assert "all 2 pages are blank" in row.error["message"]
    assert events(here.app.engine, task)[-1] == "failed"


def test_the_stage_has_a_queue_of_its_own() -> None:
    assert [stage for stage, queue in QUEUE_OF_STAGE.items() if queue == "ocr"] == [StageName.OCR]
