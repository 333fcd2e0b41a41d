"""Sending files in: what is taken, what is refused at the door, and that nothing is left of the refused."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from tests.made_files import archive
from tests.polling import eventually
from tests.servers import Databases
from tests.serving import KEY, Served, problem, serving

from docmill.sources.upload import open_landing

NOTE = b"# Ferry\n\nThe first ferry leaves at six.\n"


def test_a_file_is_accepted_and_its_processing_begins(served: Served) -> None:
    answer = served.upload("ferry.md", NOTE, metadata='{"season": "summer"}')

    assert answer.status_code == 202
    body = answer.json()
    assert body["created"] is True
    assert body["status_url"] == answer.headers["location"]
    assert body["status_url"] == f"/api/v1/documents/{body['document_id']}/status"

    status = served.client.get(body["status_url"]).json()
    assert status["task_id"] == body["task_id"]
    assert status["task_status"] == "PENDING"
    assert status["percent_complete"] == 0
    assert status["waiting"]["for"] == "no_worker"
    assert status["waiting"]["place"] == 1

    document = served.client.get(f"/api/v1/documents/{body['document_id']}").json()
    assert document["name"] == "ferry.md"
    assert document["media_type"] == "text/markdown"
    assert document["dataset"] == "default"
    assert document["metadata"] == {"season": "summer"}
    assert document["sha256"] == hashlib.sha256(NOTE).hexdigest()

    original = served.client.get(f"/api/v1/documents/{body['document_id']}/file")
    assert original.content == NOTE


def test_the_message_is_on_its_way_to_a_worker(served: Served) -> None:
    served.upload("ferry.md", NOTE)

    assert served.here.app.dispatcher.waiting("extract") == 1


def test_the_same_bytes_are_the_same_document(served: Served) -> None:
    first = served.upload("ferry.md", NOTE).json()
    again = served.upload("copy of ferry.md", NOTE)

    assert again.status_code == 200
    assert again.json() == {**first, "created": False}
    assert served.count("documents") == 1
    assert len(served.stored_files()) == 1


def test_the_same_bytes_in_another_dataset_are_another_document(served: Served) -> None:
    first = served.upload("ferry.md", NOTE).json()
    other = served.upload("ferry.md", NOTE, dataset="archive")

    assert other.status_code == 202
    assert other.json()["document_id"] != first["document_id"]
    assert len(served.stored_files()) == 1


def test_fifty_uploads_of_one_file_at_once_make_one_document(served: Served) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: served.upload(f"ferry {n}.md", NOTE), range(50)))

    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 49}
    assert len({answer.json()["document_id"] for answer in answers}) == 1
    assert [served.count(table) for table in ("documents", "document_versions", "document_tasks")] == [
        1,
        1,
        1,
    ]
    assert len(served.stored_files()) == 1


def test_files_that_arrive_at_once_each_get_their_own_answer(served: Served) -> None:
    def sent(number: int) -> httpx.Response:
        content = b"" if number % 10 == 0 else f"# Timetable {number % 30}\n".encode()
        return served.upload(f"{number}.md", content, metadata=json.dumps({"number": str(number % 30)}))

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(sent, range(60)))

    assert [n for n, answer in enumerate(answers) if answer.status_code == 422] == [*range(0, 60, 10)]
    for number in (n for n in range(30) if n % 10):
        pair = [answers[number], answers[number + 30]]  # of the same bytes
        assert {answer.status_code for answer in pair} == {200, 202}
        (document,) = {answer.json()["document_id"] for answer in pair}
        shown = served.client.get(f"/api/v1/documents/{document}")
        assert shown.json()["metadata"] == {"number": str(number)}
        stored = served.client.get(f"/api/v1/documents/{document}/file").content
        assert stored == f"# Timetable {number}\n".encode()
    assert served.here.app.dispatcher.waiting("extract") == 27
    assert len(served.stored_files()) == 27
    assert list((served.here.settings.storage_path / "arriving").iterdir()) == []


def test_a_large_file_arrives_whole(served: Served) -> None:
    content = b"".join(f"Line {n} of a long log.\r\n".encode() for n in range(60_000))

    document = served.upload("long.txt", content).json()["document_id"]

    assert served.client.get(f"/api/v1/documents/{document}").json()["size_bytes"] == len(content)
    assert served.client.get(f"/api/v1/documents/{document}/file").content == content


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_bytes_whose_processing_failed_are_tried_again(served: Served, status: str) -> None:
    first = served.upload("ferry.md", NOTE).json()
    with served.here.app.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE document_tasks SET status = '{status}'")

    again = served.upload("ferry.md", NOTE)

    assert again.status_code == 202
    assert again.json()["document_id"] == first["document_id"]
    assert again.json()["task_id"] != first["task_id"]
    versions = served.here.rows("SELECT number, status FROM document_versions ORDER BY number")
    assert [tuple(version) for version in versions] == [(1, "discarded"), (2, "building")]


# --- refused: nothing is left, so one server serves all of these ------------------------------------------


@pytest.fixture(scope="module")
def door(databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An API that has no document and never gets one."""
    with (
        databases.fresh() as url,
        serving(url, broker_url, tmp_path_factory.mktemp("door"), max_file_bytes=2_000_000) as running,
    ):
        yield running


