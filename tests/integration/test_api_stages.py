"""Holds and drains over HTTP and on the command line, with a real worker that obeys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.polling import eventually
from tests.serving import KEY, Served, problem, serving
from typer.testing import CliRunner

from docmill.cli.app import command_line
from docmill.domain.states import StageName

LONG = "\n\n".join(f"Paragraph {n} tells of token{n} and of the river. " * 3 for n in range(6000)).encode()
RULES = b"# Rules\n\nThe ferry does not sail in fog.\n"


@pytest.fixture
def api(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Served]:
    with serving(fresh_database, broker, tmp_path, step_seconds=0.1, worker_processes=1) as served:
        yield served


def in_work(api: Served) -> list[str]:
    return [row.stage for row in api.here.rows("SELECT stage FROM document_tasks WHERE status = 'running'")]


def test_a_drained_installation_takes_files_in_and_works_on_none_until_the_drain_ends(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCMILL_API_URL", api.url)
    monkeypatch.setenv("DOCMILL_API_KEY", KEY)
    api.here.start("worker")
    large = api.upload("large.txt", LONG).json()
    eventually(lambda: in_work(api), 30)

    drained = CliRunner().invoke(command_line(), ["drain", "--wait", "--reason", "An upgrade."])
    assert drained.stdout.endswith("drained: 0 still in work\n")
    assert in_work(api) == []
    small = api.upload("rules.md", RULES).json()
    shown = CliRunner().invoke(command_line(), ["stages"])
    assert "An upgrade." in shown.stdout

    assert CliRunner().invoke(command_line(), ["undrain"]).exit_code == 0
    tasks = UUID(large["task_id"]), UUID(small["task_id"])
    assert api.here.wait_until_ended(*tasks) == ["succeeded"] * 2


def test_a_held_stage_is_shown_with_its_reason_and_what_waits_for_it(api: Served) -> None:
    api.upload("rules.md", RULES)
    for _ in range(2):
        held = api.client.post("/api/v1/admin/stages/extract/hold", json={"reason": "New reader."})
        assert held.status_code == 200
    (first, *others) = held.json()["items"]
    assert (first["held"], first["reason"], first["queued"]) == (True, "New reader.", 1)
    assert [stage["held"] for stage in others] == [False] * (len(StageName) - 1)
    assert api.client.get("/api/v1/admin/stages").json() == held.json()

    for _ in range(2):
        released = api.client.post("/api/v1/admin/stages/extract/release").json()
        assert not any(stage["held"] for stage in released["items"])
    problem(api.client.post("/api/v1/admin/stages/thinking/hold"), 422, "invalid_request")
