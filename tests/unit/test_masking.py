"""What would let somebody in is not told."""

from __future__ import annotations

import pytest

from docmill.domain.masking import MASK, masked, masked_fact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("connecting to postgresql://mill:s3c@ret@db:5432/mill failed", f"postgresql://{MASK}@db:5432/mill"),
        ("GET https://hooks.example/in?token=abc&page=2 answered 500", f"in?token={MASK}&page=2 answered"),
        ("the key dm_0123456789abcdef was refused", f"the key dm_{MASK} was refused"),
        ("Authorization: Bearer 0123456789abcdef", f"Bearer {MASK}"),
    ],
)
def test_secrets_in_a_sentence_are_masked_and_the_rest_stays(text: str, shown: str) -> None:
    assert shown in masked(text)
    assert "s3c" not in masked(text)


def test_what_is_no_secret_stays_as_it_is() -> None:
    text = "Read page 3 of https://example.org/a?page=2 by ann@example.org; dm_ is a prefix."
    assert masked(text) == text
    assert masked_fact("truncated_tokens", 12) == 12


def test_a_fact_whose_name_says_so_is_masked_whole_wherever_it_stands() -> None:
    fact = {"url": "redis://:pw@host/0", "api_key": "x", "deep": [{"password": "p", "n": 1}]}
    shown = {"url": f"redis://{MASK}@host/0", "api_key": MASK, "deep": [{"password": MASK, "n": 1}]}
    assert masked_fact("settings", fact) == shown
