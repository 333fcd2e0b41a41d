"""A document that waits always says for what, and says something else as soon as that changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.pipelines import execute, sign_of_life
from tests.serving import Served, serving


def upload(served: Served) -> str:
    return str(served.upload("ferry.md", b"# Ferry\n\nIt leaves at six.\n").json()["document_id"])


def waiting(served: Served, document: str) -> dict[str, Any]:
    status = served.client.get(f"/api/v1/documents/{document}/status").json()
    listed = served.client.get("/api/v1/documents").json()["items"][0]
    assert listed["message"].split(",")[0] == status["message"].split(",")[0]  # a list counts no places
    return {name: value for name, value in status["waiting"].items() if value is not None}


def test_it_waits_for_a_worker_that_serves_its_queue_and_then_for_its_turn(served: Served) -> None:
    document = upload(served)
    assert (waiting(served, document)["for"], waiting(served, document)["place"]) == ("no_worker", 1)

    sign_of_life(served.here.app.engine, frozenset({"embed"}))
    assert waiting(served, document)["for"] == "no_worker"
    sign_of_life(served.here.app.engine, frozenset({"extract"}))
    assert (waiting(served, document)["for"], waiting(served, document)["place"]) == ("worker", 1)


def test_it_waits_for_the_end_of_a_hold_or_a_drain(served: Served) -> None:
    document = upload(served)
    sign_of_life(served.here.app.engine)
    stage = "/api/v1/admin/stages/extract"

    served.client.post(f"{stage}/hold", json={"reason": "a new reader"})
    assert waiting(served, document).items() >= {"for": "hold", "detail": "a new reader"}.items()
    served.client.post("/api/v1/admin/drain", json={"reason": "the disk is changed"})
    assert waiting(served, document)["detail"] == "the disk is changed"
    served.client.post("/api/v1/admin/undrain")
    assert waiting(served, document)["detail"] == "a new reader"
    served.client.post(f"{stage}/release")
    assert waiting(served, document)["for"] == "worker"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("storage_unavailable", "store"),
        ("model_busy", "model"),
        ("quota_exceeded", "quota"),
        ("database_busy", "retry"),
        ("unavailable", "retry"),
    ],
)
def test_it_waits_for_a_retry_and_says_which_and_why(served: Served, code: str, reason: str) -> None:
    document = upload(served)
    execute(
        served.here.app.engine,
        """UPDATE document_tasks SET errors = 2, next_attempt_at = now() + interval '1 hour',
        error = jsonb_build_object('code', CAST(:code AS text), 'message', 'It is away.')""",
        code=code,
    )

    found = waiting(served, document)
    assert (found["for"], found["attempt"], found["attempts"]) == (reason, 2, 3)
    assert (found["detail"], "until" in found) == ("It is away.", True)


def test_it_waits_for_somebody_to_resume_it(served: Served) -> None:
    document = upload(served)
    served.client.post(f"/api/v1/documents/{document}/pause")

    assert waiting(served, document)["for"] == "resume"


def test_it_waits_for_the_broker_when_no_worker_can_hear_of_it(fresh_database: str, tmp_path: Path) -> None:
    with serving(fresh_database, "redis://127.0.0.1:9/0", tmp_path) as served:
        document = upload(served)
        sign_of_life(served.here.app.engine)

        assert waiting(served, document)["for"] == "broker"
