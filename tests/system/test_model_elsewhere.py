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
    """The API and a worker, whose first retry comes after a second."""
    with serving(fresh_database, broker, tmp_path, retry_seconds=1, **model.settings) as running:
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
    assert told["attempt"] >= 1

    model.usual = None
    assert served.here.wait_until_ended(*tasks(served.here)) == ["succeeded"]
    found = served.client.post("/api/v1/search", json={"query": "how high may the river stand"}).json()
    assert "3.2 metres" in found["hits"][0]["text"]


def test_a_document_waits_for_quota_and_the_doctor_names_it(served: Served, model: ModelServer) -> None:
    model.usual = NO_QUOTA
    document = served.upload("rules.md", RULES).json()["document_id"]

    told = waits_for(served, document, "quota")
    assert told["detail"].startswith("The quota for the embedding model is used up.")
    about_it, *_ = examine(served.here.settings, UUID(document)).findings
    assert about_it.cause is Cause.QUOTA_EXCEEDED
    assert about_it.what.startswith("Tried again at embed in 3")


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


def tasks(here: Installation) -> list[Any]:
    return [row.id for row in here.rows("SELECT id FROM document_tasks")]
