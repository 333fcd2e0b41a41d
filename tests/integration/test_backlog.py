"""With thousands of documents in line, a status and a page of a list read as few rows as with ten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks.queued import queue_documents
from sqlalchemy import event
from tests.pipelines import sign_of_life
from tests.servers import Databases
from tests.serving import Served, serving

from docmill.domain.status import LAST_PLACE

QUEUED = 4_000


@pytest.fixture(scope="module")
def busy(databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An API whose documents all wait in line."""
    with databases.fresh() as url, serving(url, broker_url, tmp_path_factory.mktemp("busy")) as served:
        queue_documents(served.here.app.engine, QUEUED)
        sign_of_life(served.here.app.engine)
        yield served


def rows_read(plan: dict[str, Any]) -> float:
    """How many rows the scans of a plan looked at."""
    below = sum(rows_read(part) for part in plan.get("Plans", ()))
    if "Scan" not in plan["Node Type"]:
        return below
    looked = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    return float(below + looked * plan["Actual Loops"])


def cost_of(served: Served, path: str) -> float:
    """How many rows the statements behind a request look at."""
    engine = served.here.app.engine
    statements: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        statements.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        answer = served.client.get(f"/api/v1{path}")
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert answer.status_code == 200, answer.text
    with engine.begin() as connection:
        plans = [
            connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).scalar_one()
            for statement, values in statements
        ]
    return sum(rows_read(plan[0]["Plan"]) for plan in plans)


@pytest.mark.parametrize(
    "path",
    [
        "/documents",
        "/documents?dataset=queued",
        "/documents?status=PENDING",
        "/documents?status=FAILURE",
        "/admin/tasks",
        "/admin/tasks?order=oldest",
        "/admin/tasks?task_status=PENDING",
        "/admin/tasks?task_status=FAILURE",
        "/admin/workers",
    ],
)
def test_a_page_reads_a_page_and_not_the_line(busy: Served, path: str) -> None:
    assert cost_of(busy, path) < 600  # fifty rows of a few tables each


def test_a_status_reads_no_farther_than_a_place_is_told(busy: Served) -> None:
    newest = busy.client.get("/api/v1/documents", params={"limit": 1}).json()["items"][0]["id"]
    oldest = busy.client.get("/api/v1/admin/tasks?order=oldest&limit=7").json()["items"][-1]["document_id"]
    busy.client.get(f"/api/v1/documents/{newest}/status")  # the whole line is looked at once in some seconds
    assert cost_of(busy, f"/documents/{newest}/status") < LAST_PLACE + 100
    assert cost_of(busy, f"/documents/{oldest}/status") < 100

    far_back = busy.client.get(f"/api/v1/documents/{newest}/status").json()
    assert far_back["waiting"]["place"] is None
    assert far_back["message"] == "Waiting in line at extract, behind more than 1,000 others"
    assert busy.client.get(f"/api/v1/documents/{oldest}/status").json()["waiting"]["place"] == 7
