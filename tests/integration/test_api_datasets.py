"""Datasets: made on first use or on purpose, each with its way of cutting documents."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.serving import Served, problem

from docmill.adapters.readers import docling_engine
from docmill.domain.documents import ChunkSettings

NOTE = b"# Ferry\n\nThe first ferry leaves at six.\n"
DEFAULT = {"size": ChunkSettings().size, "overlap": ChunkSettings().overlap, "unit": ChunkSettings().unit}


def test_a_dataset_is_made_by_its_first_document(served: Served) -> None:
    served.upload("ferry.md", NOTE, dataset="Fähren 2026")

    (dataset,) = served.client.get("/api/v1/datasets").json()["items"]
    assert dataset["name"] == "Fähren 2026"
    assert dataset["documents"] == 1
    assert dataset["chunking"] == DEFAULT
    for name in ("Fähren 2026", dataset["id"]):
        assert served.client.get(f"/api/v1/datasets/{name}").json() == dataset


def test_a_dataset_is_made_with_settings_of_its_own(served: Served) -> None:
    wanted = {"name": "books", "chunking": {"size": 1000, "overlap": 200, "unit": "characters"}}

    made = served.client.post("/api/v1/datasets", json=wanted)
    again = served.client.post("/api/v1/datasets", json=wanted)
    other = served.client.post("/api/v1/datasets", json={"name": "books"})

    assert (made.status_code, again.status_code) == (201, 200)
    assert made.headers["location"] == f"/api/v1/datasets/{made.json()['id']}"
    assert made.json() == again.json()
    problem(other, 409, "conflict")


def test_changed_settings_are_for_documents_that_come_later(served: Served) -> None:
    served.upload("first.md", NOTE, dataset="notes")

    changed = served.client.patch("/api/v1/datasets/notes", json={"chunking": {"size": 64, "overlap": 16}})
    served.upload("second.md", NOTE + b"And returns at nine.\n", dataset="notes")

    assert changed.json()["chunking"] == {"size": 64, "overlap": 16, "unit": "tokens"}
    rows = served.here.rows("SELECT settings -> 'chunking' AS cut FROM document_versions ORDER BY created_at")
    assert [row.cut for row in rows] == [DEFAULT, {"size": 64, "overlap": 16, "unit": "tokens"}]


@pytest.mark.parametrize(
    "chunking",
    [
        {"size": 15},
        {"size": 8_001},
        {"size": 100, "overlap": 50},
        {"size": 100, "overlap": -1},
        {"size": 49, "unit": "characters"},
        {"size": 20_001, "unit": "characters"},
    ],
)
def test_settings_that_do_not_fit_are_refused(served: Served, chunking: dict[str, object]) -> None:
    made = served.client.post("/api/v1/datasets", json={"name": "odd", "chunking": chunking})

    problem(made, 422, "invalid_settings")
    assert served.count("datasets") == 0


@pytest.mark.skipif(docling_engine.is_installed(), reason="docling is installed here")
def test_an_engine_that_is_not_installed_is_refused(served: Served) -> None:
    made = served.client.post("/api/v1/datasets", json={"name": "odd", "reader": "docling"})

    assert "docmill[docling]" in problem(made, 422, "reader_missing")["detail"]
    assert served.count("datasets") == 0


@pytest.mark.skipif(docling_engine.is_installed(), reason="docling is installed here")
def test_a_document_read_where_the_engine_is_missing_says_what_to_install(served: Served) -> None:
    """The dataset's reader reaches the reading child; here it was set where docling was installed."""
    served.client.post("/api/v1/datasets", json={"name": "notes"})
    served.here.rows("""UPDATE datasets SET settings = settings || '{"reader": "docling"}' RETURNING id""")
    served.here.start("worker")

    served.publish("ferry.md", NOTE, dataset="notes")

    (task,) = served.here.rows("SELECT status, error FROM document_tasks")
    assert (task.status, task.error["code"]) == ("failed", "reader_missing")


@pytest.mark.parametrize(
    "name", ["", " x", "a/b", "x" * 101, "tab\t", "\0", "00000000-0000-4000-8000-000000000000"]
)
def test_a_name_that_cannot_be_used_is_refused(served: Served, name: str) -> None:
    made = served.client.post("/api/v1/datasets", json={"name": name})

    assert problem(made, 422, made.json()["code"])["code"] in {"invalid_name", "invalid_request"}


def test_a_name_is_the_same_however_its_accents_were_typed(served: Served) -> None:
    in_one, in_two = "F\u00e4hren", "Fa\u0308hren"
    served.upload("ferry.md", NOTE, dataset=in_two)
    made = served.client.post("/api/v1/datasets", json={"name": in_two})

    assert (made.status_code, made.json()["name"]) == (200, in_one)
    for name in (in_one, in_two):
        assert served.client.get(f"/api/v1/datasets/{name}").json() == made.json()


@pytest.mark.parametrize("name", ["नाव सेवा", "เรือข้ามฟาก", "ফেরি"])
def test_a_name_may_be_written_with_marks_for_vowels(served: Served, name: str) -> None:
    assert served.client.post("/api/v1/datasets", json={"name": name}).status_code == 201


def test_a_dataset_that_does_not_exist(served: Served) -> None:
    for unknown in ("nowhere", str(uuid4())):
        problem(served.client.get(f"/api/v1/datasets/{unknown}"), 404, "dataset_not_found")
        change = served.client.patch(f"/api/v1/datasets/{unknown}", json={"chunking": {"size": 64}})
        problem(change, 404, "dataset_not_found")
        listed = served.client.get("/api/v1/documents", params={"dataset": unknown})
        problem(listed, 404, "dataset_not_found")


def test_datasets_come_in_pages_by_name(served: Served) -> None:
    for name in ("c", "a", "B"):
        served.client.post("/api/v1/datasets", json={"name": name})

    first = served.client.get("/api/v1/datasets", params={"limit": 2}).json()
    second = served.client.get("/api/v1/datasets", params={"cursor": first["next_cursor"]}).json()

    assert [dataset["name"] for dataset in first["items"] + second["items"]] == ["B", "a", "c"]
    assert second["next_cursor"] is None
