"""Files inside files become documents of their own: found, cited, and told apart by what became of each."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from tests.installations import Installation, installation
from tests.pipelines import NotedDispatcher, counting_stages, make_runner, task_row

from docmill.bootstrap import make_children, make_intake, make_reading, make_stages
from docmill.db.control import Scope, Verb
from docmill.domain.documents import Attachment, Untaken
from docmill.domain.ids import VersionRef
from docmill.domain.interruptions import LeaseLost
from docmill.domain.states import StageName
from docmill.pipeline.control import Control
from docmill.ports import Reading, Recognizer
from docmill.services.deletion import Deletion
from docmill.services.documents import Documents
from docmill.services.intake import Accepted
from docmill.services.maintenance import discard_versions
from docmill.services.revisions import Revisions
from docmill.services.steering import Steering
from docmill.settings import load_settings

NOTE = b"# Ferry\n\nThe first ferry leaves at six.\n"
FARES = b"from,to,fare\nA,B,4.50\n"


OUTER_LIES_IN_INNER = """INSERT INTO attachments
  (version_id, ordinal, tenant_id, name, size_bytes, document_id)
SELECT v.id, 7, 'default', 'outer.zip', 1, o.id FROM documents o, documents i
JOIN document_versions v ON v.document_id = i.id WHERE o.name = 'outer.zip' AND i.name = 'inner.zip'"""


@dataclass
class Harbour:
    """An installation whose tasks a test carries itself."""

    here: Installation
    reading: Reading
    recognizer: Recognizer

    def carry(self, task: UUID) -> list[UUID]:
        """Carry a task as far as it goes; the tasks of the children it took in."""
        dispatcher = NotedDispatcher()
        app = replace(self.here.app, dispatcher=dispatcher)  # type: ignore[arg-type]
        make_runner(app.engine, make_stages(app, self.reading, self.recognizer), dispatcher).run(
            task, StageName.EXTRACT
        )
        return [child for stage, child, _ in dispatcher.sent if child != task]

    def carry_all(self, task: UUID) -> None:
        """Carry a task, its children, and theirs."""
        waiting = [task]
        while waiting:
            waiting += self.carry(waiting.pop(0))

    def carry_until_extracted(self, task: UUID) -> list[UUID]:
        """Carry a task through its first stage; the tasks of the children it took in."""
        dispatcher = NotedDispatcher()
        app = replace(self.here.app, dispatcher=dispatcher)  # type: ignore[arg-type]
        stages = {StageName.EXTRACT: make_stages(app, self.reading, self.recognizer)[StageName.EXTRACT]}
        runner = make_runner(
            app.engine, {**counting_stages(), **stages}, dispatcher, queues=frozenset({"extract"})
        )
        runner.run(task, StageName.EXTRACT)
        return [child for stage, child, _ in dispatcher.sent if stage is StageName.EXTRACT]

    def take(self, parent: str, name: str, content: bytes) -> Untaken | None:
        """Take a file in as a child of the newest version of this document; it is gone afterwards."""
        path = self.here.settings.home / "found"
        path.write_bytes(content)
        document = self.document(parent)
        (version,) = self.here.rows(
            "SELECT id FROM document_versions WHERE document_id = :id", id=document.id
        )
        place = VersionRef("default", document.dataset_id, document.id, version.id)
        try:
            return make_children(self.here.app).take(place, 99, Attachment(name, str(path), len(content)))
        finally:
            assert not path.exists()

    def scratch_files(self) -> list[Path]:
        """What still lies in the folders of reading children."""
        return [path for path in self.here.settings.scratch_path.rglob("*") if path.is_file()]

    def name_of(self, task: UUID) -> str:
        """The name of the document that a task is of."""
        (row,) = self.here.rows(
            "SELECT d.name FROM documents d JOIN document_tasks t ON t.document_id = d.id WHERE t.id = :id",
            id=task,
        )
        return str(row.name)

    def status(self, accepted: Accepted) -> tuple[str, str | None]:
        """How its task ended, with the code of its error."""
        row = task_row(self.here.app.engine, accepted.task_id)
        return row.status, (row.error or {}).get("code")

    def attachments(self, document: UUID) -> dict[str, str]:
        """What became of each file inside a document: the name of its document, or the code of why not."""
        rows = self.here.rows(
            """SELECT a.name, coalesce(c.name, a.error->>'code') AS fate FROM attachments a
            JOIN document_versions v ON v.id = a.version_id LEFT JOIN documents c ON c.id = a.document_id
            WHERE v.document_id = :id ORDER BY v.number, a.ordinal""",
            id=document,
        )
        return {row.name: row.fate for row in rows}

    def document(self, name: str) -> Any:
        (row,) = self.here.rows("SELECT * FROM documents WHERE name = :name", name=name)
        return row

    def names(self) -> list[str]:
        """The names of all documents."""
        return [row.name for row in self.here.rows("SELECT name FROM documents ORDER BY name")]

    def text_of(self, name: str) -> str:
        rows = self.here.rows(
            """SELECT b.lead || b.text AS text FROM documents d
            JOIN blocks b ON b.version_id = d.active_version_id WHERE d.name = :name ORDER BY b.ordinal""",
            name=name,
        )
        return "".join(row.text for row in rows)


LIMITS = {"unpack_members": 20, "unpack_levels": 2}


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """A reading child with limits that a small archive comes to."""
    with closing(make_reading(load_settings(home=tmp_path_factory.mktemp("reading"), **LIMITS))) as reading:
        yield reading


@pytest.fixture
def harbour(
    fresh_database: str, broker: str, tmp_path: Path, reading: Reading, recognizer: Recognizer
) -> Iterator[Harbour]:
    with installation(fresh_database, broker, tmp_path, **LIMITS) as here:
        yield Harbour(here, reading, recognizer)


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def tarred(members: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    """A tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


