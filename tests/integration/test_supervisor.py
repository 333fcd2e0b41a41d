"""What the supervisor does with its children, shown with children of one line each."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from signal import Signals

import psutil
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine
from tests.pipelines import execute
from tests.polling import eventually

from docmill.domain.errors import AlreadyRunning, SetupError
from docmill.local import postgres, product, redis
from docmill.local.addresses import choose_port
from docmill.local.forks import ForkServer
from docmill.local.health import watching_health
from docmill.local.process import LogFile, Part, Process, Stop, stop_together
from docmill.local.readiness import worker_ails
from docmill.local.signals import StopSignals
from docmill.local.state import only_one, prepare_home, read_state, running_pid, secret
from docmill.local.supervisor import StopAsked, Supervisor, next_delay
from docmill.pipeline.owner import this_host
from docmill.settings import load_settings

FOR_EVER = "import time; print('here I am', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FOR_EVER}"
TERM_THEN_KILL = (Stop(Signals.SIGTERM, 0), Stop(Signals.SIGKILL, 0.3))


def python(name: str, script: str) -> Part:
    return Part(
        name=name,
        command=[sys.executable, "-c", script],
        address="",
        environment={},
        is_ready=lambda _pid: True,
        stops=TERM_THEN_KILL,
    )


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def signals() -> Iterator[StopSignals]:
    with StopSignals() as signals:
        yield signals


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str], signals: StopSignals) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path, said.append, signals)
    yield supervisor
    supervisor.stop()
    assert not any(part.pid and psutil.pid_exists(part.pid) for part in supervisor.running)


def test_a_child_that_ends_is_started_again_and_that_is_said(supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start(python("sleeper", FOR_EVER))
    [before] = supervisor.running
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    supervisor.watch(changed=lambda: os.kill(os.getpid(), signal.SIGTERM))
    [after] = supervisor.running
    assert after.pid != before.pid
    assert said[0].startswith("sleeper was ended by SIGKILL; it is started again in 0.5 s.")
    assert said[1].startswith("sleeper is started again")


def test_a_restart_that_the_machine_refuses_is_tried_again(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    answers = iter((None, OSError(errno.ENOSPC, "No space left on device"), None))

    def on_a_full_disk() -> None:
        if answer := next(answers):
            raise answer

    supervisor.start(replace(python("sleeper", FOR_EVER), before_start=on_a_full_disk))
    [before] = supervisor.running
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    supervisor.watch(changed=lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert said[1].startswith("sleeper could not be started: No space left on device; ")
    assert said[2].startswith("sleeper is started again")


def test_the_waits_between_restarts_double_up_to_half_a_minute() -> None:
    waits = [next_delay(0.0, ran=1.0)]
    while len(waits) < 8:
        waits.append(next_delay(waits[-1], ran=1.0))
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert next_delay(30.0, ran=21.0) == 0.5
    assert next_delay(30.0, ran=1.0, code=os.EX_TEMPFAIL) == 0.5  # it asked for a new start


def test_a_child_that_cannot_start_is_reported_with_its_last_words(supervisor: Supervisor) -> None:
    broken = python("broken", "import sys, time; time.sleep(0.1); sys.exit('no such luck')")
    with pytest.raises(SetupError, match=r"broken ended with exit code 1 while starting: no such luck"):
        supervisor.start(broken, _never_ready())


def _never_ready() -> Part:
    return Part("waiting", [sys.executable, "-c", FOR_EVER], "", {}, lambda _pid: False, TERM_THEN_KILL)


def test_a_stop_signal_is_heard_while_something_is_still_starting(
    supervisor: Supervisor, signals: StopSignals
) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(StopAsked):
        supervisor.start(_never_ready())
    assert signals.asked


def test_a_child_that_does_not_listen_is_stopped_with_force(supervisor: Supervisor) -> None:
    supervisor.start(python("deaf", DEAF), python("sleeper", FOR_EVER))
    supervisor.stop()


def test_all_parts_together_are_given_less_than_ten_seconds_to_stop(tmp_path: Path) -> None:
    settings = load_settings(
        home=tmp_path, database_url=SecretStr("postgresql:///x"), broker_url=SecretStr("redis:///")
    )
    cluster = postgres.Cluster(tmp_path, tmp_path, None, 1, "", "")
    steps = [
        [redis.part(redis.Broker(tmp_path, tmp_path, 1, ""))],
        [postgres.part(cluster)],
        [product.forks(settings, ForkServer())],
        [product.worker(settings), product.beat(settings), *product.api(settings)],
    ]
    longest = [max(part.stops[-1].after for part in step) for step in steps]
    assert all(part.stops[-1].signal is Signals.SIGKILL for step in steps for part in step)
    assert sum(longest) <= 9


@pytest.mark.parametrize(("lacking", "why"), [("a thread", "unavailable"), ("a log", "No such file")])
def test_a_start_that_the_machine_refuses_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str, why: str
) -> None:
    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    if lacking == "a thread":
        monkeypatch.setattr(threading.Thread, "start", no_thread)
    logs = tmp_path if lacking == "a thread" else tmp_path / "missing"
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match=why):
        Process(python("sleeper", FOR_EVER), logs)
    assert os.listdir("/proc/self/fd") == before


def test_a_child_that_runs_and_does_not_do_its_work_is_ended(tmp_path: Path, said: list[str]) -> None:
    lazy = Process(replace(python("lazy", FOR_EVER), ails=lambda pid: f"is lazy as process {pid}"), tmp_path)
    busy = Process(python("busy", FOR_EVER), tmp_path)
    with watching_health(lambda: [lazy, busy], said.append, patience=0.0):
        eventually(lambda: lazy.exit_code is not None)
    assert said == [f"lazy is lazy as process {lazy.pid}; it is ended."]
    assert busy.exit_code is None
    stop_together([busy])


def test_a_worker_ails_when_its_sign_of_life_is_old(engine: Engine, fresh_database: str) -> None:
    execute(
        engine,
        """INSERT INTO workers (id, host, queues, version, seen_at) VALUES
        (:host || '/1', :host, '{}', '', now()), (:host || '/2', :host, '{}', '', now() - interval '20 s')""",
        host=this_host(),
    )
    assert [worker_ails(fresh_database, pid) for pid in (1, 3)] == [None, None]
    assert "no sign of life for 2" in str(worker_ails(fresh_database, 2))
    absent = f"postgresql://docmill@127.0.0.1:{choose_port(0, '')}/docmill"
    assert worker_ails(absent, 2) is None


def test_the_words_of_a_child_are_in_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(python("talker", FOR_EVER))
    eventually(lambda: (tmp_path / "talker.log").read_text() == "here I am\n")


def test_a_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "part.log")
    for _ in range(60):
        log.write("x" * 1024 * 1024)
    log.close()
    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    assert len(sizes) == 4
    assert sum(sizes) < 41 * 1024 * 1024


def test_one_data_directory_has_one_owner(tmp_path: Path) -> None:
    prepare_home(tmp_path)
    assert running_pid(tmp_path) is None
    with only_one(tmp_path):
        assert running_pid(tmp_path) == os.getpid()
        with pytest.raises(AlreadyRunning, match=str(os.getpid())), only_one(tmp_path):
            pass
    assert running_pid(tmp_path) is None
    assert read_state(tmp_path) is None
    assert list((tmp_path / "run").iterdir()) == []


def test_a_secret_is_made_once_and_for_our_eyes_only(tmp_path: Path) -> None:
    key = secret(tmp_path / "api_key", prefix="dm_")
    assert len(key) == 3 + 43
    assert secret(tmp_path / "api_key", prefix="dm_") == key
    assert (tmp_path / "api_key").stat().st_mode & 0o777 == 0o600
