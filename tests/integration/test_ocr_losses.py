"""Pages whose recognition fails: told with their reason, and nothing but them is recognised by a retry."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.installations import Installation, installation
from tests.made_files import page_of
from tests.pipelines import NotedDispatcher, make_runner, task_row
from tests.scans import pdf_with, png, scan, scanned_pdf, shown

from docmill.adapters.ocr.recognizer import PROGRAM, RecognisingChild
from docmill.bootstrap import make_stages
from docmill.domain.reading_errors import RecognizerMissing
from docmill.domain.recognition import Recognised, Wish
from docmill.domain.states import StageName
from docmill.ports import Reading
from docmill.services.revisions import Revisions

FIRST, THIRD = scan(["Page one of the log."]), scan(["Page three of the log."])
DENSE = scan(["The river fell by four inches in the night, and we sailed."] * 40, size=(2000, 2600))
ONE, THREE = "Page one of the log.", "Page three of the log."


@dataclass
class Hunted:
    """The real recogniser. Its child is killed while it looks at page 2, as often as `lives` says."""

    scratch: Path
    lives: int = 0
    wishes: list[Wish] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._real = RecognisingChild(interrupt=self._hunt, scratch_dir=self.scratch)

    def _hunt(self) -> None:
        """Called a few times a second while the child works."""
        if self.wishes[-1].page == 2 and self.lives:
            self.lives -= 1
            for child in psutil.Process().children():
                if PROGRAM in child.cmdline():
                    child.kill()

    def recognise(self, path: Path, media_type: str, wish: Wish) -> Recognised:
        self.wishes.append(wish)
        return self._real.recognise(path, media_type, wish)

    def can_read(self, language: str) -> bool:
        return self._real.can_read(language)

    def close(self) -> None:
        self._real.close()


@pytest.fixture
def here(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(fresh_database, broker, tmp_path, embedder="hashing") as running:
        yield running


@pytest.fixture
def hunted(here: Installation) -> Iterator[Hunted]:
    with closing(Hunted(here.settings.scratch_path)) as recognizer:
        yield recognizer


@pytest.fixture
def stages(here: Installation, reading: Reading, hunted: Hunted) -> Any:
    return make_stages(here.app, reading, hunted)


def text_of(here: Installation) -> str:
    """The published text."""
    rows = here.rows(
        """SELECT b.lead, b.text FROM blocks b JOIN documents d ON d.active_version_id = b.version_id
        ORDER BY ordinal"""
    )
    return "".join(row.lead + row.text for row in rows)


def carry(here: Installation, stages: Any, content: bytes) -> Any:
    accepted = here.accept("log.pdf", content)
    make_runner(here.app.engine, stages).run(accepted.task_id, StageName.EXTRACT)
    return task_row(here.app.engine, accepted.task_id)


def test_a_page_that_fails_once_is_read_at_the_second_attempt(
    here: Installation, stages: Any, hunted: Hunted
) -> None:
    hunted.lives = 1
    assert carry(here, stages, scanned_pdf([FIRST, DENSE, THIRD])).status == "succeeded"

    assert [(wish.page, wish.attempt) for wish in hunted.wishes] == [(1, 0), (2, 0), (2, 1), (3, 0)]
    assert here.rows("SELECT number FROM pages WHERE missing IS NOT NULL") == []


def test_a_page_that_fails_twice_is_missing_and_a_retry_reads_it_alone(
    here: Installation, stages: Any, hunted: Hunted
) -> None:
    hunted.lives = 2
    task = carry(here, stages, scanned_pdf([FIRST, DENSE, THIRD]))
    assert (task.status, text_of(here)) == ("succeeded", f"{ONE}\n\n{THREE}")
    (lost,) = here.rows("SELECT * FROM pages WHERE missing IS NOT NULL")
    assert (lost.number, lost.source, lost.missing["code"]) == (2, "none", "reader_crashed")

    hunted.wishes.clear()
    revisions = Revisions(here.app.engine, NotedDispatcher(), run_on_bytes=1_000_000)
    again = revisions.read_again("default", task.document_id, [lost.number])
    make_runner(here.app.engine, stages).run(again.task_id, StageName.EXTRACT)

    assert [wish.page for wish in hunted.wishes] == [2]
    text = text_of(here)
    assert text.startswith(f"{ONE}\n\nThe river fell")
    assert text.endswith(THREE)
    left = """SELECT number FROM pages p JOIN documents d ON d.active_version_id = p.version_id
    WHERE missing IS NOT NULL"""
    assert here.rows(left) == []


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Python in which tesserocr cannot be imported, for every process that begins from now on."""
    folder = tmp_path / "bare"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text('import sys\nsys.modules["tesserocr"] = None\n')
    monkeypatch.setenv("PYTHONPATH", os.fspath(folder))
    return os.fspath(folder)


def test_without_the_extra_a_scan_fails_and_says_what_to_install(here: Installation, bare: str) -> None:
    here.start("worker", {"PYTHONPATH": bare})
    accepted = here.accept("scan.png", png(FIRST))

    assert here.wait_until_ended(accepted.task_id) == ["failed"]
    error = task_row(here.app.engine, accepted.task_id).error
    assert error["code"] == "no_text"
    assert "docmill[ocr]" in error["message"]


def test_without_the_extra_the_other_pages_and_documents_are_published(here: Installation, bare: str) -> None:
    here.start("worker", {"PYTHONPATH": bare})
    mixed = pdf_with([FIRST], [page_of("A page with text.").decode(), shown(0, at=(0, 0), size=(612, 792))])
    accepted = [here.accept("mixed.pdf", mixed), here.accept("rules.md", b"# Rules\n\nNobody smokes.")]

    assert here.wait_until_ended(*(a.task_id for a in accepted)) == ["succeeded"] * 2
    first, second = here.rows("SELECT * FROM pages ORDER BY number")
    assert (first.source, first.missing) == ("layer", None)
    assert second.missing == {
        "code": "recognizer_missing",
        "message": RecognizerMissing.default_message(),
    }


@pytest.mark.parametrize("command", ["formats", "doctor"])
def test_without_the_extra_the_command_line_says_so(here: Installation, bare: str, command: str) -> None:
    settings = here.settings
    urls = {
        "DOCMILL_HOME": os.fspath(settings.home),
        "DOCMILL_DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else "",
        "DOCMILL_BROKER_URL": settings.broker_url.get_secret_value() if settings.broker_url else "",
        "DOCMILL_EMBEDDER": "hashing",
    }
    told = subprocess.run(
        [sys.executable, "-m", "docmill", command],
        env={**os.environ, **urls},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "docmill[ocr]" in " ".join(told.stdout.split())


def test_importing_docmill_imports_no_recogniser() -> None:
    """All of it: every module of the package, in a process of its own."""
    program = """
import importlib, pkgutil, sys, docmill
for module in pkgutil.walk_packages(docmill.__path__, "docmill."):
    if not module.name.endswith("__main__") and ".migrations." not in module.name:
        importlib.import_module(module.name)
print("tesserocr" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.split()[-1] == "False"
