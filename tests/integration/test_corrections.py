"""A person corrects the text of a page: a new version on the base of the published one, by real workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
from tests import made_files as made
from tests.pages import put_pages
from tests.polling import eventually
from tests.servers import Databases
from tests.serving import Served, problem, serving

from docmill.db.results import write
from docmill.domain.documents import ChunkSettings, Page, PageLoss, ReaderChoice, TextSource
from docmill.domain.ids import VersionRef
from docmill.domain.recognition import OcrSettings
from docmill.domain.revision import CORRECTED
from docmill.ports import Embedded, Embedder
from docmill.services.maintenance import discard_versions
from docmill.services.revisions import Revisions
from docmill.stages.contract import Work
from docmill.stages.embed import Embed

# Each page is a passage: two are more than the 32 tokens that one may have.
TEXTS = [
    f"Passengers of cabin {n} sit on deck {n} from the landing until the ferry leaves again, and then "
    f"they walk to the upper deck by staircase {n}."
    for n in range(1, 7)
]
CHUNKING = {"size": 32, "overlap": 0, "unit": "tokens"}
NEW = "Dogs travel on a leash.\n\nCats travel in a box."


@pytest.fixture(scope="module")
def api(databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with databases.fresh() as url, serving(url, broker_url, tmp_path_factory.mktemp("corrections")) as api:
        api.here.start("worker")
        yield api


@pytest.fixture
def handbook(api: Served) -> str:
    """A published PDF of six pages."""
    dataset = uuid4().hex[:8]
    api.client.post("/api/v1/datasets", json={"name": dataset, "chunking": CHUNKING})
    document = api.publish("handbook.pdf", made.pdf(TEXTS), dataset=dataset)
    put_pages(api.here, UUID(document), [Page(n, 612, 792) for n in range(1, 7)])
    return document


def page_of(api: Served, document: str, number: int) -> dict[str, Any]:
    answer: dict[str, Any] = api.client.get(f"/api/v1/documents/{document}/pages/{number}").json()
    return answer


def patch(api: Served, document: str, number: int, **body: object) -> httpx.Response:
    return api.client.patch(f"/api/v1/documents/{document}/pages/{number}/text", json=body)


def correct(api: Served, document: str, number: int, text: str) -> UUID:
    """Correct a page and wait until that is published; the id of the task."""
    answer = patch(api, document, number, text=text)
    assert answer.status_code == 202, answer.text
    task = UUID(answer.json()["task_id"])
    assert api.here.wait_until_ended(task) == ["succeeded"]
    return task


def vectors(api: Served, document: str) -> dict[str, str]:
    """The vector of each passage that readers see, by its text."""
    return {row.text: row.vector for row in api.here.content(UUID(document))}


def embedded(api: Served, task: UUID) -> int:
    """How many texts were given to the model for a task: those that were not taken over."""
    (row,) = api.here.rows(
        """SELECT v.total_chunks - (p.cursor->>'taken')::int AS n FROM stage_progress p
        JOIN document_tasks t ON t.id = p.task_id JOIN document_versions v ON v.id = t.version_id
        WHERE p.task_id = :task AND p.stage = 'embed'""",
        task=task,
    )
    return int(row.n)


def test_a_corrected_page_is_what_readers_see(api: Served, handbook: str) -> None:
    before = api.client.get(f"/api/v1/documents/{handbook}/text").text

    answer = patch(api, handbook, 3, text=NEW, base_version=1)
    assert answer.headers["location"] == f"/api/v1/documents/{handbook}/status"
    assert answer.json()["created"] is True
    api.here.wait_until_ended(UUID(answer.json()["task_id"]))

    page = page_of(api, handbook, 3)
    assert (page["text"], page["source"], page["version"]) == (NEW, "correction", 2)
    assert [block["text"] for block in page["blocks"]] == NEW.split("\n\n")
    after = api.client.get(f"/api/v1/documents/{handbook}/text").text
    assert after == before.replace(page["corrections"][0]["previous_text"], NEW)
    document = api.client.get(f"/api/v1/documents/{handbook}").json()
    assert (document["version"], document["pages"], document["characters"]) == (2, 6, len(after))
    assert document["notices"] == [f"{CORRECTED}3."]
    hits = api.client.post(
        "/api/v1/search", json={"query": "cats in a box", "document_ids": [handbook]}
    ).json()
    assert "Cats travel" in hits["hits"][0]["text"]
    assert hits["hits"][0]["pages"] == [3]


def test_both_texts_are_kept(api: Served, handbook: str) -> None:
    first = page_of(api, handbook, 2)["text"]
    correct(api, handbook, 2, "The second text.")
    correct(api, handbook, 2, "The third text.")

    corrections = page_of(api, handbook, 2)["corrections"]

    assert [(c["version"], c["previous_text"], c["text"]) for c in corrections] == [
        (3, "The second text.", "The third text."),
        (2, first, "The second text."),
    ]
    assert all(c["published_at"] for c in corrections)
    assert page_of(api, handbook, 1)["corrections"] == []
    discard_versions(api.here.app.engine, api.here.app.vectors)
    assert statuses(api, handbook) == ["erased", "erased", "published"]
    assert len(page_of(api, handbook, 2)["corrections"]) == 2


def test_only_what_the_correction_touches_is_embedded(api: Served, handbook: str) -> None:
    before = vectors(api, handbook)

    task = correct(api, handbook, 5, NEW)

    after = vectors(api, handbook)
    touched = [text for text in after if text not in before]
    assert embedded(api, task) == len(touched) < len(after)
    assert all("travel" in text for text in touched)
    assert {text: before[text] for text in after if text in before} == {
        text: after[text] for text in after if text in before
    }


class Noting:
    """The embedder of the installation, noting the texts it is given."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.texts: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    def embed(self, texts: Sequence[str]) -> Embedded:
        self.texts += texts
        return self._embedder.embed(texts)


