"""A process that dies between any two statements loses nothing, doubles nothing, and costs one step at most.

An undisturbed run names the points. Then for each a process dies there, recovery finds what it left, another
process finishes, and the document is the same to the byte. The tests take every few points;
HYPOTHESIS_PROFILE=night takes all of them.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from tests import made_files as made
from tests.crashing import DIED, SMALL_BYTES, settings_of
from tests.pipelines import NotedDispatcher
from tests.programs import answering, ask
from tests.scans import scan, tiff

from docmill.bootstrap import App, make_app
from docmill.db.control import Scope, Verb
from docmill.domain.states import StageName
from docmill.pipeline.control import Control
from docmill.pipeline.recovery import Recovery
from docmill.services.intake import Accepted, Arrival, Intake, storage_key

NIGHT = os.environ.get("HYPOTHESIS_PROFILE") == "night"

CRUISE = " ".join(f"the ferry leaves pier {pier} at high tide" for pier in range(9))
PART = [f"paragraph {number}: {CRUISE}" for number in range(12)]
NOTE = "\n\n".join(f"## Part {part}\n\n" + "\n\n".join(PART) for part in range(5)).encode()
SCANS = tiff([scan([f"Page number {n} of the log."], size=(1200, 300)) for n in ("one", "two", "three")])
TRIP = made.archive({"note.md": "# A note\n\nShort.", "tool.exe": "\0\1\2\3" * 99, "fares.csv": "a,b\n1,2\n"})
KEY = storage_key(hashlib.sha256(NOTE).hexdigest())


@dataclass(frozen=True)
class Life:
    """What a child did: where it was, how many steps it computed, and what it sent."""

    points: list[str]
    computed: int
    sent: list[tuple[StageName, UUID]]


class Harbour:
    """An installation without workers, and the program whose children die."""

    def __init__(self, url: str, home: Path, program: subprocess.Popen[str]) -> None:
        self.app: App = make_app(settings_of(home, url))
        self.home = home
        self.program = program
        self.elsewhere = False  # whether vectors are sent to a store that is not in the database
        self.order("open", home=home, url=url)

    def order(self, job: str, die_at: int | None = None, **facts: object) -> Life:
        words = {"job": job, "die_at": die_at, "elsewhere": self.elsewhere, **facts}
        answer = ask(self.program, words)
        assert answer["exit"] == (DIED if die_at is not None else 0)
        said = answer["said"]
        return Life(
            points=[words["point"] for words in said if "point" in words],
            computed=sum("computed" in words for words in said),
            sent=[(StageName(w["sent"][0]), UUID(w["sent"][1])) for w in said if "sent" in w],
        )

    def arrival(self, dataset: str, content: bytes = NOTE) -> dict[str, Any]:
        """A file, the note unless told, as an upload that has arrived."""
        path = self.home / "arriving"
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        return {"path": path, "size_bytes": len(content), "sha256": sha256, "dataset": dataset}

    def accept(
        self, dataset: str, run_on: bool = True, name: str = "note.md", content: bytes = NOTE
    ) -> Accepted:
        most = SMALL_BYTES if run_on else 0
        app = self.app
        intake = Intake(app.engine, app.storage, NotedDispatcher(), max_file_bytes=10**7, run_on_bytes=most)
        return intake.accept("default", Arrival(name=name, **self.arrival(dataset, content)))

    def carry(self, task: UUID, die_at: int | None = None, stage: StageName = StageName.EXTRACT) -> Life:
        return self.order("carry", die_at, task=str(task), stage=stage)

    def recover(self) -> list[tuple[StageName, UUID]]:
        """What recovery sends once the last messages are overdue."""
        self.run(OVERDUE)
        dispatcher = NotedDispatcher()
        Recovery(self.app.engine, dispatcher, crash_limit=2).sweep()
        return [(stage, task) for stage, task, _ in dispatcher.sent]

    def run(self, statement: str) -> None:
        with self.app.engine.begin() as connection:
            connection.execute(text(statement))

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        with self.app.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def steps_kept(self, task: UUID) -> int:
        ((steps,),) = self.rows(STEPS_KEPT, id=task)
        return int(steps)


@pytest.fixture(scope="module")
def program() -> Iterator[subprocess.Popen[str]]:
    program = answering("tests.crashing")
    yield program
    program.communicate(timeout=10)


@pytest.fixture
def harbour(fresh_database: str, tmp_path: Path, program: subprocess.Popen[str]) -> Iterator[Harbour]:
    harbour = Harbour(fresh_database, tmp_path, program)
    harbour.carry(harbour.accept("first of all").task_id)  # makes the vectors' index, which no other does
    yield harbour
    harbour.app.engine.dispose()


def some(undisturbed: Life, most: int) -> range:
    """At most `most` of the points that a life passed, evenly; all of them at night."""
    count = len(undisturbed.points)
    return range(0, count, 1 if NIGHT else -(-count // most))


OVERDUE = "UPDATE document_tasks SET dispatched_at = dispatched_at - interval '1 minute'"

STEPS_KEPT = "SELECT coalesce(sum(steps), 0) FROM stage_progress WHERE task_id = :id"

CONTENT = """SELECT c.ordinal, c.text, c.char_start, c.char_end, c.pages, c.section_path, c.language,
  e.vector::text, v.embedding::text
