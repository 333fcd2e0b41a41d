"""A real worker and a model on a server that refuses, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.installations import Installation
from tests.model_servers import DOWN, KEY, NO_QUOTA, ModelServer, error, serving_model
from tests.polling import eventually
from tests.serving import Served, serving

from docmill.domain.findings import Cause
from docmill.local.doctor import examine

RULES = b"# Ferry rules\n\nThe ferry does not sail when the river stands above 3.2 metres.\n"


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with serving_model() as running:
        yield running


@pytest.fixture
def served(model: ModelServer, fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Served]:
    """The API and a worker that tries a thing twice, a third of a second apart."""
    often = {"retry_seconds": 0.3, "retry_limit": 1}
    with serving(fresh_database, broker, tmp_path, **often, **model.settings) as running:
        running.here.start("worker")
        yield running


def waiting(served: Served, document: str) -> dict[str, Any]:
    """What the document waits for; empty while it is in work."""
    status = served.client.get(f"/api/v1/documents/{document}/status").json()
    return dict(status["waiting"] or {})


def waits_for(served: Served, document: str, reason: str) -> dict[str, Any]:
    """What it says of that wait, as soon as it waits for that."""

    def look() -> dict[str, Any]:
        told = waiting(served, document)
        return told if told.get("for") == reason else {}

    return eventually(look, 30)


def test_a_document_waits_for_its_model_and_goes_on_when_that_is_back(
    served: Served, model: ModelServer
) -> None:
    model.usual = DOWN
    document = served.upload("rules.md", RULES).json()["document_id"]

    told = waits_for(served, document, "model")
    assert told["detail"] == "The server of the embedding model answers 500."
    assert told["until"] is not None

    model.usual = None
    assert served.here.wait_until_ended(*tasks(served.here)) == ["succeeded"]
    found = served.client.post("/api/v1/search", json={"query": "how high may the river stand"}).json()
    assert "3.2 metres" in found["hits"][0]["text"]


def test_an_outage_fails_nothing_however_long_it_is_and_no_document_is_tried_meanwhile(
    served: Served, model: ModelServer
) -> None:
    model.usual = DOWN
    documents = [served.upload(f"{n}.md", RULES + b"%d\n" % n).json()["document_id"] for n in range(4)]
    for document in documents:
        waits_for(served, document, "model")

    calls, history = model.calls, served.count("document_task_events")
    eventually(lambda: model.calls >= calls + 4, 30)  # more often than a document is tried by itself
    assert set(model.texts()[-3:]) == {"docmill"}
    assert served.count("document_task_events") == history
    assert served.here.rows("SELECT DISTINCT status FROM document_tasks") == [("queued",)]

    model.usual = None
    assert served.here.wait_until_ended(*tasks(served.here)) == ["succeeded"] * 4


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_a_document_that_breaks_the_model_fails_alone(
    served: Served, model: ModelServer, seconds: float
) -> None:
    model.poison, model.stunned_seconds = "leviathan", seconds
    poisoned = served.upload("whale.md", b"# Whales\n\nThe leviathan sleeps.\n", priority="9").json()
    served.publish("rules.md", RULES)

    assert served.here.wait_until_ended(UUID(poisoned["task_id"])) == ["failed"]
    status = served.client.get(f"/api/v1/documents/{poisoned['document_id']}/status").json()
    assert (status["error"]["code"], status["retries"]) == ("model_unavailable", 1)
    eventually(lambda: resting(served) == [], 30)


def test_a_document_waits_for_quota_and_the_doctor_names_it(served: Served, model: ModelServer) -> None:
    model.usual = NO_QUOTA
    document = served.upload("rules.md", RULES).json()["document_id"]

    told = waits_for(served, document, "quota")
    assert told["detail"].startswith("The quota for the embedding model is used up.")
    found = examine(served.here.settings, UUID(document)).findings
    of_the_stage = [finding.cause for finding in found if finding.subject.startswith("stage embed on ")]
    assert (found[0].cause, of_the_stage) == (Cause.QUOTA_EXCEEDED, [Cause.QUOTA_EXCEEDED])
    assert found[0].what.startswith("It waits at embed. It rests since ")
    assert [stage["stage"] for stage in resting(served)] == ["embed"]


def test_who_raised_the_quota_need_not_wait_until_it_is_asked_for(served: Served, model: ModelServer) -> None:
    model.usual = NO_QUOTA
    waits_for(served, served.upload("rules.md", RULES).json()["document_id"], "quota")

    model.usual = None
    served.client.post("/api/v1/admin/stages/embed/release")
    assert served.here.wait_until_ended(*tasks(served.here)) == ["succeeded"]


def test_a_storage_that_is_away_fails_nothing_either(served: Served) -> None:
    served.client.post("/api/v1/admin/stages/extract/hold")
    document = served.upload("rules.md", RULES).json()["document_id"]
    originals = served.here.settings.storage_path / "originals"
    originals.rename(originals.with_name("unplugged"))
    served.client.post("/api/v1/admin/stages/extract/release")

    waits_for(served, document, "store")
    eventually(lambda: resting(served), 30)
    asked = resting(served)[0]["until"]
    eventually(lambda: resting(served)[0]["until"] > asked, 30)
    assert served.here.rows("SELECT status, errors FROM document_tasks") == [("queued", 1)]
    originals.with_name("unplugged").rename(originals)
    assert served.here.wait_until_ended(*tasks(served.here)) == ["succeeded"]


def test_a_key_that_is_not_taken_fails_the_document_at_once_and_is_told_nowhere(
    served: Served, model: ModelServer
) -> None:
    model.usual = error(401, "invalid_api_key")
    document = served.upload("rules.md", RULES).json()["document_id"]

    assert served.here.wait_until_ended(*tasks(served.here)) == ["failed"]
    told = served.client.get(f"/api/v1/documents/{document}/status").json()["error"]
    assert (told["code"], "DOCMILL_EMBED_KEY" in told["message"]) == ("model_unfit", True)
    logs = "".join(path.read_text() for path in served.here.settings.home.glob("*.log"))
    assert "stage_failed" in logs
    assert KEY[:12] not in logs


def test_a_search_says_when_its_model_is_away(served: Served, model: ModelServer) -> None:
    model.usual = DOWN
    answer = served.client.post("/api/v1/search", json={"query": "river"})
    assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
    assert served.client.post("/api/v1/search", json={"query": "river", "mode": "lexical"}).is_success


def test_what_is_away_from_one_host_alone_stops_no_other(served: Served) -> None:
    record = """INSERT INTO stage_outages (stage, host, queue, service, code, message, until)
    VALUES ('embed', 'elsewhere:boot:1', 'embed', 'model', 'model_unavailable', 'Away.', now() + '1 hour')
    RETURNING host"""
    served.here.rows(record)
    served.publish("rules.md", RULES)
    assert served.client.get("/api/v1/documents").json()["items"][0]["ready"] is True


def resting(served: Served) -> list[dict[str, Any]]:
    """The stages that ask again by themselves."""
    stages = served.client.get("/api/v1/admin/stages").json()["items"]
    return [stage for stage in stages if stage["until"]]


def tasks(here: Installation) -> list[Any]:
    return [row.id for row in here.rows("SELECT id FROM document_tasks")]
