"""Documents after they were taken in: their list, their state, their text, their file, their end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from tests import made_files as made
from tests import made_tables
from tests.polling import eventually
from tests.servers import Databases
from tests.serving import Served, problem, serving

from docmill.domain.errors import DocumentNotFound
from docmill.domain.ids import version_id
from docmill.services.documents import Documents

RULES = (
    "# Rules of the ferry\n\nThe ferry does not sail when the river stands above 3.2 metres.\n\n"
    "## Bicycles\n\nBicycles travel free of charge on weekdays.\n\n## Dogs\n\nDogs travel on a leash.\n"
)
PRICES = "crossing,price\nadult,4.50\nchild,2.00\n"
UNREADABLE = b"%PDF-1.7\nthis is where the file ends"


@dataclass
class Library:
    """An API with three documents: two that can be found, one that could not be read."""

    api: Served
    rules: str
    prices: str
    unreadable: str


@pytest.fixture(scope="module")
def library(
    databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Library]:
    with databases.fresh() as url, serving(url, broker_url, tmp_path_factory.mktemp("library")) as api:
        api.here.start("worker")
        yield Library(
            api,
            rules=api.publish("rules.md", RULES.encode(), metadata='{"kind": "rule"}'),
            prices=api.publish("prices.csv", PRICES.encode(), dataset="office"),
            unreadable=api.publish("broken.pdf", UNREADABLE),
        )


def test_a_published_document_says_so(library: Library) -> None:
    status = library.api.client.get(f"/api/v1/documents/{library.rules}/status").json()

    assert status["task_status"] == "SUCCESS"
    assert status["percent_complete"] == 100
    assert status["ready"] is True
    assert status["total_chunks"] > 0
    assert status["message"].startswith("Published: ")
    assert (status["eta_seconds"], status["waiting"], status["error"]) == (None, None, None)

    document = library.api.client.get(f"/api/v1/documents/{library.rules}").json()
    assert document["version"] == 1
    assert document["version_id"] == str(version_id(UUID(library.rules), 1))
    assert document["characters"] == len(RULES.rstrip())
    assert document["published_at"] is not None


def test_a_document_that_cannot_be_read_says_why(library: Library) -> None:
    status = library.api.client.get(f"/api/v1/documents/{library.unreadable}/status").json()

    assert status["task_status"] == "FAILURE"
    assert status["can_retry"] is True
    assert status["ready"] is False
    assert status["error"]["code"] == "damaged_file"
    assert status["message"] == f"Failed: {status['error']['message']}"


# --- the list ----------------------------------------------------------------------------------------------


def names(library: Library, **query: str | int) -> list[str]:
    answer = library.api.client.get("/api/v1/documents", params=query)
    return [item["name"] for item in answer.json()["items"]]


def test_the_list_is_newest_first_and_can_be_filtered(library: Library) -> None:
    assert names(library) == ["broken.pdf", "prices.csv", "rules.md"]
    assert names(library, dataset="office") == ["prices.csv"]
    assert names(library, status="SUCCESS") == ["prices.csv", "rules.md"]
    assert names(library, status="FAILURE") == ["broken.pdf"]
    assert names(library, status="PAUSED") == []
    assert names(library, name="RULE") == ["rules.md"]
    assert names(library, name="%") == []
    assert names(library, name="e", status="SUCCESS", dataset="default") == ["rules.md"]


def test_the_list_comes_in_pages(library: Library) -> None:
    seen, cursor = [], None
    while True:
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = library.api.client.get("/api/v1/documents", params=query).json()
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == ["broken.pdf", "prices.csv", "rules.md"]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "ä", "=" * 9, "W10"])
def test_a_cursor_that_is_not_ours_is_refused(library: Library, cursor: str) -> None:
    for path in ("documents", "datasets", f"documents/{library.rules}/chunks"):
        answer = library.api.client.get(f"/api/v1/{path}", params={"cursor": cursor})
        problem(answer, 422, "invalid_cursor")


def test_a_cursor_of_one_list_does_not_fit_another(library: Library) -> None:
    page = library.api.client.get("/api/v1/documents", params={"limit": 1}).json()

    answer = library.api.client.get("/api/v1/datasets", params={"cursor": page["next_cursor"]})

    problem(answer, 422, "invalid_cursor")


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"status": "DONE"}, {"name": "\0"}]
)
def test_a_wrong_filter_is_named(library: Library, query: dict[str, str | int]) -> None:
    answer = library.api.client.get("/api/v1/documents", params=query)

    errors = problem(answer, 422, "invalid_request")["errors"]
    assert [error["field"] for error in errors] == [f"query.{name}" for name in query]


# --- what is in it -----------------------------------------------------------------------------------------


def test_chunks_come_in_reading_order_with_their_place(library: Library) -> None:
    path = f"/api/v1/documents/{library.rules}/chunks"
    whole = library.api.client.get(path).json()
    first = library.api.client.get(path, params={"limit": 1}).json()

    assert [chunk["ordinal"] for chunk in whole["items"]] == list(range(len(whole["items"])))
    for chunk in whole["items"]:
        assert RULES[chunk["char_start"] : chunk["char_end"]] == chunk["text"]
    assert first["items"] == whole["items"][:1]
    if first["next_cursor"]:
        second = library.api.client.get(path, params={"cursor": first["next_cursor"]}).json()
        assert second["items"] == whole["items"][1:]


def test_the_text_is_the_file_s_own_to_the_character(library: Library) -> None:
    answer = library.api.client.get(f"/api/v1/documents/{library.rules}/text")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == RULES.rstrip()


def test_the_text_as_markdown_and_as_blocks(library: Library) -> None:
    path = f"/api/v1/documents/{library.prices}/text"

    markdown = library.api.client.get(path, params={"format": "md"})
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert "| adult | 4.50 |" in markdown.text

    blocks = library.api.client.get(path, params={"format": "json"}).json()["blocks"]
    assert blocks[0]["kind"] == "table"
    assert blocks[0]["table"]["rows"][1] == ["adult", "4.50"]

    answer = library.api.client.get(path, params={"format": "docx"})
    problem(answer, 422, "invalid_request")


def test_merged_cells_and_headers_are_told_with_the_text(library: Library) -> None:
    document = library.api.publish("fares.html", made_tables.HTML.encode())

    (block,) = library.api.client.get(f"/api/v1/documents/{document}/text", params={"format": "json"}).json()[
        "blocks"
    ]
    assert block["table"] == {
        "rows": [["Route", "Fare", ""], ["", "adult", "child"], ["A", "2", "1"], ["", "none", ""]],
        "header_rows": 2,
        "spans": [
            {"row": 0, "column": 0, "rows": 2, "columns": 1},
            {"row": 0, "column": 1, "rows": 1, "columns": 2},
            {"row": 2, "column": 0, "rows": 2, "columns": 1},
            {"row": 3, "column": 1, "rows": 1, "columns": 2},
        ],
        "header_cells": [[2, 0]],
    }
    library.api.client.delete(f"/api/v1/documents/{document}")  # later searches are for the others


def test_the_file_is_served_to_be_saved_and_in_ranges(library: Library) -> None:
    path = f"/api/v1/documents/{library.rules}/file"
    whole = library.api.client.get(path)
    part = library.api.client.get(path, headers={"Range": "bytes=2-6"})

    assert whole.content == RULES.encode()
    assert whole.headers["content-disposition"] == 'attachment; filename="rules.md"'
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert (part.status_code, part.content) == (206, RULES.encode()[2:7])
    assert part.headers["content-range"] == f"bytes 2-6/{len(RULES)}"

    beyond = library.api.client.get(path, headers={"Range": "bytes=99999-"})
    problem(beyond, 416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(RULES)}"
    problem(library.api.client.get(path, headers={"Range": "bytes=x-y"}), 400, "bad_request")


@pytest.mark.parametrize("what", ["chunks", "text"])
def test_a_document_that_is_not_published_has_no_text(library: Library, what: str) -> None:
    problem(library.api.client.get(f"/api/v1/documents/{library.unreadable}/{what}"), 409, "not_published")


@pytest.mark.parametrize("form", ["txt", "md", "json"])
def test_a_text_that_goes_while_it_is_read_does_not_seem_whole(library: Library, form: str) -> None:
    api = library.api
    paragraphs = "".join(f"Paragraph {number} of a long report.\n\n" for number in range(1500))
    document = UUID(api.publish("report.md", paragraphs.encode()))
    documents = Documents(
        api.here.app.engine, api.here.app.storage, api.here.app.vectors, api.here.app.dispatcher
    )
    assert "Paragraph 1499" in "".join(documents.text("default", document, form))

    pieces = documents.text("default", document, form)
    assert "Paragraph 0" in next(pieces) + next(pieces)  # and more than is read in one go is still to come
    documents.delete("default", document)

    with pytest.raises(DocumentNotFound, match="while its text was read"):
        list(pieces)


# --- search ------------------------------------------------------------------------------------------------


def search(library: Library, query: str, **options: object) -> list[str]:
    answer = library.api.client.post("/api/v1/search", json={"query": query, **options})
    assert answer.status_code == 200, answer.text
    return [hit["document_name"] for hit in answer.json()["hits"]]


def test_a_passage_is_found_with_everything_to_cite_it(library: Library) -> None:
    answer = library.api.client.post("/api/v1/search", json={"query": "when does the ferry not sail?"})

    best = answer.json()["hits"][0]
    assert "3.2 metres" in best["text"]
    assert best["document_id"] == library.rules
    assert best["section_path"] == ["Rules of the ferry"]
    assert RULES[best["char_start"] : best["char_end"]] == best["text"]
    assert best["scores"]["dense"]["rank"] == best["scores"]["lexical"]["rank"] == 1


def test_a_search_can_be_limited(library: Library) -> None:
    assert set(search(library, "price of a crossing")) == {"rules.md", "prices.csv"}
    assert search(library, "price of a crossing", mode="lexical") == ["prices.csv"]
    assert set(search(library, "adult", datasets=["office"])) == {"prices.csv"}
    assert set(search(library, "adult", dataset="default")) == {"rules.md"}
    assert set(search(library, "adult", document_ids=[library.rules])) == {"rules.md"}
    assert set(search(library, "adult", media_types=["text/csv"])) == {"prices.csv"}
    assert set(search(library, "adult", metadata={"kind": "rule"})) == {"rules.md"}
    assert search(library, "adult", metadata={"kind": "none"}) == []
    assert len(search(library, "ferry", limit=1)) == 1


def test_what_does_not_exist_cannot_be_searched(library: Library) -> None:
    for code, limits in (
        ("dataset_not_found", {"datasets": ["nowhere"]}),
        ("dataset_not_found", {"dataset": str(uuid4())}),
        ("document_not_found", {"document_ids": [str(uuid4())]}),
        ("document_not_found", {"document_ids": ["no id"]}),
    ):
        problem(library.api.client.post("/api/v1/search", json={"query": "x", **limits}), 404, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": ""}, "invalid_query"),
        ({"query": " \n"}, "invalid_query"),
        ({"query": "x" * 8_001}, "invalid_query"),
        ({}, "invalid_request"),
        ({"query": "x", "limit": 0}, "invalid_request"),
        ({"query": "x", "limit": 101}, "invalid_request"),
        ({"query": "x", "mode": "magic"}, "invalid_request"),
        ({"query": "x", "colour": "blue"}, "invalid_request"),
        ({"query": "x", "metadata": {"a": "\0"}}, "invalid_request"),
        ({"query": "x", "languages": ["\ud800"]}, "invalid_request"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(
    library: Library, body: dict[str, object], code: str
) -> None:
    content = json.dumps(body)
    headers = {"Content-Type": "application/json"}

    problem(library.api.client.post("/api/v1/search", content=content, headers=headers), 422, code)


def test_a_query_may_hold_any_character(library: Library) -> None:
    for query in ("' OR 1=1 --", "a & | ! b:*", "渡轮", "\0", "\ud800", "%_", "x" * 8_000):
        content = json.dumps({"query": query + " ferry" if len(query) < 10 else query})
        headers = {"Content-Type": "application/json"}
        answer = library.api.client.post("/api/v1/search", content=content, headers=headers)
        assert answer.status_code in {200, 422}, answer.text


def test_a_body_that_is_too_large_or_no_json_is_refused(library: Library) -> None:
    post = library.api.client.post
    problem(post("/api/v1/search", content=b"x" * 2_000_000), 413, "request_too_large")
    headers = {"Content-Type": "application/json"}
    problem(post("/api/v1/search", content=b"{", headers=headers), 422, "invalid_request")
    problem(post("/api/v1/search", content=b"[" * 100_000, headers=headers), 400, "bad_request")


# --- the end -----------------------------------------------------------------------------------------------


def test_files_inside_a_document_are_shown_found_and_go_with_it(library: Library) -> None:
    client = library.api.client
    content = made.archive(
        {"notes/tide.md": "# Tide\n\nThe spring tide floods the jetty.\n", "tool.exe": "\0\1\2\3" * 99}
    )
    archive = library.api.publish("trip.zip", content)
    inside = eventually(
        lambda: client.get("/api/v1/documents", params={"parent_id": archive, "status": "SUCCESS"}).json()[
            "items"
        ]
    )
    (child,) = inside

    tide, tool = client.get(f"/api/v1/documents/{archive}").json()["attachments"]
    assert (tide["name"], tide["document_id"], tide["error"]) == ("notes/tide.md", child["id"], None)
    assert (tool["document_id"], tool["error"]["code"]) == (None, "unsupported_type")
    whole = client.get(f"/api/v1/documents/{child['id']}").json()
    assert whole["parents"] == [{"document_id": archive, "name": "trip.zip"}]

    body = {"query": "spring tide", "mode": "lexical", "parent_ids": [archive]}
    (hit,) = client.post("/api/v1/search", json=body).json()["hits"]
    assert (hit["document_name"], hit["parents"]) == ("tide.md", whole["parents"])
    body["parent_ids"] = [library.rules]
    assert client.post("/api/v1/search", json=body).json()["hits"] == []

    (extracted, *_) = (
        event
        for event in client.get(f"/api/v1/documents/{archive}/history").json()["items"]
        if event["kind"] == "stage_finished"
    )
    assert extracted["data"]["children"] == 1
    assert client.delete(f"/api/v1/documents/{archive}").json() == {"documents": 2}
    problem(client.get(f"/api/v1/documents/{child['id']}"), 404, "document_not_found")


def test_a_deleted_document_leaves_nothing_but_its_history(library: Library) -> None:
    api = library.api
    document = api.publish("leaving.md", b"# Farewell\n\nThe last lighthouse keeper left.\n")
    assert "leaving.md" in search(library, "lighthouse keeper", mode="lexical")

    assert api.client.delete(f"/api/v1/documents/{document}").json() == {"documents": 1}

    for path in ("", "/status", "/chunks", "/text", "/file"):
        problem(api.client.get(f"/api/v1/documents/{document}{path}"), 404, "document_not_found")
    problem(api.client.delete(f"/api/v1/documents/{document}"), 404, "document_not_found")
    assert "leaving.md" not in search(library, "lighthouse keeper", mode="lexical")
    assert api.here.rows("SELECT FROM vector_entries WHERE document_id = :id", id=document) == []
    assert api.here.rows("SELECT FROM chunks WHERE document_id = :id", id=document) == []
    events = api.here.rows(
        "SELECT kind FROM document_task_events WHERE document_id = :id ORDER BY id", id=document
    )
    assert [events[0].kind, events[-1].kind] == ["accepted", "deleted"]


def test_the_original_stays_while_another_document_has_the_same_bytes(library: Library) -> None:
    api = library.api
    here = api.publish("twice.md", b"# Twice\n")
    there = api.publish("twice.md", b"# Twice\n", dataset="archive")

    api.client.delete(f"/api/v1/documents/{here}")
    assert api.client.get(f"/api/v1/documents/{there}/file").content == b"# Twice\n"

    files = len(api.stored_files())
    api.client.delete(f"/api/v1/documents/{there}")
    assert len(api.stored_files()) == files - 1


def test_a_deleted_document_may_come_again(library: Library) -> None:
    content = b"# Again\n\nIt comes and goes.\n"
    first = library.api.publish("again.md", content)
    library.api.client.delete(f"/api/v1/documents/{first}")

    assert library.api.publish("again.md", content) == first
    assert library.api.client.get(f"/api/v1/documents/{first}/status").json()["ready"]


@pytest.mark.parametrize("path", ["", "/status", "/chunks", "/text", "/file"])
@pytest.mark.parametrize("unknown", ["00000000-0000-4000-8000-000000000000", "no-id", "%00", "..%2f..%2f.."])
def test_a_document_that_does_not_exist(library: Library, unknown: str, path: str) -> None:
    answer = library.api.client.get(f"/api/v1/documents/{unknown}{path}")

    assert problem(answer, 404, answer.json()["code"])["code"] in {"document_not_found", "not_found"}