# --- what is inside becomes documents


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("trip.zip", zipped({"notes/ferry.md": NOTE, "fares.csv": FARES})),
        ("trip.tar", tarred({"notes/ferry.md": NOTE, "fares.csv": FARES}, "w:")),
        ("trip.tar.gz", tarred({"notes/ferry.md": NOTE, "fares.csv": FARES}, "w:gz")),
        ("trip.tar.bz2", tarred({"notes/ferry.md": NOTE, "fares.csv": FARES}, "w:bz2")),
        ("trip.tar.xz", tarred({"notes/ferry.md": NOTE, "fares.csv": FARES}, "w:xz")),
    ],
)
def test_the_members_of_an_archive_are_documents(harbour: Harbour, name: str, content: bytes) -> None:
    accepted = harbour.here.accept(name, content)
    harbour.carry_all(accepted.task_id)

    assert harbour.status(accepted) == ("succeeded", None)
    assert harbour.names() == ["fares.csv", "ferry.md", name]
    assert harbour.attachments(accepted.document_id) == {
        "notes/ferry.md": "ferry.md",
        "fares.csv": "fares.csv",
    }
    assert harbour.text_of("ferry.md") == NOTE.decode().rstrip()
    assert "notes/ferry.md | 40 | a document of its own" in harbour.text_of(name)
    assert harbour.scratch_files() == []
    assert list((harbour.here.settings.storage_path / "arriving").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "inner"),
    [
        ("ferry.md.gz", gzip.compress(NOTE, mtime=0), "ferry.md"),
        ("ferry.md.bz2", bz2.compress(NOTE), "ferry.md"),
        ("ferry.md.xz", lzma.compress(NOTE), "ferry.md"),
        ("two.md.gz", gzip.compress(NOTE[:9], mtime=0) + gzip.compress(NOTE[9:], mtime=0), "two.md"),
    ],
)
def test_a_packed_file_is_an_archive_of_one(harbour: Harbour, name: str, content: bytes, inner: str) -> None:
    accepted = harbour.here.accept(name, content)
    harbour.carry_all(accepted.task_id)

    assert harbour.status(accepted) == ("succeeded", None)
    assert harbour.attachments(accepted.document_id) == {inner: inner}
    assert harbour.text_of(inner) == NOTE.decode().rstrip()
    assert harbour.text_of(name).endswith(f"{inner} | 40 | a document of its own")


