"""What `ingest` sends, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from docmill.cli.bars import Lines
from docmill.cli.client import Client
from docmill.cli.uploads import FAILED, REFUSED, Uploads


@pytest.mark.parametrize("name", ["two\nlines.md", "bell\x07.md", "gpj.\u202eexe.md"])
def test_a_name_that_would_be_refused_is_not_sent_in_another_spelling(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("# Ferry")
    with Client("http://127.0.0.1:9", "dm_key") as nobody_there:
        (outcome,) = Uploads(nobody_there, Lines(1)).run([path])

    assert (outcome.outcome, outcome.code) == (REFUSED, "invalid_name")


def test_a_file_that_is_gone_is_told_with_what_to_do(tmp_path: Path) -> None:
    with Client("http://127.0.0.1:9", "dm_key") as nobody_there:
        (outcome,) = Uploads(nobody_there, Lines(1)).run([tmp_path / "gone.md"])

    assert (outcome.outcome, outcome.code) == (FAILED, "file_not_usable")
