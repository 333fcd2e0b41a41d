"""Health, formats, the description of the API, and what it says when something it needs is away."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.serving import Served, problem, serving

from docmill.api.problems import MEDIA_TYPE
from docmill.domain.media_types import formats

NOWHERE = "127.0.0.1:9"  # the port "discard", where nobody listens


def test_a_whole_installation_is_ready(served: Served) -> None:
    for prefix in ("", "/api/v1"):
        assert served.client.get(f"{prefix}/health/live").json() == {"status": "live"}
        ready = served.client.get(f"{prefix}/health/ready")
        assert ready.status_code == 200
        assert ready.json()["status"] == "ready"
        assert all(check["ok"] for check in ready.json()["checks"].values())


def test_without_a_broker_documents_are_taken_and_wait(fresh_database: str, tmp_path: Path) -> None:
    with serving(fresh_database, f"redis://{NOWHERE}/0", tmp_path) as served:
        ready = served.client.get("/health/ready")
        accepted = served.upload("ferry.md", b"# Ferry\n")

        assert ready.status_code == 200
        assert ready.json()["status"] == "degraded"
        assert not ready.json()["checks"]["broker"]["ok"]
        assert accepted.status_code == 202
        status = served.client.get(accepted.json()["status_url"]).json()
        assert status["task_status"] == "PENDING"


def test_without_a_database_it_says_so_and_when_to_try_again(broker: str, tmp_path: Path) -> None:
    with serving(f"postgresql://docmill@{NOWHERE}/docmill", broker, tmp_path) as served:
        assert served.client.get("/health/live").status_code == 200
        ready = served.client.get("/health/ready")
        assert problem(ready, 503, "unavailable")["checks"]["database"]["ok"] is False

        for answer in (
            served.client.get("/api/v1/documents"),
            served.upload("ferry.md", b"# Ferry\n"),
            served.client.post("/api/v1/search", json={"query": "ferry"}),
        ):
            assert "password" not in problem(answer, 503, "database_unavailable")["detail"]
            assert answer.headers["retry-after"] == "5"
        assert served.stored_files() == []


def test_an_older_schema_is_not_ready(served: Served) -> None:
    with served.here.app.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    problem(served.client.get("/health/ready"), 503, "unavailable")


def test_a_storage_that_cannot_be_written_is_not_ready(served: Served) -> None:
    landing = served.here.settings.storage_path / "arriving"
    landing.rmdir()

    problem(served.client.get("/health/ready"), 503, "unavailable")
    problem(served.upload("ferry.md", b"# Ferry\n"), 503, "storage_unavailable")


def test_the_formats_that_are_read(served: Served) -> None:
    listed = served.client.get("/api/v1/formats").json()["items"]

    assert [item["media_type"] for item in listed] == [item.media_type for item in formats()]


def test_an_address_or_a_method_that_is_not_there(served: Served) -> None:
    problem(served.client.get("/api/v1/nothing"), 404, "not_found")
    answer = served.client.put("/api/v1/documents")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("documents/some", "DELETE, GET, PATCH"),
        ("documents/some/status", "GET"),
        ("documents/some/pause", "POST"),
        ("datasets/some", "GET, PATCH"),
        ("search", "POST"),
    ],
)
def test_allow_names_every_method_of_an_address(served: Served, path: str, methods: str) -> None:
    answer = served.client.put(f"/api/v1/{path}")

    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == methods


# --- the description ---------------------------------------------------------------------------------------


@pytest.fixture
def operations(served: Served) -> dict[str, Any]:
    """Every operation of the description, by method and path."""
    description = served.client.get("/openapi.json").json()
    return {
        f"{method.upper()} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


def test_every_operation_is_described_with_its_errors(operations: dict[str, Any]) -> None:
    for name, operation in operations.items():
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        assert re.fullmatch(r"[a-z_]+", operation["operationId"]), name
        if "/health/" in name:
            continue
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == [MEDIA_TYPE], (name, status)
        assert {"401", "500", "503"} <= operation["responses"].keys(), name


def test_every_body_has_a_schema_and_every_header_of_ours_is_described(operations: dict[str, Any]) -> None:
    for name, operation in operations.items():
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        contents = [content for body in bodies for content in body.get("content", {}).values()]
        assert all(content.get("schema") for content in contents), name
        if "/health/" not in name:
            assert "WWW-Authenticate" in operation["responses"]["401"]["headers"], name
            assert "Retry-After" in operation["responses"]["503"]["headers"], name

    upload = operations["POST /api/v1/documents"]
    assert {"file", "dataset", "metadata"} == upload["requestBody"]["content"]["multipart/form-data"][
        "example"
    ].keys()
    for name, statuses in (
        ("POST /api/v1/documents", ("200", "202")),
        ("POST /api/v1/datasets", ("200", "201")),
        ("POST /api/v1/webhooks", ("201",)),
        ("POST /api/v1/documents/{document_id}/reprocess", ("202",)),
    ):
        assert all("Location" in operations[name]["responses"][status]["headers"] for status in statuses)
    text = operations["GET /api/v1/documents/{document_id}/text"]["responses"]["200"]["content"]
    assert text.keys() == {"text/plain", "text/markdown", "application/json"}
    assert text["application/json"]["schema"] == {"$ref": "#/components/schemas/BlockList"}


def test_the_names_of_operations_are_stable(operations: dict[str, Any]) -> None:
    assert {name: operation["operationId"] for name, operation in operations.items()} == {
        "POST /api/v1/documents": "upload_document",
        "GET /api/v1/documents": "list_documents",
        "GET /api/v1/documents/{document_id}": "get_document",
        "DELETE /api/v1/documents/{document_id}": "delete_document",
        "PATCH /api/v1/documents/{document_id}": "change_document",
        "GET /api/v1/documents/{document_id}/status": "get_document_status",
        "GET /api/v1/documents/{document_id}/chunks": "list_document_chunks",
        "GET /api/v1/documents/{document_id}/outline": "get_document_outline",
        "GET /api/v1/documents/{document_id}/pages": "list_document_pages",
        "GET /api/v1/documents/{document_id}/pages/{number}": "get_document_page",
        "GET /api/v1/documents/{document_id}/pages/{number}/image": "get_document_page_image",
        "GET /api/v1/documents/{document_id}/text": "get_document_text",
        "PATCH /api/v1/documents/{document_id}/pages/{number}/text": "correct_document_page",
        "GET /api/v1/documents/{document_id}/file": "get_document_file",
        "GET /api/v1/documents/{document_id}/history": "get_document_history",
        "GET /api/v1/documents/{document_id}/logs": "get_document_logs",
        "GET /api/v1/events": "follow_events",
        "GET /api/v1/datasets": "list_datasets",
        "POST /api/v1/datasets": "create_dataset",
        "GET /api/v1/datasets/{dataset}": "get_dataset",
        "PATCH /api/v1/datasets/{dataset}": "change_dataset",
        "POST /api/v1/documents/{document_id}/reprocess": "reprocess_document",
        "POST /api/v1/documents/{document_id}/{verb}": "steer_document",
        "POST /api/v1/datasets/{dataset}/{verb}": "steer_dataset",
        "GET /api/v1/admin/stages": "list_stages",
        "POST /api/v1/admin/stages/{stage}/hold": "hold_stage",
        "POST /api/v1/admin/stages/{stage}/release": "release_stage",
        "POST /api/v1/admin/drain": "drain",
        "POST /api/v1/admin/undrain": "undrain",
        "POST /api/v1/search": "search",
        "GET /api/v1/webhooks": "list_webhooks",
        "POST /api/v1/webhooks": "create_webhook",
        "GET /api/v1/webhooks/{webhook_id}": "get_webhook",
        "PATCH /api/v1/webhooks/{webhook_id}": "change_webhook",
        "DELETE /api/v1/webhooks/{webhook_id}": "delete_webhook",
        "POST /api/v1/webhooks/{webhook_id}/rotate": "rotate_webhook_secret",
        "POST /api/v1/webhooks/{webhook_id}/enable": "enable_webhook",
        "POST /api/v1/webhooks/{webhook_id}/disable": "disable_webhook",
        "POST /api/v1/webhooks/{webhook_id}/test": "test_webhook",
        "GET /api/v1/webhooks/{webhook_id}/deliveries": "list_webhook_deliveries",
        "GET /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}": "get_webhook_delivery",
        "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": "replay_webhook_delivery",
        "GET /api/v1/admin/tasks": "list_tasks",
        "GET /api/v1/admin/tasks/{task_id}/history": "get_task_history",
        "GET /api/v1/admin/workers": "list_workers",
        "GET /api/v1/admin/queues": "list_queues",
        "GET /api/v1/formats": "list_formats",
        "GET /api/v1/health/live": "health_live",
        "GET /api/v1/health/ready": "health_ready",
    }


def test_every_model_has_an_example_and_every_reference_leads_somewhere(served: Served) -> None:
    description = served.client.get("/openapi.json").json()
    schemas = description["components"]["schemas"]

    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(description)))
    assert references <= schemas.keys()
    assert "HTTPValidationError" not in schemas
    parts = {"LegView", "ScoresView", "FieldError"}
    for name, schema in schemas.items():
        if schema.get("type") == "object" and name not in parts:
            assert "example" in schema, name
