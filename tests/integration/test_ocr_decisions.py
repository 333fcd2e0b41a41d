"""Which pages are recognised and which stay as the file has them, with a real worker behind the real API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from tests.made_files import page_of, said
from tests.scans import pdf_with, png, scan, shown, tiff
from tests.servers import Databases
from tests.serving import Served, serving

LINES = [
    "The last ferry to Osier Island leaves",
    "Millgate at nine in the evening, and the",
    "first one at six. Bicycles travel free",
    "in summer, and dogs need a ticket of",
    "their own all through the year.",
    "Above three metres nobody sails.",
    "The shuttle bus runs instead, every",
    "hour, from the market to the bridge.",
    "Children under six pay nothing when",
    "they sit on the knees of somebody.",
    "Luggage stays with its owner, and",
    "nothing is kept that was left aboard.",
    "Ask the mate for a lamp at night.",
    "The landing stage is closed on days",
    "of ice and on the first of January.",
    "Season tickets are sold at the bridge",
    "by the warden, who takes no cards.",
    "Whistles are blown before departure.",
    "Please keep your hands off the rail",
    "while the boat is being moored.",
]
OTHER = ["Minutes of the meeting that was held in", "March about the colour of the new boats."] * 10
PAPER = (612, 792)
SCAN = scan(LINES, size=(1275, 1650), letters=48)
TEXT = " ".join(LINES)
GARBAGE = ["bcdf ghjk lmnp qrst vwxz bcdf ghjk lmnp qrst vwxz"] * 5
GERMAN = [
    "Das letzte Schiff zur Insel verkehrt um",
    "neun Uhr abends, und das erste fährt am",
    "Morgen gegen sechs. Kinder reisen frei.",
]


@pytest.fixture(scope="module")
def api(databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with databases.fresh() as url, serving(url, broker_url, tmp_path_factory.mktemp("decided")) as api:
        api.here.start("worker")
        for mode in ("never", "always"):
            made = api.client.post("/api/v1/datasets", json={"name": mode, "ocr": {"mode": mode}})
            assert made.status_code == 201, made.text
        yield api


def page(api: Served, document: str, number: int = 1) -> dict[str, Any]:
    answer: dict[str, Any] = api.client.get(f"/api/v1/documents/{document}/pages/{number}").json()
    return answer


def text_of(api: Served, document: str) -> str:
    """The document's text with single spaces."""
    return " ".join(api.client.get(f"/api/v1/documents/{document}/text").text.split())


def status(api: Served, document: str) -> dict[str, Any]:
    answer: dict[str, Any] = api.client.get(f"/api/v1/documents/{document}/status").json()
    return answer


def scan_with(layer: list[str]) -> bytes:
    """A scan over which a program left this text, to be found and not to be seen."""
    lines = [said(line, 740 - 34 * number, size=20, how="3 Tr") for number, line in enumerate(layer)]
    return pdf_with([SCAN], [shown(0, at=(0, 0), size=PAPER) + "".join(lines)])


def test_a_text_layer_that_says_what_is_seen_is_kept(api: Served) -> None:
    document = api.publish("confirmed.pdf", scan_with(LINES))

    kept = page(api, document)
    assert (kept["source"], kept["ocr"]) == ("layer", {"needed": False, "reason": None})
    assert text_of(api, document) == TEXT


def test_only_strips_of_it_were_looked_at_so_its_words_have_no_confidence(api: Served) -> None:
    document = api.publish("sampled.pdf", scan_with([*LINES, "Printed in Millgate."]))

    assert (page(api, document)["confidence"], page(api, document)["words"]) == (None, [])


def test_a_text_layer_that_says_something_else_is_replaced(api: Served) -> None:
    document = api.publish("replaced.pdf", scan_with(OTHER))

    replaced = page(api, document)
    assert (replaced["source"], replaced["ocr"]["reason"]) == ("ocr", "differs_from_picture")
    assert text_of(api, document) == TEXT
    assert replaced["confidence"] > 0.8


def test_a_text_layer_for_half_of_what_is_seen_is_replaced(api: Served) -> None:
    """Its words are right, and more than half of those on the page are missing."""
    document = api.publish("half.pdf", scan_with(LINES[:8]))

    assert page(api, document)["source"] == "ocr"
    assert text_of(api, document) == TEXT


def test_garbage_is_replaced_by_what_is_seen(api: Served) -> None:
    document = api.publish("garbage.pdf", scan_with(GARBAGE))

    replaced = page(api, document)
    assert (replaced["source"], replaced["ocr"]["reason"]) == ("ocr", "garbage")
    assert text_of(api, document) == TEXT


def test_always_means_the_pages_with_a_good_text_too(api: Served) -> None:
    content = pdf_with([], [page_of(LINES[0]).decode(), page_of(LINES[2]).decode()])
    document = api.publish("always.pdf", content, dataset="always")

    for number in (1, 2):
        recognised = page(api, document, number)
        assert (recognised["source"], recognised["ocr"]["reason"]) == ("ocr", "always")
    assert text_of(api, document) == f"{LINES[0]} {LINES[2]}"


def test_never_means_not_even_a_page_without_text(api: Served) -> None:
    content = pdf_with([SCAN], [page_of(LINES[0]).decode(), shown(0, at=(0, 0), size=PAPER)])
    document = api.publish("never.pdf", content, dataset="never")

    assert text_of(api, document) == LINES[0]
    left = page(api, document, 2)
    assert (left["source"], left["ocr"]["reason"], left["words"]) == ("none", "no_text", [])
    assert status(api, document)["task_status"] == "SUCCESS"


def test_never_leaves_a_picture_without_text_and_says_so(api: Served) -> None:
    document = api.publish("never.png", png(SCAN), dataset="never")

    failed = status(api, document)
    assert (failed["task_status"], failed["error"]["code"]) == ("FAILURE", "no_text")
    assert "`ocr: never`" in failed["error"]["message"]


def test_each_page_is_read_in_its_own_language(api: Served) -> None:
    pages: list[Image.Image] = [scan(LINES[:6]), scan(GERMAN, size=(1500, 500), letters=60), scan(LINES[4:])]
    document = api.publish("log.tif", tiff(pages))

    assert [page(api, document, number)["language"] for number in (1, 2, 3)] == ["en", "de", "en"]
    assert " ".join(GERMAN) in text_of(api, document)


def test_a_page_that_cannot_be_drawn_is_missing_and_the_others_are_published(api: Served) -> None:
    wide = pdf_with([SCAN], [shown(0, at=(0, 0), size=PAPER)] * 3).replace(
        b"/MediaBox [0 0 612 792]", b"/MediaBox [0 0 99000 99000]", 1
    )
    document = api.publish("vast.pdf", wide)

    assert status(api, document)["task_status"] == "SUCCESS"
    assert page(api, document, 1)["missing"]["code"] == "page_not_drawn"
    assert [page(api, document, number)["source"] for number in (2, 3)] == ["ocr", "ocr"]