def test_the_model_is_given_the_texts_of_the_corrected_page_and_no_other(api: Served, handbook: str) -> None:
    api.client.post("/api/v1/admin/stages/embed/hold")
    patch(api, handbook, 5, text=NEW)
    (work,) = eventually(lambda: waiting_for_vectors(api, handbook))
    noting = Noting(api.here.app.embedder)
    stage = Embed(api.here.app.engine, cast(Embedder, noting), step_seconds=0.5)

    for step in stage.run(work):
        with api.here.app.engine.begin() as connection:
            write(connection, *step.results)
            if step.save:
                step.save(connection)

    assert noting.texts == [
        row.text for row in chunks_of(api, work.version.version_id) if "travel" in row.text
    ]
    assert noting.texts
    api.client.post("/api/v1/admin/stages/embed/release")  # a worker does the same once more
    assert api.here.wait_until_ended(work.task_id) == ["succeeded"]


def waiting_for_vectors(api: Served, document: str) -> list[Work]:
    """What the held stage will be handed for a document, once it waits there."""
    rows = api.here.rows(
        """SELECT t.id, t.dataset_id, t.version_id, d.active_version_id, v.total_chunks
        FROM document_tasks t JOIN documents d ON d.id = t.document_id
        JOIN document_versions v ON v.id = t.version_id
        WHERE t.document_id = :id AND t.stage = 'embed' AND t.status = 'queued'""",
        id=UUID(document),
    )
    return [
        Work(
            task_id=row.id,
            version=VersionRef("default", row.dataset_id, UUID(document), row.version_id),
            name="",
            media_type="",
            storage_key="",
            chunking=ChunkSettings(),
            reader=ReaderChoice.DOCMILL,
            ocr=OcrSettings(),
            language=None,
            total_chunks=row.total_chunks,
            cursor={},
            published=row.active_version_id,
        )
        for row in rows
    ]


def chunks_of(api: Served, version: UUID) -> list[Any]:
    return api.here.rows("SELECT text FROM chunks WHERE version_id = :id ORDER BY ordinal", id=version)


def test_a_page_that_could_not_be_read_gets_a_text(api: Served, handbook: str) -> None:
    lost = Page(6, 612, 792, source=TextSource.NONE, missing=PageLoss("reader_crashed", "It crashed."))
    put_pages(api.here, UUID(handbook), [*(Page(n, 612, 792) for n in range(1, 6)), lost])

    correct(api, handbook, 6, NEW)

    page = page_of(api, handbook, 6)
    assert (page["missing"], page["text"]) == (None, NEW)


def test_a_correction_survives_reading_the_file_again(api: Served, handbook: str) -> None:
    correct(api, handbook, 4, NEW)
    text = api.client.get(f"/api/v1/documents/{handbook}/text").text

    answer = api.client.post(f"/api/v1/documents/{handbook}/reprocess").json()
    api.here.wait_until_ended(UUID(answer["task_id"]))

    assert api.client.get(f"/api/v1/documents/{handbook}/text").text == text
    document = api.client.get(f"/api/v1/documents/{handbook}").json()
    assert document["version"] == 3
    assert document["notices"] == [f"{CORRECTED}4."]


def test_reading_again_computes_no_vector_twice(api: Served, handbook: str) -> None:
    before = vectors(api, handbook)

    answer = api.client.post(f"/api/v1/documents/{handbook}/reprocess").json()
    api.here.wait_until_ended(UUID(answer["task_id"]))

    assert vectors(api, handbook) == before
    assert embedded(api, UUID(answer["task_id"])) == 0


