"""`docmill read` and `docmill chunk`: one stage in this process, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.forking import FORKING
from tests.polling import eventually

from docmill.domain import ids

LETTER = (
    "# To the crew\n\nThe ferry leaves at nine. Nobody waits for the cook.\n\n## Cargo\n\nTwelve barrels.\n"
)


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.md"
    path.write_text(LETTER)
    return path


def docmill(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return FORKING.run(*map(str, arguments), environment=os.environ)


def lines(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_read_writes_one_line_a_block_with_its_place_in_the_text(letter: Path) -> None:
    blocks = lines(docmill("read", letter))
    assert [block["kind"] for block in blocks] == ["heading", "text", "heading", "text"]
    assert all(LETTER[block["char_start"] : block["char_end"]] == block["text"] for block in blocks)
    assert list(blocks[0]) == [
        "file", "ordinal", "kind", "level", "page", "char_start", "char_end", "text", "boxes", "table",
    ]  # fmt: skip


def test_chunk_gives_the_ids_the_product_would_give(letter: Path) -> None:
    chunks = lines(docmill("chunk", letter))
    sha256 = hashlib.sha256(letter.read_bytes()).hexdigest()
    version = ids.version_id(ids.document_id(ids.dataset_id("default", "default"), sha256), 1)
    assert [chunk["id"] for chunk in chunks] == [str(ids.chunk_id(version, n)) for n in range(len(chunks))]
    assert chunks[0]["section_path"] == ["To the crew"]


def test_chunks_keep_to_the_size_that_is_asked_for(letter: Path) -> None:
    chunks = lines(docmill("chunk", letter, "--size", "60", "--unit", "characters"))
    assert len(chunks) > 1
    assert max(len(chunk["text"]) for chunk in chunks) <= 60


def test_the_same_file_gives_the_same_bytes(letter: Path) -> None:
    assert docmill("chunk", letter).stdout == docmill("chunk", letter).stdout


def test_a_file_that_cannot_be_read_is_told_and_the_others_go_on(letter: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.touch()
    result = docmill("read", empty, letter)
    assert result.returncode == 1
    assert len(lines(result)) == 4
    assert result.stderr == f"docmill: {empty}: The file is empty. Send a file with content. [empty_file]\n"


def test_settings_that_do_not_fit_are_wrong_usage(letter: Path) -> None:
    result = docmill("chunk", letter, "--unit", "words")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["read", "chunk", "ingest"])
def test_what_is_not_a_regular_file_is_wrong_usage(tmp_path: Path, command: str) -> None:
    pipe = tmp_path / "pipe.md"
    os.mkfifo(pipe)  # nobody will ever write into it
    result = docmill(command, pipe)
    assert result.returncode == 2
    assert "regular" in result.stderr


def test_a_reader_that_dies_is_told_on_stderr_and_never_among_the_lines(tmp_path: Path) -> None:
    long = tmp_path / "long.md"
    long.write_text("\n\n".join(f"Entry {n}: the river stood at {n} centimetres." for n in range(200_000)))
    command = [sys.executable, "-m", "docmill", "read", str(long)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reading:
        eventually(lambda: psutil.Process(reading.pid).children())[0].kill()
        said, complaints = reading.communicate(timeout=60)
    assert reading.returncode == 1
    assert all(json.loads(line)["file"] == str(long) for line in said.splitlines())
    assert complaints.endswith("[reader_crashed]\n")