def nothing_is_left(door: Served) -> bool:
    return door.count("documents") == door.count("datasets") == 0 and door.stored_files() == []


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("empty.txt", b"", 422, "empty_file"),
        ("program.bin", bytes(range(256)) * 20, 415, "unsupported_type"),
        ("report.docx", archive({"a": "b"}), 422, "damaged_file"),
        ("report.docx", archive({"a": "b"})[:60], 422, "damaged_file"),
        ("big.txt", b"x" * 2_000_001, 413, "file_too_large"),
        ("a/../../etc/passwd", NOTE, 422, "invalid_name"),
        ("..", NOTE, 422, "invalid_name"),
        (" ", NOTE, 422, "invalid_name"),
        ("x" * 256 + ".md", NOTE, 422, "invalid_name"),
        ("evil\u202etxt.md", NOTE, 422, "invalid_name"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_a_file_that_cannot_be_taken_is_refused(
    door: Served, name: str, content: bytes, status: int, code: str
) -> None:
    problem(door.upload(name, content), status, code)

    assert nothing_is_left(door)


@pytest.mark.parametrize(
    "name",
    [
        "C:\\\\Users\\\\me\\\\plan.md",
        "\\\\\\\\server\\\\share\\\\plan.md",
        "/etc/passwd",
        "plan\x00.md",
        "plan\t.md",
        "plan\x7f.md",
        "plan%0A.md",
        "plan%0D.md",
    ],
)
def test_a_hostile_name_is_refused_as_it_was_sent(door: Served, name: str) -> None:
    body = multipart([f'Content-Disposition: form-data; name="file"; filename="{name}"'], NOTE)

    answer = door.client.post("/api/v1/documents", content=body, headers=MULTIPART)

    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] in {"invalid_name", "invalid_request"}
    assert nothing_is_left(door)


def test_a_name_may_have_any_letters(served: Served) -> None:
    document = served.upload("Fährplan – 渡轮 'neu'.md", NOTE).json()["document_id"]

    assert served.client.get(f"/api/v1/documents/{document}").json()["name"] == "Fährplan – 渡轮 'neu'.md"
    saved_as = served.client.get(f"/api/v1/documents/{document}/file").headers["content-disposition"]
    assert saved_as.startswith("attachment; filename*=utf-8''F%C3%A4hrplan")


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ('filename="the %22last%22 ferry.md"', 'the "last" ferry.md'),
        ('filename="100%25 %2F.md"', "100%25 %2F.md"),
        ("filename=\"ferry.md\"; filename*=UTF-8''F%C3%A4hre.md", "Fähre.md"),
        ("filename*=iso-8859-1'de'F%E4hre.md", "Fähre.md"),
    ],
)
def test_a_name_is_taken_as_the_file_has_it(served: Served, sent: str, name: str) -> None:
    body = multipart([f'Content-Disposition: form-data; name="file"; {sent}'], NOTE)
    accepted = served.client.post("/api/v1/documents", content=body, headers=MULTIPART).json()

    assert served.client.get(f"/api/v1/documents/{accepted['document_id']}").json()["name"] == name


@pytest.mark.parametrize(
    "sent",
    [
        "filename*=UTF-8''a%0Ab.md",
        "filename*=UTF-8''a%2Fb.md",
        "filename*=UTF-8''%E4.md",
        "filename*=x''a.md",
    ],
)
def test_a_name_in_the_other_form_is_checked_too(door: Served, sent: str) -> None:
    body = multipart([f'Content-Disposition: form-data; name="file"; {sent}'], NOTE)

    assert door.client.post("/api/v1/documents", content=body, headers=MULTIPART).status_code == 422
    assert nothing_is_left(door)


# --- wrong requests ----------------------------------------------------------------------------------------

MULTIPART = {"Content-Type": "multipart/form-data; boundary=----b"}


def multipart(headers: list[str], content: bytes, end: bytes = b"\r\n------b--\r\n") -> bytes:
    return b"------b\r\n" + "\r\n".join(headers).encode() + b"\r\n\r\n" + content + end


