"""Words in the pictures of a page whose text is good: they belong to the picture, and to nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.installations import Installation, installation
from tests.made_files import said
from tests.pipelines import NotedDispatcher, make_runner, task_row
from tests.scans import pdf_with, scan, shown

from docmill.bootstrap import make_stages
from docmill.domain import figures
from docmill.domain.reading_errors import ReaderCrashed
from docmill.domain.recognition import OcrMode, OcrSettings, Recognised, Wish
from docmill.domain.states import StageName
from docmill.ports import Reading, Recognizer
from docmill.services.datasets import Datasets
from docmill.services.revisions import Revisions

BEFORE = "The ferry leaves Millgate every hour while the river is low."
CAPTION = "Figure 1: Depth of the river at the landing stage."
AFTER = "Above that mark nobody sails, and the shuttle bus runs instead."
SIGN = ["Low water 1.20 metres", "High water 3.75 metres"]
GAUGE = scan(SIGN, size=(1000, 300), letters=56)
PHOTO = Image.linear_gradient("L").resize((1000, 300))
PLACE = {"at": (100, 450), "size": (400, 120)}


def page(picture: int = 0, *, words: Sequence[str] = (BEFORE, CAPTION, AFTER), **place: Any) -> str:
    """A page: a paragraph, a picture with its caption, a paragraph."""
    before, caption, after = words
    return (
        said(before, 700)
        + shown(picture, **{**PLACE, **place})
        + said(caption, 430, size=10)
        + said(after, 350)
    )


@dataclass
class Watched:
    """The real recogniser, and what it was asked; at the end of its patience it fails."""

    recognizer: Recognizer
    wishes: list[Wish] = field(default_factory=list)
    patience: int = 1_000

    def recognise(self, path: Path, media_type: str, wish: Wish) -> Recognised:
        self.wishes.append(wish)
        if len(self.wishes) > self.patience:
            raise ReaderCrashed
        return self.recognizer.recognise(path, media_type, wish)

    def can_read(self, language: str) -> bool:
        return self.recognizer.can_read(language)

    def close(self) -> None:
        self.recognizer.close()


@dataclass
class House:
    """An installation whose stages run in this process."""

    here: Installation
    stages: Any
    recognizer: Watched

    def carry(self, content: bytes, *, name: str = "river.pdf", **more: Any) -> Any:
        """The document through every stage; its task as it is then."""
        accepted = self.here.accept(name, content)
        make_runner(self.here.app.engine, self.stages, **more).run(accepted.task_id, StageName.EXTRACT)
        return task_row(self.here.app.engine, accepted.task_id)

    def blocks(self, kind: str) -> list[Any]:
        """The published blocks of a kind, in reading order."""
        return self.here.rows(
            """SELECT b.* FROM blocks b JOIN documents d ON d.active_version_id = b.version_id
            WHERE kind = :kind ORDER BY ordinal""",
            kind=kind,
        )


@pytest.fixture
def house(
    fresh_database: str, broker: str, tmp_path: Path, reading: Reading, recognizer: Recognizer
) -> Iterator[House]:
    with installation(fresh_database, broker, tmp_path, embedder="hashing") as here:
        watched = Watched(recognizer)
        yield House(here, make_stages(here.app, reading, watched), watched)


def test_a_picture_carries_its_caption_and_its_words(house: House) -> None:
    assert house.carry(pdf_with([GAUGE], [page()])).status == "succeeded"

    (image,) = house.blocks("image")
    assert image.text == " ".join(SIGN)
    assert image.confidence > 0.8
    (chunk,) = house.here.rows("SELECT * FROM chunks WHERE kind = 'image'")
    assert chunk.text == f"{image.text}\n\n{CAPTION}"
    assert [place[0] for place in chunk.boxes] == [1, 1]


def test_the_running_text_is_as_if_the_picture_said_nothing(house: House) -> None:
    house.carry(pdf_with([GAUGE], [page()]))

    assert [block.text for block in house.blocks("text")] == [BEFORE, AFTER]
    told = "".join(b.lead + b.text for b in house.here.rows("SELECT lead, text FROM blocks ORDER BY ordinal"))
    for block in house.here.rows("SELECT * FROM blocks"):
        assert told[block.char_start : block.char_end] == block.text


def test_the_page_says_why_it_was_looked_at_and_how_sure_the_words_are(house: House) -> None:
    house.carry(pdf_with([GAUGE], [page()]))

    (row,) = house.here.rows("SELECT * FROM pages")
    assert (row.source, row.ocr_reason, row.missing) == ("layer", "figures", None)
    assert row.confidence > 0.8
    assert " ".join(word[0] for word in row.words) == " ".join(SIGN)
    for _, _, x0, y0, x1, y1 in row.words:
        assert 100 <= x0 < x1 <= 500
        assert 792 - 570 <= y0 < y1 <= 792 - 450  # from the top


def test_words_that_the_file_has_as_text_are_not_seen_in_the_picture(house: House) -> None:
    house.carry(pdf_with([PHOTO], [page() + said("Printed over the picture", 500, x=150, size=20)]))

    assert house.blocks("image")[0].text == ""
    assert len(house.recognizer.wishes) == 1


@pytest.mark.parametrize("size", [(400, 20), (60, 60)])
def test_signs_and_ornaments_are_not_looked_at(house: House, size: tuple[int, int]) -> None:
    house.carry(pdf_with([GAUGE], [page(size=size)]))

    assert house.recognizer.wishes == []
    assert "ocr" not in {row.stage for row in house.here.rows("SELECT stage FROM stage_progress")}


def test_the_dataset_decides(house: House) -> None:
    datasets = Datasets(house.here.app.engine, max_tokens=256)
    house.here.accept("first.txt", b"A dataset comes with its first document.")
    datasets.change("default", "default", {}, ocr=OcrSettings(OcrMode.NEVER))
    house.carry(pdf_with([GAUGE], [page()]))

    assert (house.recognizer.wishes, house.blocks("image")[0].text) == ([], "")
    assert house.here.rows("SELECT source, ocr_reason FROM pages") == [("layer", "figures")]


def test_a_page_is_a_step_and_none_is_looked_at_twice(house: House) -> None:
    """Stopped after the first of two pages, and later corrected: each picture was asked about once."""
    other = page(1, words=("Fares.", "Figure 2: Fares by zone.", "Children travel free."))
    content = pdf_with([GAUGE, scan(["Zone one 2.40 euro"], size=(1000, 300), letters=56)], [page(), other])
    asked = house.recognizer.wishes
    task = house.carry(content, is_stopping=lambda: bool(asked))
    assert (task.stage, len(asked)) == ("ocr", 1)
    make_runner(house.here.app.engine, house.stages).run(task.id, StageName.OCR)
    assert [wish.page for wish in asked] == [1, 2]

    revisions = Revisions(house.here.app.engine, NotedDispatcher(), run_on_bytes=1_000_000)
    accepted = revisions.correct("default", task.document_id, 2, "Nobody pays.")
    make_runner(house.here.app.engine, house.stages).run(accepted.task_id, StageName.EXTRACT)

    assert [wish.page for wish in asked] == [1, 2]
    assert [block.text for block in house.blocks("image")] == [" ".join(SIGN)]


def test_there_are_only_so_many_and_the_document_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docmill.stages.looking.MOST_IN_A_DOCUMENT", 2)
    house.carry(pdf_with([GAUGE], [page()] * 4))

    assert [wish.page for wish in house.recognizer.wishes] == [1, 2]
    (version,) = house.here.rows("SELECT notices FROM document_versions")
    assert version.notices == [figures.unread_notice(2, None)]


def test_a_picture_that_cannot_be_looked_at_leaves_the_page_as_it_is(house: House) -> None:
    house.recognizer.patience = 0
    task = house.carry(pdf_with([GAUGE], [page()]))

    assert (task.status, house.blocks("image")[0].text) == ("succeeded", "")
    assert [block.text for block in house.blocks("text")] == [BEFORE, AFTER]
    (row,) = house.here.rows("SELECT source, missing, confidence FROM pages")
    assert (row.source, row.missing, row.confidence) == ("layer", None, None)
    (version,) = house.here.rows("SELECT notices FROM document_versions")
    assert version.notices == [f"One picture was not looked at for text. {ReaderCrashed.default_message()}"]
