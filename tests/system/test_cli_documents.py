"""The document commands against a real docmill, as a person or a script would use them, one after another."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import made_files as made
from tests.forking import FORKING
from tests.installations import small_environment
from tests.polling import eventually
from tests.servers import temporary_home

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "samples"
FERRY = SAMPLES / "ferry"
NAMES = {path.name for path in FERRY.iterdir()} | {"group.csv"}  # which is attached to inquiry.eml
DOCMILL = [sys.executable, "-m", "docmill"]

Result = subprocess.CompletedProcess[str]
Docmill = Callable[..., Result]


def heed_interrupts() -> None:
    """As at a terminal: where tests run in the background of a shell, Ctrl-C is ignored from birth."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with temporary_home() as home:
        yield home


@pytest.fixture(scope="module")
def docmill(home: Path) -> Iterator[Docmill]:
    """Runs one command to its end, on a data directory where docmill is up and has the samples."""

    def run(*words: str | Path, expect: int = 0) -> Result:
        done = FORKING.run(*map(str, words), environment=small_environment(home))
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    run("up", "--detach")
    try:
        run("ingest", FERRY, "--dataset", "ferry", "--metadata", "season=2026")
        yield run
    finally:
        run("down")


def test_what_is_there_already_is_unchanged(docmill: Docmill) -> None:
    again = docmill("ingest", FERRY, "--dataset", "ferry", "--jsonl")
    outcomes = [json.loads(line) for line in again.stdout.splitlines()]
    assert {outcome["outcome"] for outcome in outcomes} == {"unchanged"}
    assert {Path(outcome["file"]).name for outcome in outcomes} == NAMES


@pytest.mark.parametrize(
    "sample", json.loads((SAMPLES / "questions.json").read_text()), ids=lambda s: s["file"]
)
def test_a_question_finds_the_passage_that_answers_it(docmill: Docmill, sample: dict[str, Any]) -> None:
    found = docmill("search", sample["question"], "--dataset", "ferry", "--limit", "3")
    assert sample["contains"] in " ".join(found.stdout.split())
    hits = json.loads(docmill("search", sample["question"], "--dataset", "ferry", "--json").stdout)["hits"]
    hit = next(hit for hit in hits if sample["contains"] in " ".join(hit["text"].split()))
    assert hit["document_name"] == sample["file"]
    assert sample["page"] is None or sample["page"] in hit["pages"]
    assert sample["section"] in [*hit["section_path"], *hit["text"].splitlines()]


def test_files_inside_a_file_are_waited_for_and_shown(docmill: Docmill, tmp_path: Path) -> None:
    trip = tmp_path / "trip.zip"
    trip.write_bytes(made.archive({"notes/tide.md": "# Tide\n\nSpring tide.\n", "tool.exe": "\0\1\2\3" * 99}))

    sent = docmill("ingest", trip, "--dataset", "trips")
    assert "2 published" in sent.stdout
    assert "tide.md" in sent.stdout

    shown = docmill("show", "trip.zip").stdout
    tide = json.loads(docmill("show", "tide.md", "--json").stdout)
    assert f"notes/tide.md: {tide['id']}" in shown
    assert "tool.exe: This file cannot be read" in " ".join(shown.split())
    assert tide["parents"][0]["name"] == "trip.zip"

    docmill("delete", "trip.zip", "--yes")
    assert json.loads(docmill("list", "--dataset", "trips", "--json").stdout) == []


def test_a_document_goes_by_its_name_or_its_id(docmill: Docmill) -> None:
    by_name = json.loads(docmill("show", "handbook.pdf", "--json").stdout)
    by_id = json.loads(docmill("show", by_name["id"], "--json").stdout)
    assert by_id == by_name
    assert by_name["metadata"] == {"season": "2026"}
    assert "handbook.pdf" in docmill("show", "handbook.pdf").stdout


def test_status_says_where_it_stands(docmill: Docmill) -> None:
    assert docmill("status", "handbook.pdf").stdout.startswith("SUCCESS")
    assert json.loads(docmill("status", "handbook.pdf", "--watch", "--json").stdout)["ready"] is True


def test_the_list_names_every_document_of_a_dataset(docmill: Docmill) -> None:
    table = docmill("list", "--dataset", "ferry").stdout
    assert all(name in table for name in NAMES)
    assert len(json.loads(docmill("list", "--dataset", "ferry", "--json").stdout)) == len(NAMES)


def test_an_export_is_the_text_of_the_file(docmill: Docmill, tmp_path: Path) -> None:
    source = (FERRY / "safety-rules.md").read_text()
    assert docmill("export", "safety-rules.md").stdout.strip() == source.strip()
    output = tmp_path / "handbook.md"
    docmill("export", "handbook.pdf", "--format", "md", "-o", output)
    assert "\n# Crew Handbook\n" in output.read_text()


def test_an_export_to_nowhere_is_told_as_what_it_is(docmill: Docmill, tmp_path: Path) -> None:
    told = docmill("export", "handbook.pdf", "-o", tmp_path / "missing" / "handbook.txt", expect=1).stderr
    assert "No such file or directory" in told
    assert "[file_not_usable]" in told


