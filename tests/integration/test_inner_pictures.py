"""Words in the pictures that lie in documents of all kinds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests import illustrated
from tests.integration.test_figures import GAUGE, PHOTO, SIGN, House, house
from tests.made_files import docx
from tests.pipelines import NotedDispatcher, make_runner
from tests.scans import png

from docmill.domain.figures import unread_notice
from docmill.domain.recognition import OcrMode, OcrSettings
from docmill.domain.states import StageName
from docmill.services.datasets import Datasets
from docmill.services.revisions import Revisions

__all__ = ["house"]

TEXT = "Nobody sails above that mark."
WORDS = " ".join(SIGN)
Made = Callable[[str, bytes], bytes]
KINDS: dict[str, Made] = {
    "river.docx": illustrated.word,
    "river.pptx": illustrated.slides,
    "river.odt": illustrated.open_text,
    "river.epub": illustrated.book,
    "river.xlsx": illustrated.sheet,
    "river.odp": illustrated.open_slides,
    "river.ods": illustrated.open_sheet,
    "river.html": illustrated.page,
    "river.mhtml": illustrated.saved_page,
    "river.eml": illustrated.mail,
    "river.msg": illustrated.outlook,
    "river.ipynb": illustrated.notebook,
    "river.md": illustrated.markdown,
    "river.adoc": illustrated.asciidoc,
}


@pytest.mark.parametrize(("name", "made"), KINDS.items(), ids=KINDS)
def test_a_picture_carries_its_words(house: House, name: str, made: Made) -> None:
    assert house.carry(made(TEXT, png(GAUGE)), name=name).status == "succeeded"

    (image,) = house.blocks("image")
    assert image.text.removeprefix("The gauge\n") == WORDS
    assert image.confidence > 0.8
    (chunk,) = house.here.rows("SELECT * FROM chunks WHERE kind = 'image'")
    assert WORDS in chunk.text
    assert WORDS not in " ".join(block.text for block in house.blocks("text"))


def test_a_description_comes_before_the_words(house: House) -> None:
    house.carry(illustrated.word(TEXT, png(GAUGE)), name="river.docx")

    assert house.blocks("image")[0].text == f"The gauge\n{WORDS}"


def test_a_document_that_is_nothing_but_a_picture_is_found(house: House) -> None:
    scanned = illustrated.word("", png(GAUGE))

    assert house.carry(scanned, name="scan.docx").status == "succeeded"
    assert WORDS in house.blocks("image")[0].text


def test_a_photograph_has_none(house: House) -> None:
    house.carry(illustrated.word(TEXT, png(PHOTO)), name="river.docx")

    assert [(b.text, b.confidence) for b in house.blocks("image")] == [("The gauge", None)]


def test_a_document_without_pictures_never_hears_of_it(house: House) -> None:
    house.carry(docx("<w:p><w:r><w:t>Nothing to see.</w:t></w:r></w:p>"), name="plain.docx")

    assert house.recognizer.wishes == []
    assert "ocr" not in {row.stage for row in house.here.rows("SELECT stage FROM stage_progress")}


@pytest.mark.parametrize("damage", [b"\x89PNG\r\n\x1a\nnothing", b""])
@pytest.mark.parametrize("name", ["river.docx", "river.html", "river.mhtml", "river.eml", "river.xlsx"])
def test_a_damaged_picture_takes_nothing_from_the_document(house: House, name: str, damage: bytes) -> None:
    assert house.carry(KINDS[name](TEXT, damage), name=name).status == "succeeded"

    told = house.here.rows("SELECT text FROM blocks WHERE kind IN ('text', 'table')")
    assert TEXT in [row.text for row in told]
    ((notices,),) = house.here.rows("SELECT notices FROM document_versions")
    assert notices[-1].startswith("One picture was not looked at")


def test_the_dataset_decides(house: House) -> None:
    house.here.accept("first.txt", b"A dataset comes with its first document.")
    Datasets(house.here.app.engine, max_tokens=256).change(
        "default", "default", {}, ocr=OcrSettings(OcrMode.NEVER)
    )
    house.carry(illustrated.open_text(TEXT, png(GAUGE)), name="river.odt")

    assert (house.recognizer.wishes, house.blocks("image")[0].text) == ([], "The gauge")


def test_a_picture_that_is_shown_often_is_looked_at_once(house: House) -> None:
    house.carry(illustrated.word(TEXT, png(GAUGE), times=3), name="river.docx")

    assert len(house.recognizer.wishes) == 1
    assert [block.text.endswith(WORDS) for block in house.blocks("image")] == [True] * 3


def test_only_so_many_are_looked_at(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docmill.stages.ocr.MOST_IN_A_DOCUMENT", 1)
    house.carry(illustrated.word(TEXT, png(GAUGE), png(PHOTO), png(GAUGE)), name="river.docx")

    assert [wish.picture for wish in house.recognizer.wishes] == ["media/gauge0.png"]
    ((notices,),) = house.here.rows("SELECT notices FROM document_versions")
    assert notices == [unread_notice(2, None)]


def test_always_does_not_take_slides_for_pages_that_can_be_drawn(house: House) -> None:
    house.here.accept("first.txt", b"A dataset comes with its first document.")
    Datasets(house.here.app.engine, max_tokens=256).change(
        "default", "default", {}, ocr=OcrSettings(OcrMode.ALWAYS)
    )
    house.carry(illustrated.slides(TEXT, png(GAUGE)), name="river.pptx")

    assert house.here.rows("SELECT number FROM pages WHERE missing IS NOT NULL") == []
    assert house.blocks("image")[0].text.endswith(WORDS)


def test_a_correction_has_no_picture_looked_at_again(house: House) -> None:
    task = house.carry(illustrated.slides(TEXT, png(GAUGE)), name="river.pptx")
    revisions = Revisions(house.here.app.engine, NotedDispatcher(), run_on_bytes=1_000_000)
    again = revisions.read_again("default", task.document_id, [])
    make_runner(house.here.app.engine, house.stages).run(again.task_id, StageName.EXTRACT)

    assert len(house.recognizer.wishes) == 1
    assert house.blocks("image")[0].text.endswith(WORDS)