FILE = ['Content-Disposition: form-data; name="file"; filename="ferry.md"']


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({"Content-Type": "application/json"}, b"{}"),
        ({"Content-Type": "multipart/form-data"}, b""),
        ({"Content-Type": "multipart/form-data; boundary=" + "b" * 1000}, b""),
        (MULTIPART, b""),
        (MULTIPART, b"nothing of the kind"),
        (MULTIPART, multipart(FILE, NOTE, end=b"")),
        (MULTIPART, multipart(['Content-Disposition: form-data; name="dataset"'], b"default")),
        (MULTIPART, multipart(['Content-Disposition: form-data; filename="x.md"'], NOTE)),
        (MULTIPART, multipart(['Content-Disposition: form-data; name="other"; filename="x.md"'], NOTE)),
        (MULTIPART, multipart(['Content-Disposition: form-data; name="colour"'], b"blue")),
        (MULTIPART, multipart(["X: " + "y" * 100_000], NOTE)),
        (MULTIPART, multipart(FILE, NOTE, end=b"\r\n") + multipart(FILE, NOTE)),
        (MULTIPART, multipart(['Content-Disposition: form-data; name="metadata"'], b"x" * 70_000)),
    ],
    ids=[
        "not multipart",
        "no boundary",
        "endless boundary",
        "empty",
        "no multipart in it",
        "no end",
        "no file",
        "no field name",
        "file under another name",
        "unknown field",
        "endless header",
        "two files",
        "endless field",
    ],
)
def test_a_body_that_is_no_upload_is_refused(door: Served, headers: dict[str, str], content: bytes) -> None:
    problem(door.client.post("/api/v1/documents", content=content, headers=headers), 422, "invalid_request")

    assert nothing_is_left(door)


@pytest.mark.parametrize(
    "metadata",
    ["[]", "{", '{"a": 1}', '{"a": null}', '"text"', '{"a": "\\u0000"}', '{"a": "\\ud800"}', "[" * 50_000],
)
def test_metadata_is_an_object_of_strings(door: Served, metadata: str) -> None:
    problem(door.upload("ferry.md", NOTE, metadata=metadata), 422, "invalid_request")

    assert nothing_is_left(door)


def test_a_dataset_that_is_named_by_an_unknown_id_is_not_made(door: Served) -> None:
    problem(door.upload("ferry.md", NOTE, dataset=str(uuid4())), 404, "dataset_not_found")
    problem(door.upload("ferry.md", NOTE, dataset="a/b"), 422, "invalid_name")

    assert nothing_is_left(door)


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(door: Served) -> None:
    lines = send_head(door, length=10**12)

    assert lines[0].startswith("HTTP/1.1 413 ")
    assert json.loads(lines[-1])["code"] == "file_too_large"


def test_a_body_without_a_length_is_stopped_at_the_limit(door: Served) -> None:
    def endless() -> Iterator[bytes]:
        yield multipart(FILE, b"", end=b"")
        for _ in range(200):
            yield b"x" * 100_000

    answer = door.client.post("/api/v1/documents", content=endless(), headers=MULTIPART)

    problem(answer, 413, "file_too_large")
    assert nothing_is_left(door)


def test_an_upload_that_is_cut_off_leaves_nothing(served: Served) -> None:
    body = multipart(FILE, b"x" * 1_500_000, end=b"")
    with connected(served) as connection:
        connection.sendall(head(length=1_900_000) + body)
        eventually(lambda: served.stored_files())  # it is being written…

    eventually(lambda: served.stored_files() == [])  # …and gone
    assert served.count("documents") == 0
    assert served.upload("ferry.md", NOTE).status_code == 202


def test_what_a_killed_process_left_a_day_ago_is_removed_at_the_start(tmp_path: Path) -> None:
    old, new = tmp_path / "upload-old", tmp_path / "upload-new"
    for path in (old, new):
        path.write_bytes(b"half a file")
    two_days_ago = old.stat().st_mtime - 2 * 24 * 3600
    os.utime(old, (two_days_ago, two_days_ago))

    open_landing(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["upload-new"]


def head(length: int) -> bytes:
    lines = [
        "POST /api/v1/documents HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {KEY}",
        f"Content-Type: {MULTIPART['Content-Type']}",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def connected(door: Served) -> socket.socket:
    url = httpx.URL(door.url)
    return socket.create_connection((url.host, url.port or 80), timeout=10)


def send_head(door: Served, length: int) -> list[str]:
    with connected(door) as connection:
        connection.sendall(head(length))
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(65536)
        return answer.decode().split("\r\n")
