"""Hosts whose clocks are wrong: what is due and who owns what goes by the database's clock alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clocks import MISSING, Clock, own_clock
from tests.installations import Installation, installation
from tests.polling import eventually

HOUR = 3600
LONG = "\n\n".join(f"Paragraph {n} tells of token{n} and of the river. " * 3 for n in range(1500)).encode()


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Clock]:
    with own_clock(tmp_path) as own:
        if own is None:
            pytest.skip(MISSING)
        yield own


@pytest.fixture
def here(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(fresh_database, broker, tmp_path, lease_seconds=5, step_seconds=0.05) as running:
        yield running


def lost_owners(here: Installation) -> list[object]:
    return here.rows("SELECT id FROM document_task_events WHERE kind = 'owner_lost'")


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_a_worker_whose_clock_is_wrong_does_its_work(here: Installation, clock: Clock, seconds: int) -> None:
    with clock.off(seconds):
        here.start("worker", clock.environment)
        accepted = [here.accept(f"{n}.md", f"# Ferry\n\nNumber {n}.\n".encode()) for n in range(5)]
        assert set(here.wait_until_ended(*(one.task_id for one in accepted))) == {"succeeded"}
    [seen] = here.rows("SELECT extract(epoch FROM now() - seen_at)::float8 AS seconds FROM workers")
    assert 0 <= seen.seconds < 10
    assert lost_owners(here) == []


def test_a_clock_that_is_set_in_mid_work_takes_no_document_from_its_worker(
    here: Installation, clock: Clock
) -> None:
    here.start("worker", clock.environment)
    here.start("worker")
    accepted = here.accept("long.txt", LONG)
    eventually(lambda: here.rows("SELECT id FROM document_tasks WHERE status = 'running'"))
    for seconds in (HOUR, -HOUR, 60):
        with clock.off(seconds):
            wait_for_steps(here, 3)
    assert here.wait_until_ended(accepted.task_id) == ["succeeded"]
    assert lost_owners(here) == []


def wait_for_steps(here: Installation, more: int) -> None:
    """Until so many more steps were committed, or the document has ended."""
    before = steps(here)
    eventually(lambda: steps(here) >= before + more or ended(here), 30)


def steps(here: Installation) -> int:
    return int(here.rows("SELECT coalesce(sum(steps), 0) AS n FROM stage_progress")[0].n)


def ended(here: Installation) -> bool:
    return bool(here.rows("SELECT id FROM document_tasks WHERE status = 'succeeded'"))


def test_the_doctor_names_a_clock_that_is_wrong(here: Installation, clock: Clock) -> None:
    with clock.off(-HOUR):
        told = subprocess.run(
            [sys.executable, "-m", "docmill", "doctor", "--json"],
            env={**os.environ, **here.environment, **clock.environment},
            capture_output=True,
            text=True,
            check=False,
        )
    found = {finding["code"]: finding["what"] for finding in json.loads(told.stdout)["findings"]}
    assert found["clock_skew"] == "This host is -3600 s from the database."