def test_packed_files_in_one_another_end_where_archives_do(harbour: Harbour) -> None:
    inner = gzip.compress(gzip.compress(gzip.compress(NOTE, mtime=0)))
    accepted = harbour.here.accept("ferry.md.gz.gz.gz", inner)
    harbour.carry_all(accepted.task_id)

    assert harbour.status(accepted) == ("succeeded", None)
    assert harbour.names() == ["ferry.md.gz.gz", "ferry.md.gz.gz.gz"]


def test_a_child_takes_dataset_metadata_and_priority_from_its_parent(harbour: Harbour) -> None:
    accepted = harbour.here.accept("trip.zip", zipped({"ferry.md": NOTE}))
    harbour.here.rows("SELECT 1")
    with harbour.here.app.engine.begin() as connection:
        connection.execute(text("""UPDATE documents SET metadata = '{"season": "summer"}'"""))
        connection.execute(text("UPDATE document_tasks SET priority = 8"))

    (child,) = harbour.carry(accepted.task_id)

    document = harbour.document("ferry.md")
    assert (document.metadata, document.depth) == ({"season": "summer"}, 1)
    assert document.dataset_id == harbour.document("trip.zip").dataset_id
    assert task_row(harbour.here.app.engine, child).priority == 8


def test_a_file_that_is_there_already_has_one_more_parent(harbour: Harbour) -> None:
    harbour.carry_all(harbour.here.accept("ferry.md", NOTE).task_id)
    accepted = harbour.here.accept("trip.zip", zipped({"copy.md": NOTE}))

    assert harbour.carry(accepted.task_id) == []

    assert harbour.attachments(accepted.document_id) == {"copy.md": "ferry.md"}
    assert harbour.document("ferry.md").depth == 0


def test_what_is_not_taken_is_told_with_its_reason(harbour: Harbour) -> None:
    program = bytes(range(256)) * 8
    accepted = harbour.here.accept(
        "mixed.zip", zipped({"ferry.md": NOTE, "tool.exe": program, "empty.md": b""})
    )
    harbour.carry_all(accepted.task_id)

    assert harbour.status(accepted) == ("succeeded", None)
    assert harbour.attachments(accepted.document_id) == {
        "ferry.md": "ferry.md", "tool.exe": "unsupported_type", "empty.md": "empty_file",
    }  # fmt: skip
    (version,) = harbour.here.rows(
        "SELECT notices FROM document_versions WHERE document_id = :id", id=accepted.document_id
    )
    assert version.notices == ["Of 3 files found inside, 2 did not become documents; `attachments` says why."]
    assert "tool.exe | 2,048 | not taken: unsupported type" in harbour.text_of("mixed.zip")


# --- what is hostile


def bomb(size: int) -> bytes:
    """A zip archive of zeros."""
    return zipped({"zeros.txt": bytes(size)})


def overlapping() -> bytes:
    """A zip archive whose directory lists the same member many times."""
    archive = bytearray(zipped({"a.txt": b"words " * 40_000}, zipfile.ZIP_STORED))
    directory = archive.index(b"PK\x01\x02")
    end = archive.index(b"PK\x05\x06")
    entry = bytes(archive[directory:end])
    out = archive[:directory] + entry * 40 + archive[end:]
    at = len(out) - 22
    out[at + 8 : at + 12] = (40).to_bytes(2, "little") * 2
    out[at + 12 : at + 16] = (len(entry) * 40).to_bytes(4, "little")
    return bytes(out)


