"""Which language a text is in, and how sure that is."""

from __future__ import annotations

import pytest

from docmill.adapters.languages import detect_language
from docmill.domain.languages import of_passage

GERMAN = "Das Schiff fährt jeden Morgen um sechs Uhr über den Fluss und kommt am Abend zurück."
ENGLISH = "The ship crosses the river at six every morning and comes back in the evening."
TSWANA = "Motho mongwe le mongwe o na le tshwanelo ya go tshela, ya kgololosego le ya tshireletsego ya gagwe."


@pytest.mark.parametrize(
    ("text", "language"),
    [(GERMAN, "de"), (ENGLISH, "en"), (TSWANA, "tn"), ("彼は毎朝船に乗って川を渡ります。", "ja")],
)
def test_a_sentence_is_enough(text: str, language: str) -> None:
    detected = detect_language(text)
    assert detected is not None
    assert detected[0] == language
    assert detected[1] > 0.9


def test_a_language_that_is_likely_is_found_where_the_text_is_in_it_and_nowhere_else() -> None:
    detected = detect_language(GERMAN, likely="de")
    assert detected is not None
    assert detected[0] == "de"
    assert detected[1] > 0.9
    assert detect_language(GERMAN, likely="en") == detect_language(GERMAN)
    assert detect_language("17 – 3", likely="de") is None


def test_a_text_that_begins_in_another_language_is_judged_by_all_of_it() -> None:
    detected = detect_language(ENGLISH * 13 + GERMAN * 40)
    assert detected is not None
    assert detected[0] == "de"


def test_numbers_and_signs_are_in_no_language() -> None:
    assert detect_language("12,400 | 13.7 % | 2026-05-04 | ok") is None


@pytest.mark.parametrize("odd", ["\ud800", "\x00", "\ufffe", "\x9d", "\U0010ffff", "\ufdd0"])
def test_characters_that_are_none_do_no_harm(odd: str) -> None:
    detected = detect_language(odd + GERMAN + odd)
    assert detected is not None
    assert detected[0] == "de"


def test_a_passage_is_in_the_language_of_its_document_unless_it_clearly_is_not() -> None:
    document = ("de", 0.99)
    assert of_passage("Preis: 5", None, document) == document
    assert of_passage("Menu", ("fr", 0.6), document) == document
    assert of_passage(ENGLISH, ("en", 0.99), document) == ("en", 0.99)
    assert of_passage(ENGLISH, ("en", 0.8), None) == ("en", 0.8)
    assert of_passage("", None, None) is None
