"""`docmill up` as its user meets it: it comes up, repairs itself, and goes without a trace."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import psutil
import pytest
from tests.forking import FORKING
from tests.installations import small_environment
from tests.polling import eventually
from tests.servers import temporary_home

from docmill.local.leftovers import end, servers_in, started_for
from docmill.local.readiness import api_process_answers
from docmill.local.state import State, read_state, running_pid

pytestmark = pytest.mark.slow


def docmill(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return FORKING.run(*words, environment=small_environment(home, **more))


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as home:
        yield home
        end(everything_of(home), patience=0.0)


@contextlib.contextmanager
def running_up(home: Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], State]]:
    """A `docmill up` in the foreground, ready; asked to stop at the end if nobody did."""
    with subprocess.Popen(
        [sys.executable, "-m", "docmill", "up"],
        env=small_environment(home, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            state = eventually(lambda: process.poll() is not None or read_state(home), seconds=60)
            assert isinstance(state, State), process.stdout and process.stdout.read()
            yield process, state
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(15)


def everything_of(home: Path) -> list[psutil.Process]:
    return [*started_for(home), *servers_in(home / "postgres" / "data"), *servers_in(home / "redis")]


def pid_of(home: Path, part: str) -> int | None:
    state = read_state(home)
    return next((one.pid for one in state.parts if one.name == part), None) if state else None


def started_again(home: Path, part: str, before: int | None, seconds: float = 15) -> int:
    """The process of a part once it is another than before."""
    after = eventually(lambda: pid_of(home, part) not in (None, before) and pid_of(home, part), seconds)
    assert after
    return after


def answers(state: State) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{state.api_url}/health/ready", timeout=5).status_code == httpx.codes.OK
    return False


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_it_comes_up_says_where_it_is_and_goes_without_a_trace(home: Path, stop: signal.Signals) -> None:
    with running_up(home) as (process, state):
        assert answers(state)
        key = (home / "api_key").read_text()
        process.send_signal(stop)
        asked = time.monotonic()
        said, _ = process.communicate(timeout=15)
        took = time.monotonic() - asked
    assert process.returncode == 0
    assert took < 10
    assert f"API {state.api_url}/api/v1 · docs {state.api_url}/docs\n" in said
    assert f"\n{state.api_url}/docs?key={key}\n" in said
    assert f"key       kept in {home / 'api_key'}" in said
    assert "Ctrl-C stops everything." in said
    assert everything_of(home) == []
    assert list((home / "run").iterdir()) == []
    assert key not in (home / "logs" / "supervisor.log").read_text()


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Path, State]]:
    with temporary_home() as home, running_up(home, DOCMILL_API_PROCESSES="2") as (_, state):
        yield home, state


def test_everything_it_keeps_is_private_and_nothing_listens_outside(running: tuple[Path, State]) -> None:
    home, state = running
    doctor = docmill(home, "doctor", "--json")
    report = json.loads(doctor.stdout)
    assert (doctor.returncode, report["healthy"], report["findings"]) == (0, True, [])
    assert "no port is open to other machines" in doctor.stdout
    tree = psutil.Process(state.pid).children(recursive=True)
    words = " ".join(word for one in tree for word in one.cmdline())
    for path in (home / "api_key", home / "run" / "up.json", *(home / "secrets").iterdir()):
        assert path.stat().st_mode & 0o077 == 0
        assert path.name == "up.json" or path.read_text() not in words


def test_beat_sends_its_messages_and_nobody_reports_an_error(running: tuple[Path, State]) -> None:
    home, _ = running
    eventually(lambda: "docmill.recover" in (home / "logs" / "beat.log").read_text(), seconds=15)
    for log in (home / "logs").glob("*.log"):
        assert '"level": "error"' not in log.read_text(), log.name


@pytest.mark.parametrize("part", ["worker", "beat", "api", "api-2", "forks", "redis", "postgres"])
def test_a_part_that_is_killed_is_started_again(running: tuple[Path, State], part: str) -> None:
    home, state = running
    before = pid_of(home, part)
    forks = {forked: pid_of(home, forked) for forked in ("worker", "beat", "api", "api-2")}
    assert before is not None
    os.kill(before, signal.SIGKILL)
    after = started_again(home, part, before)
    eventually(lambda: answers(state), seconds=30)
    eventually(lambda: not part.startswith("api") or api_process_answers(after), seconds=30)
    if part == "forks":
        for forked, ended in forks.items():
            started_again(home, forked, ended)
    assert f"{part} was ended by SIGKILL" in (home / "logs" / "supervisor.log").read_text()


def test_a_process_of_the_api_that_hangs_is_seen_and_started_again(running: tuple[Path, State]) -> None:
    home, _ = running
    hanging = pid_of(home, "api-2")
    assert hanging is not None
    os.kill(hanging, signal.SIGSTOP)
    found = json.loads(docmill(home, "doctor", "--json").stdout)["findings"]
    assert [(one["code"], one["subject"]) for one in found if one["subject"] == "api-2"] == [
        ("api_silent", "api-2")
    ]
    after = started_again(home, "api-2", hanging, seconds=40)
    eventually(lambda: api_process_answers(after), seconds=30)
    assert "api-2 does not answer; it is ended." in (home / "logs" / "supervisor.log").read_text()


def test_the_processes_of_the_api_divide_its_requests(running: tuple[Path, State]) -> None:
    home, state = running
    key = {"X-API-Key": (home / "api_key").read_text()}

    def both_have_answered() -> bool:
        httpx.get(f"{state.api_url}/api/v1/formats", headers=key)  # by a connection of its own
        return all(
            '"event": "request"' in (home / "logs" / f"{name}.log").read_text() for name in ("api", "api-2")
        )

    eventually(both_have_answered, seconds=30)


def test_a_second_one_on_the_same_data_directory_is_told_so(running: tuple[Path, State]) -> None:
    home, state = running
    second = docmill(home, "up")
    assert second.returncode == 1
    assert f"process {state.pid}" in second.stderr
    assert "docmill down" in second.stderr


def test_another_one_does_not_slip_in_beside_it_on_its_port(running: tuple[Path, State], home: Path) -> None:
    _, state = running
    port = state.api_url.rpartition(":")[2]
    refused = docmill(home, "up", DOCMILL_API_PORT=port)
    assert refused.returncode == 1
    assert f"Port {port} cannot be used" in refused.stderr


def test_parts_that_hang_do_not_hold_up_the_stop(home: Path) -> None:
    with running_up(home, DOCMILL_API_PROCESSES="2") as (process, state):
        for part in state.parts:
            assert part.pid is not None
            os.kill(part.pid, signal.SIGSTOP)
        process.terminate()
        process.wait(15)  # it takes nine seconds where nothing else runs
    assert everything_of(home) == []


def test_a_supervisor_that_is_killed_leaves_nothing_that_stops_the_next(home: Path) -> None:
    with running_up(home, DOCMILL_API_PROCESSES="2") as (process, _):
        process.kill()
        process.wait()
        eventually(lambda: not everything_of(home), seconds=10)
        assert running_pid(home) is None
    with running_up(home) as (_, state):
        assert answers(state)


def test_a_taken_port_is_named_with_the_setting_to_change(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = docmill(home, "up", DOCMILL_API_PORT=str(port))
    assert refused.returncode == 1
    assert f"Port {port}" in refused.stderr
    assert "DOCMILL_API_PORT" in refused.stderr
    assert everything_of(home) == []


def test_servers_of_your_own_are_used_and_none_is_started(
    home: Path, fresh_database: str, broker: str
) -> None:
    urls: Mapping[str, str] = {"DOCMILL_DATABASE_URL": fresh_database, "DOCMILL_BROKER_URL": broker}
    with running_up(home, **urls) as (_, state):
        assert answers(state)
        assert [part.name for part in state.parts if part.pid] == ["forks", "worker", "beat", "api"]
        assert (state.database_url, state.broker_url) == (fresh_database, broker)
    assert not (home / "postgres").exists()
    assert not (home / "redis").exists()


def test_it_can_run_without_a_terminal_until_it_is_told_to_stop(home: Path) -> None:
    """`docmill down` sends it SIGTERM, as a service manager does."""
    assert docmill(home, "down").stdout.strip() == "docmill is not running on this data directory."
    started = docmill(home, "up", "--detach")
    assert started.returncode == 0, started.stderr
    assert "`docmill down` stops everything." in started.stdout
    state = read_state(home)
    assert state is not None
    assert answers(state)
    stopped = docmill(home, "down")
    assert (stopped.returncode, stopped.stdout.strip()) == (0, "docmill has stopped.")
    assert everything_of(home) == []
    assert list((home / "run").iterdir()) == []


def test_without_a_terminal_a_failed_start_is_still_reported(home: Path) -> None:
    failed = docmill(home, "up", "--detach", DOCMILL_REDIS_BIN=str(home / "nowhere"))
    assert failed.returncode == 1
    assert "No Redis-protocol server is installed" in failed.stderr
    assert everything_of(home) == []