def encrypted() -> bytes:
    """A zip archive whose member says that it is encrypted."""
    archive = bytearray(zipped({"secret.txt": b"words"}, zipfile.ZIP_STORED))
    archive[6] |= 1
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    return bytes(archive)


def with_links() -> bytes:
    """A tar archive with links, a device, names that lead outside, and one good file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind, name in (
            (tarfile.SYMTYPE, "soft"),
            (tarfile.LNKTYPE, "hard"),
            (tarfile.CHRTYPE, "device"),
            (tarfile.FIFOTYPE, "pipe"),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/hostname"
            archive.addfile(member)
        for name, content in {"soft/../../../etc/notes.txt": b"one", "/tmp/absolute.txt": b"two"}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def damaged() -> bytes:
    """A zip archive whose member does not have its checksum."""
    archive = bytearray(zipped({"a.txt": b"x" * 300}, zipfile.ZIP_STORED))
    archive[archive.index(b"xxx")] ^= 1
    return bytes(archive)


@pytest.mark.parametrize(
    ("name", "made", "code"),
    [
        ("bomb.zip", lambda: bomb(64 * 1024**2), "reader_limit"),
        ("bomb.tar.gz", lambda: tarred({"zeros.txt": bytes(64 * 1024**2)}), "reader_limit"),
        ("bomb.gz", lambda: gzip.compress(bytes(64 * 1024**2), mtime=0), "reader_limit"),
        ("bomb.xz", lambda: lzma.compress(bytes(64 * 1024**2)), "reader_limit"),
        ("cut.txt.bz2", lambda: bz2.compress(b"words " * 99)[:-9], "damaged_file"),
        ("program.gz", lambda: gzip.compress(bytes(range(256)) * 8, mtime=0), "unsupported_type"),
        ("nothing.gz", lambda: gzip.compress(b"", mtime=0), "empty_file"),
        ("nested_bomb.zip", lambda: zipped({"a.zip": bomb(64 * 1024**2)}), "reader_limit"),
        ("overlapping.zip", overlapping, "reader_limit"),
        ("encrypted.zip", encrypted, "password_required"),
        ("damaged.zip", damaged, "damaged_file"),
        ("empty.zip", lambda: zipped({}), "no_text"),
        ("folders.zip", lambda: zipped({"a/": b"", "a/b/": b""}), "no_text"),
        ("programs.zip", lambda: zipped({"a.exe": bytes(range(256)) * 8}), "unsupported_type"),
    ],
)
def test_an_archive_of_which_nothing_can_be_taken_says_why(
    harbour: Harbour, name: str, made: Callable[[], bytes], code: str
) -> None:
    accepted = harbour.here.accept(name, made())
    harbour.carry_all(accepted.task_id)

    assert harbour.status(accepted) == ("failed", code)
    assert harbour.names() == [name]


def test_nothing_is_followed_and_nothing_leads_outside(harbour: Harbour, tmp_path: Path) -> None:
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    accepted = harbour.here.accept("links.tar", with_links())
    harbour.carry_all(accepted.task_id)

    assert harbour.attachments(accepted.document_id) == {
        "soft": "unsafe_member",
        "hard": "unsafe_member",
        "device": "unsafe_member",
        "pipe": "unsafe_member",
        "soft/../../../etc/notes.txt": "notes.txt",
        "/tmp/absolute.txt": "absolute.txt",
    }
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - set(before)
    assert all(harbour.here.settings.storage_path in path.parents for path in written)
    assert not Path("/tmp/absolute.txt").exists()


def test_a_file_that_holds_the_one_it_lies_in_ends_there(harbour: Harbour) -> None:
    """An archive that holds itself can be made, and needs a mathematician; here somebody says it is so."""
    inner = zipped({"ferry.md": NOTE})
    outer = harbour.here.accept("outer.zip", zipped({"inner.zip": inner}))
    harbour.carry_all(outer.task_id)
    with harbour.here.app.engine.begin() as connection:
        connection.execute(text(OUTER_LIES_IN_INNER))
        connection.execute(text("UPDATE document_versions SET status = 'building'"))

    untaken = harbour.take("outer.zip", "inner.zip", inner)

    assert untaken is not None
    assert untaken.code == "nested_in_itself"


def test_what_lies_too_deep_is_told_and_not_taken(harbour: Harbour) -> None:
    """Two levels are allowed here: an archive in the archive may hold files, and no further archive."""
    inner = zipped({"deep.md": NOTE, "deeper.zip": zipped({"deepest.md": b"# Deepest"})})
    accepted = harbour.here.accept("outer.zip", zipped({"inner.zip": inner}))
    harbour.carry_all(accepted.task_id)

    assert harbour.names() == ["deep.md", "inner.zip", "outer.zip"]
    assert harbour.document("deep.md").depth == 2
    assert harbour.attachments(harbour.document("inner.zip").id) == {
        "deep.md": "deep.md",
        "deeper.zip": "too_deep",
    }


def test_only_so_many_members_are_taken(harbour: Harbour) -> None:
    accepted = harbour.here.accept("many.zip", zipped({f"{n}.txt": b"text %d" % n for n in range(25)}))
    harbour.carry_all(accepted.task_id)

    found = harbour.attachments(accepted.document_id)
    assert len(harbour.names()) == 21
    assert found["…"] == "too_many"
    assert len(found) == 21


def test_a_damaged_archive_keeps_what_was_taken_before_the_damage(harbour: Harbour) -> None:
    whole = tarred({"first.md": NOTE, "second.bin": bytes(40_000)}, "w:")
    accepted = harbour.here.accept("cut.tar", whole[:3_000])
    harbour.carry_all(accepted.task_id)

    assert harbour.status(accepted) == ("succeeded", None)
    assert harbour.attachments(accepted.document_id)["first.md"] == "first.md"
    assert "damaged_file" in harbour.attachments(accepted.document_id).values()


# --- mail


def multipart(subject: str, *parts: bytes) -> bytes:
    """A message of these parts, each with its headers."""
    boundary = f"--{subject}"
    head = f"Subject: {subject}\nContent-Type: multipart/mixed; boundary={subject}\n\n"
    body = b"".join(boundary.encode() + b"\n" + part + b"\n" for part in parts)
    return head.encode() + body + boundary.encode() + b"--\n"


def test_what_is_attached_to_a_message_is_a_document(harbour: Harbour) -> None:
    inner = multipart("Inner", b"\nWords.", b"Content-Type: text/csv; name=fares.csv\n\n" + FARES)
    mail = multipart("Outer", b"\nSee inside.", b"Content-Type: message/rfc822\n\n" + inner)
    accepted = harbour.here.accept("outer.eml", mail)
    harbour.carry_all(accepted.task_id)

    assert harbour.names() == ["Inner.eml", "fares.csv", "outer.eml"]
    assert harbour.document("fares.csv").depth == 2
    assert harbour.text_of("outer.eml") == "Outer\n\nSee inside."


# --- how children go


@pytest.fixture
def documents(harbour: Harbour) -> Documents:
    app = harbour.here.app
    return Documents(app.engine, app.storage, app.vectors, app.dispatcher)


def test_deleting_a_parent_takes_what_was_only_found_in_it(harbour: Harbour, documents: Documents) -> None:
    harbour.carry_all(harbour.here.accept("fares.csv", FARES).task_id)
    inner = zipped({"deep.md": b"# Deep\n\nWords.", "ferry.md": NOTE})
    first = harbour.here.accept(
        "first.zip", zipped({"inner.zip": inner, "fares.csv": FARES, "only.md": b"# Only"})
    )
    second = harbour.here.accept("second.zip", zipped({"again.md": NOTE}))
    harbour.carry_all(first.task_id)
    harbour.carry_all(second.task_id)
    assert harbour.names() == [
        "deep.md",
        "fares.csv",
        "ferry.md",
        "first.zip",
        "inner.zip",
        "only.md",
        "second.zip",
    ]

    assert documents.delete("default", first.document_id) == 4

    assert harbour.names() == ["fares.csv", "ferry.md", "second.zip"]
    assert documents.delete("default", second.document_id) == 2
    assert harbour.names() == ["fares.csv"]
    assert harbour.here.rows("SELECT FROM erasures") == []


def test_a_child_may_be_deleted_and_its_parent_says_so(harbour: Harbour, documents: Documents) -> None:
    accepted = harbour.here.accept("trip.zip", zipped({"ferry.md": NOTE}))
    harbour.carry_all(accepted.task_id)

    assert documents.delete("default", harbour.document("ferry.md").id) == 1

    assert harbour.attachments(accepted.document_id) == {"ferry.md": "document_not_found"}
    assert documents.family("default", accepted.document_id).attachments[0].document_id is None


def test_a_cancelled_parent_takes_with_it_what_it_had_begun(harbour: Harbour, documents: Documents) -> None:
    app = harbour.here.app
    published = harbour.here.accept("first.zip", zipped({"shared.md": NOTE}))
    harbour.carry_all(published.task_id)
    accepted = harbour.here.accept(
        "second.zip", zipped({"shared.md": NOTE, "begun.md": b"# Begun", "done.md": b"# Done"})
    )
    children = harbour.carry_until_extracted(accepted.task_id)
    harbour.carry(next(task for task in children if harbour.name_of(task) == "done.md"))
    control = Control(app.engine, NotedDispatcher())
    revisions = Revisions(app.engine, app.dispatcher, run_on_bytes=0)
    steering = Steering(control, documents, make_intake(app), revisions)

    steering.document(Verb.CANCEL, "default", accepted.document_id)

    assert harbour.names() == ["done.md", "first.zip", "second.zip", "shared.md"]


def test_what_a_dead_process_left_of_a_cancel_house_keeping_does(harbour: Harbour) -> None:
    app = harbour.here.app
    accepted = harbour.here.accept("trip.zip", zipped({"begun.md": b"# Begun"}))
    harbour.carry_until_extracted(accepted.task_id)
    Control(app.engine, NotedDispatcher()).say(Verb.CANCEL, Scope.DOCUMENT, "default", accepted.document_id)
    assert harbour.names() == ["begun.md", "trip.zip"]

    assert Deletion(app.engine, app.storage, app.vectors).give_up_children() == 1

    assert harbour.names() == ["trip.zip"]


def test_a_parent_read_again_has_the_same_children(harbour: Harbour, documents: Documents) -> None:
    app = harbour.here.app
    accepted = harbour.here.accept("trip.zip", zipped({"ferry.md": NOTE, "fares.csv": FARES}))
    harbour.carry_all(accepted.task_id)
    before = harbour.names()

    again = make_intake(app).again("default", accepted.document_id)
    assert harbour.carry(again.task_id) == []
    discard_versions(app.engine, app.vectors)

    assert harbour.names() == before
    family = documents.family("default", accepted.document_id)
    assert [item.name for item in family.attachments] == ["ferry.md", "fares.csv"]
    assert documents.delete("default", accepted.document_id) == 3


def test_nothing_is_taken_in_for_a_parent_that_was_given_up(harbour: Harbour) -> None:
    """The worker does not know yet that its document was cancelled: it finds one more file, and stops."""
    app = harbour.here.app
    accepted = harbour.here.accept("trip.zip", zipped({"ferry.md": NOTE}))
    Control(app.engine, NotedDispatcher()).say(Verb.CANCEL, Scope.DOCUMENT, "default", accepted.document_id)

    with pytest.raises(LeaseLost):
        harbour.take("trip.zip", "ferry.md", NOTE)

    assert harbour.names() == ["trip.zip"]
