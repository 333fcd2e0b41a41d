"""`make demo` without its set-up: from an empty data directory to cited passages, and again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers import temporary_home

from docmill.local.state import read_state

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
QUESTIONS = json.loads((ROOT / "samples" / "questions.json").read_text())


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with temporary_home() as home:
        yield home
        run(home, "-m", "docmill", "down")


def run(home: Path, *arguments: str | Path, **environment: str) -> str:
    """What one command of Python printed, on this data directory."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DOCMILL_")}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**ours, "DOCMILL_HOME": str(home), "DOCMILL_API_PORT": "0", **environment},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())


def test_the_demo_answers_its_questions_and_says_how_to_go_on(home: Path) -> None:
    said = run(home, ROOT / "scripts" / "demo.py")
    state = read_state(home)
    assert state is not None
    assert all(item["contains"] in said for item in QUESTIONS)
    assert all(item["file"] in said for item in QUESTIONS)
    assert f"{state.api_url}/docs?key={(home / 'api_key').read_text()}" in said
    assert f"kept in {home / 'api_key'}" in said
    assert "make down" in said


def test_the_second_run_finds_everything_unchanged(home: Path) -> None:
    said = run(home, ROOT / "scripts" / "demo.py")
    assert "docmill is already running" in said
    assert (home / "api_key").read_text() not in said
    assert "unchanged" in said
    assert "published" not in said.partition("$ docmill search")[0]
    assert all(item["contains"] in said for item in QUESTIONS)


def test_your_own_files_are_asked_about_their_own_headings(home: Path, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("# Garden\n\nA plan.\n\n## Watering the tomatoes\n\nEvery second evening, at the root.\n")
    said = run(home, ROOT / "scripts" / "demo.py", note)
    assert "What is said about Watering the tomatoes?" in said
    assert "Every second evening, at the root." in said
    asked = run(home, ROOT / "scripts" / "demo.py", "--question", "When to give water?", note)
    assert "When to give water?" in asked


def test_a_key_of_your_own_is_not_looked_for_in_the_data_directory(home: Path) -> None:
    kept = (home / "api_key").read_text()
    said = run(home, ROOT / "scripts" / "demo.py", "--question", "When?", DOCMILL_API_KEY=kept)
    assert "as DOCMILL_API_KEY says" in said