FROM documents d JOIN chunks c ON c.version_id = d.active_version_id
JOIN embeddings e ON e.chunk_id = c.id JOIN vector_entries v ON v.chunk_id = c.id
WHERE d.id = :id ORDER BY c.ordinal"""

COUNTS = """SELECT (SELECT count(*) FROM blocks b WHERE b.version_id = d.active_version_id),
  (SELECT count(*) FROM chunks c WHERE c.version_id = d.active_version_id),
  (SELECT count(*) FROM embeddings e WHERE e.version_id = d.active_version_id),
  (SELECT count(*) FROM vector_entries v WHERE v.document_id = d.id),
  (SELECT count(*) FROM document_versions v WHERE v.document_id = d.id),
  (SELECT total_chunks FROM document_versions v WHERE v.id = d.active_version_id)
FROM documents d WHERE d.id = :id"""

FAMILY = """SELECT d.name, t.status, d.depth, count(DISTINCT v.id), count(DISTINCT c.id),
  count(DISTINCT a.version_id),
  (SELECT count(*) FROM document_task_events e WHERE e.document_id = d.id AND e.kind = 'accepted')
FROM documents d JOIN datasets s ON s.id = d.dataset_id JOIN document_tasks t ON t.document_id = d.id
JOIN document_versions v ON v.document_id = d.id LEFT JOIN chunks c ON c.version_id = v.id
LEFT JOIN attachments a ON a.document_id = d.id
WHERE s.name = :dataset GROUP BY d.id, d.name, t.status, d.depth ORDER BY d.name"""

UNTAKEN = """SELECT a.name, a.error->>'code' FROM attachments a
JOIN document_versions v ON v.id = a.version_id
JOIN documents d ON d.id = v.document_id JOIN datasets s ON s.id = d.dataset_id
WHERE s.name = :dataset AND a.error IS NOT NULL"""

RECORDED = """SELECT (SELECT count(*) FROM document_versions v WHERE v.document_id = d.id),
  (SELECT count(*) FROM document_tasks t WHERE t.document_id = d.id AND t.status = 'queued'),
  (SELECT count(*) FROM document_task_events e WHERE e.document_id = d.id AND e.kind = 'accepted')
FROM documents d JOIN datasets s ON s.id = d.dataset_id WHERE s.name = :dataset"""

STANDING = "SELECT status, crashes FROM document_tasks WHERE id = :id"

LEFT = """SELECT (SELECT count(*) FROM blocks b WHERE b.version_id = v.id),
  (SELECT count(*) FROM chunks c WHERE c.version_id = v.id),
  (SELECT count(*) FROM embeddings e WHERE e.version_id = v.id),
  (SELECT count(*) FROM vector_entries e WHERE e.version_id = v.id)