def test_pages_can_be_read_again_alone(api: Served, handbook: str) -> None:
    """As a retry does for pages that could not be read."""
    text = api.client.get(f"/api/v1/documents/{handbook}/text").text
    execute = api.here.app.engine.begin
    with execute() as connection:
        connection.exec_driver_sql(
            "DELETE FROM blocks USING documents d WHERE d.id = %s AND version_id = d.active_version_id "
            "AND page IN (2, 3)",
            (UUID(handbook),),
        )
    assert page_of(api, handbook, 2)["text"] == ""

    app = api.here.app
    accepted = Revisions(app.engine, app.dispatcher, run_on_bytes=10**6).read_again(
        "default", UUID(handbook), [3, 2]
    )
    assert api.here.wait_until_ended(accepted.task_id) == ["succeeded"]

    assert api.client.get(f"/api/v1/documents/{handbook}/text").text == text


def test_the_same_text_again_changes_nothing(api: Served, handbook: str) -> None:
    correct(api, handbook, 1, NEW)

    answer = patch(api, handbook, 1, text=f"\n{NEW}  \n")

    assert answer.json()["created"] is False
    assert api.client.get(f"/api/v1/documents/{handbook}").json()["version"] == 2


def test_a_correction_sent_twice_is_made_once(api: Served, handbook: str) -> None:
    url = f"/api/v1/documents/{handbook}/pages/1/text"
    first = api.client.patch(url, json={"text": NEW}, headers={"Idempotency-Key": "once"})
    again = api.client.patch(url, json={"text": NEW}, headers={"Idempotency-Key": "once"})

    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = api.client.patch(url, json={"text": "Other."}, headers={"Idempotency-Key": "once"})
    problem(other, 422, "idempotency_key_reused")
    api.here.wait_until_ended(UUID(first.json()["task_id"]))


# --- what cannot be corrected ------------------------------------------------------------------------------


def test_whoever_corrects_an_older_version_is_told(api: Served, handbook: str) -> None:
    correct(api, handbook, 1, NEW)

    problem(patch(api, handbook, 2, text="Too late.", base_version=1), 409, "stale_version")


@pytest.mark.parametrize("text", ["", " \n\t ", "x" * 100_001, "a\0b", None])
def test_a_correction_needs_a_text(api: Served, handbook: str, text: str | None) -> None:
    problem(patch(api, handbook, 1, text=text), 422, "invalid_request")


def test_what_is_not_there_cannot_be_corrected(api: Served, handbook: str) -> None:
    problem(patch(api, handbook, 7, text=NEW), 404, "page_not_found")
    problem(patch(api, str(uuid4()), 1, text=NEW), 404, "document_not_found")
    text = api.publish("a.txt", uuid4().bytes.hex().encode())
    problem(patch(api, text, 1, text=NEW), 404, "page_not_found")


def test_a_document_in_work_cannot_be_corrected(served: Served) -> None:
    document = served.upload("a.pdf", made.pdf(TEXTS)).json()["document_id"]

    problem(patch(served, document, 1, text=NEW), 409, "wrong_state")


# --- steered as any other work -----------------------------------------------------------------------------


@pytest.fixture
def waiting(api: Served, handbook: str) -> Iterator[str]:
    """A handbook with a correction of page 2 that waits for its stage to be released."""
    api.client.post("/api/v1/admin/stages/chunk/hold")
    assert patch(api, handbook, 2, text=NEW).status_code == 202
    yield handbook
    api.client.post("/api/v1/admin/stages/chunk/release")


def steer(api: Served, document: str, verb: str) -> dict[str, Any]:
    answer: dict[str, Any] = api.client.post(f"/api/v1/documents/{document}/{verb}").json()
    return answer


def test_a_correction_that_is_cancelled_never_was(api: Served, waiting: str) -> None:
    assert page_of(api, waiting, 2)["corrections"][0]["published_at"] is None
    steer(api, waiting, "cancel")

    page = page_of(api, waiting, 2)
    assert (page["source"], page["corrections"]) == ("layer", [])


def test_a_cancelled_correction_can_be_taken_up_again(api: Served, waiting: str) -> None:
    steer(api, waiting, "cancel")
    status = steer(api, waiting, "retry")
    api.client.post("/api/v1/admin/stages/chunk/release")
    api.here.wait_until_ended(UUID(status["task_id"]))

    page = page_of(api, waiting, 2)
    assert (page["text"], page["version"]) == (NEW, 3)


def test_a_correction_can_be_paused(api: Served, waiting: str) -> None:
    assert steer(api, waiting, "pause")["task_status"] == "PAUSED"
    problem(patch(api, waiting, 1, text=NEW), 409, "wrong_state")
    status = steer(api, waiting, "resume")
    api.client.post("/api/v1/admin/stages/chunk/release")
    api.here.wait_until_ended(UUID(status["task_id"]))

    assert page_of(api, waiting, 2)["text"] == NEW


def statuses(api: Served, document: str) -> list[str]:
    """Of the versions of a document, oldest first."""
    rows = api.here.rows(
        "SELECT status FROM document_versions WHERE document_id = :id ORDER BY number", id=UUID(document)
    )
    return [row.status for row in rows]