def test_a_bad_file_is_told_and_the_others_are_published(docmill: Docmill, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("The spare anchor lies below the stern bench.")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "picture.bin").write_bytes(bytes(range(256)) * 8)
    (tmp_path / "broken.pdf").write_bytes((FERRY / "handbook.pdf").read_bytes()[:400])
    mixed = docmill("ingest", *sorted(tmp_path.iterdir()), "--dataset", "mixed", "--jsonl", expect=1)
    by_name = {Path(line["file"]).name: line for line in map(json.loads, mixed.stdout.splitlines())}
    assert by_name["good.txt"]["outcome"] == "published"
    assert (by_name["empty.txt"]["outcome"], by_name["empty.txt"]["code"]) == ("refused", "empty_file")
    assert (by_name["picture.bin"]["outcome"], by_name["picture.bin"]["code"]) == (
        "refused",
        "unsupported_type",
    )
    assert by_name["broken.pdf"]["outcome"] in ("failed", "refused")
    assert by_name["broken.pdf"]["reason"]


def test_without_waiting_it_returns_when_all_is_sent(docmill: Docmill, tmp_path: Path) -> None:
    (tmp_path / "later.txt").write_text("The bell is rung twice before casting off.")
    sent = docmill("ingest", tmp_path, "--dataset", "mixed", "--no-wait", "--jsonl")
    assert json.loads(sent.stdout)["outcome"] == "accepted"
    assert docmill("status", "later.txt", "--watch").stdout.splitlines()[-1].startswith("SUCCESS")


def test_what_goes_on_is_shown_as_tables_and_as_json(docmill: Docmill) -> None:
    tasks = docmill("tasks", "--status", "SUCCESS", "--dataset", "ferry", "--oldest", "-n", "2", "--jsonl")
    assert len([json.loads(line) for line in tasks.stdout.splitlines()]) == 2
    assert "minutes.docx" in docmill("tasks", "--dataset", "ferry").stdout
    (worker,) = json.loads(docmill("workers", "--json").stdout)
    assert (worker["alive"], len(worker["processes"])) == (True, 1)
    assert str(worker["processes"][0]["pid"]) in docmill("workers").stdout
    assert "maintenance" in docmill("queues").stdout
    logged = docmill("logs", "minutes.docx", "--jsonl").stdout.splitlines()
    assert {"accepted", "published"} <= {json.loads(line)["event"] for line in logged}


def test_a_deleted_document_is_gone(docmill: Docmill, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("The cook hides the biscuits behind the flour.")
    docmill("ingest", tmp_path, "--dataset", "gone")
    docmill("delete", "secret.txt", "--yes")
    assert "biscuits" not in docmill("search", "Where are the biscuits?", "--dataset", "gone").stdout
    missing = docmill("delete", "secret.txt", "--yes", expect=1)
    assert "[document_not_found]" in missing.stderr


def test_ctrl_c_ends_the_waiting_and_not_the_work(docmill: Docmill, home: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.txt"
    long.write_text("\n\n".join(f"Entry {n}: the river stood at {n} centimetres." for n in range(40_000)))
    words = [*DOCMILL, "ingest", str(long)]
    with subprocess.Popen(
        words, env=small_environment(home), stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts
    ) as waiting:
        eventually(lambda: "long.txt" in docmill("list").stdout, seconds=30)
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=20)
    assert waiting.returncode == 130
    assert "What was sent is worked on all the same" in said
    docmill("delete", "long.txt", "--yes")


def test_an_unknown_id_is_an_error_of_one_line(docmill: Docmill) -> None:
    missing = docmill("status", "00000000-0000-0000-0000-000000000000", expect=1)
    assert missing.stdout == ""
    assert missing.stderr.startswith("docmill: ")
    assert missing.stderr.endswith("[document_not_found]\n")
    assert missing.stderr.count("\n") == 1


def test_an_unknown_dataset_is_an_error(docmill: Docmill) -> None:
    assert "[dataset_not_found]" in docmill("search", "bell", "--dataset", "nowhere", expect=1).stderr


def test_wrong_usage_has_an_exit_code_of_its_own(docmill: Docmill) -> None:
    docmill("ingest", "/no/such/file", expect=2)
    docmill("ingest", FERRY, "--metadata", "nothing", expect=2)
    docmill("search", expect=2)


def test_documents_are_steered_by_name_and_by_dataset(docmill: Docmill) -> None:
    refused = docmill("pause", "minutes.docx", expect=1)
    assert "[wrong_state]" in refused.stderr
    docmill("pause", expect=2)

    assert "processing again minutes.docx" in docmill("reprocess", "minutes.docx").stdout
    watched = docmill("status", "minutes.docx", "--watch")
    assert "SUCCESS" in watched.stdout.splitlines()[-1]
    assert "paused: 0 of ferry" in docmill("pause", "--dataset", "ferry").stdout


def test_without_a_running_docmill_it_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DOCMILL, "list"], env=small_environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "docmill up" in done.stderr
    assert "[not_running]" in done.stderr