FROM document_versions v WHERE v.document_id = :id AND v.status = 'erased'"""

KINDS = "SELECT kind FROM document_task_events WHERE document_id = :id"


def content(harbour: Harbour, document: UUID) -> str:
    """The hash of all that was published of a document."""
    rows = harbour.rows(CONTENT, id=document) + harbour.rows(COUNTS, id=document)
    return hashlib.sha256(repr(rows).encode()).hexdigest()


@pytest.mark.parametrize("run_on", [True, False], ids=["in one go", "by messages"])
@pytest.mark.parametrize(
    ("name", "of", "stages", "most", "elsewhere"),
    [
        ("note.md", NOTE, len(StageName) - 1, 16, False),
        ("note.md", NOTE, len(StageName) - 1, 8, True),
        ("log.tif", SCANS, len(StageName), 12, False),
    ],
    ids=["text", "text with vectors elsewhere", "scans"],
)
def test_wherever_a_worker_dies_another_finishes_its_document(
    harbour: Harbour, run_on: bool, name: str, of: bytes, most: int, stages: int, elsewhere: bool
) -> None:
    harbour.elsewhere = elsewhere
    whole = harbour.accept("undisturbed", run_on, name, of)
    undisturbed = harbour.carry(whole.task_id)
    expected = content(harbour, whole.document_id)
    for point in some(undisturbed, most):
        accepted = harbour.accept(f"dies at {point}", run_on, name, of)
        first = harbour.carry(accepted.task_id, die_at=point)
        redone = first.computed - harbour.steps_kept(accepted.task_id)
        messages = harbour.recover()

        assert redone in {0, 1}, undisturbed.points[point]
        for stage, task in messages:
            assert task == accepted.task_id
            harbour.carry(task, stage=stage)
        assert content(harbour, accepted.document_id) == expected, undisturbed.points[point]
        kinds = Counter(kind for (kind,) in harbour.rows(KINDS, id=accepted.document_id))
        assert (kinds["stage_finished"], kinds["published"]) == (stages, 1)


def test_wherever_a_worker_dies_the_files_inside_become_documents_once(harbour: Harbour) -> None:
    whole = harbour.accept("undisturbed", name="trip.zip", content=TRIP)
    undisturbed = harbour.carry(whole.task_id)
    expected = harbour.rows(FAMILY, dataset="undisturbed")
    assert [(name, status) for name, status, *_ in expected] == [
        ("fares.csv", "succeeded"), ("note.md", "succeeded"), ("trip.zip", "succeeded"),
    ]  # fmt: skip
    for point in some(undisturbed, 24):
        dataset = f"dies at {point}"
        harbour.carry(harbour.accept(dataset, name="trip.zip", content=TRIP).task_id, die_at=point)
        while messages := harbour.recover():
            for stage, task in messages:
                harbour.carry(task, stage=stage)
        assert harbour.rows(FAMILY, dataset=dataset) == expected, undisturbed.points[point]
        assert harbour.rows(UNTAKEN, dataset=dataset) == [("tool.exe", "unsupported_type")]


def test_wherever_an_intake_dies_there_is_a_whole_document_or_none(harbour: Harbour) -> None:
    undisturbed = harbour.order("accept", **harbour.arrival("undisturbed"))
    for point, name in enumerate(undisturbed.points):
        harbour.app.storage.delete(KEY)
        dataset = f"dies at {point}"
        harbour.order("accept", point, **harbour.arrival(dataset))
        before = harbour.rows(RECORDED, dataset=dataset)
        again = harbour.accept(dataset)

        assert before in ([], [(1, 1, 1)]), name
        assert again.created == (before == []), name
        assert harbour.rows(RECORDED, dataset=dataset) == [(1, 1, 1)]
        assert harbour.app.storage.local_path(KEY).read_bytes() == NOTE
    tasks = harbour.rows("SELECT id FROM document_tasks WHERE status = 'queued'")
    assert sorted(task for _, task in harbour.recover()) == sorted(task for (task,) in tasks)


def test_wherever_recovery_dies_another_sweep_frees_the_task_once(harbour: Harbour) -> None:
    task = harbour.accept("undisturbed").task_id
    harbour.carry(task, die_at=6)
    undisturbed = harbour.order("recover")
    assert undisturbed.sent == [(StageName.EXTRACT, task)]
    for point in some(undisturbed, 5):
        task = harbour.accept(f"dies at {point}").task_id
        harbour.carry(task, die_at=6)
        harbour.order("recover", point)
        assert (StageName.EXTRACT, task) in harbour.recover(), undisturbed.points[point]
        assert harbour.rows(STANDING, id=task) == [("queued", 1)], undisturbed.points[point]


def test_wherever_house_keeping_dies_what_was_cancelled_is_erased_in_the_end(harbour: Harbour) -> None:
    harbour.elsewhere = True
    carried = harbour.carry(harbour.accept("undisturbed").task_id)
    indexed = carried.points.index("index, step 1: upsert done")
    cancel_one(harbour, "cancelled first", indexed)
    undisturbed = harbour.order("keep house")
    for point in some(undisturbed, 5):
        document = cancel_one(harbour, f"dies at {point}", indexed)
        harbour.order("keep house", point)
        harbour.order("keep house")
        assert harbour.rows(LEFT, id=document) == [(0, 0, 0, 0)], undisturbed.points[point]


def cancel_one(harbour: Harbour, dataset: str, die_at: int) -> UUID:
    """A document whose worker died there, and that was cancelled then."""
    accepted = harbour.accept(dataset)
    harbour.carry(accepted.task_id, die_at)
    control = Control(harbour.app.engine, NotedDispatcher())
    assert control.say(Verb.CANCEL, Scope.DOCUMENT, "default", accepted.document_id)
    return accepted.document_id
