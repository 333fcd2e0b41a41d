"""Docmill's own commands as forks of one process: what they are told, how they end, and what ends them."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest
from tests.forking import program_of
from tests.polling import eventually

from docmill import __version__
from docmill.local.forks import Fork, ForkServer

Program = subprocess.Popen[bytes]


@contextlib.contextmanager
def loaded(server: ForkServer) -> Iterator[Program]:
    """The process that forks, ready to; gone afterwards."""
    program = program_of(server)
    try:
        eventually(server.has_loaded, seconds=60)
        yield program
    finally:
        program.kill()
        program.wait()
        server.close()


@pytest.fixture(scope="module")
def server() -> ForkServer:
    return ForkServer()


@pytest.fixture(scope="module", autouse=True)
def program(server: ForkServer) -> Iterator[Program]:
    with loaded(server) as program:
        yield program


@contextlib.contextmanager
def no_free_handle() -> Iterator[None]:
    """This process may not open one more."""
    lowest = os.dup(0)
    os.close(lowest)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def runs(process: psutil.Process) -> bool:
    return bool(process.status() != psutil.STATUS_ZOMBIE)


@pytest.fixture
def output(tmp_path: Path) -> Iterator[IO[bytes]]:
    with (tmp_path / "output").open("a+b", buffering=0) as output:
        yield output


def fork(server: ForkServer, output: IO[bytes], *words: str, **environment: str) -> Fork:
    told = {"PATH": os.environ["PATH"], **environment}
    return server.fork(words, told, Path("/"), output.fileno(), output.fileno())


def api_without_servers(server: ForkServer, output: IO[bytes], home: Path) -> Fork:
    """An API that runs until somebody ends it: it starts whether its servers are there or not."""
    nowhere = {
        "DOCMILL_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "DOCMILL_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    running = fork(
        server,
        output,
        "api",
        DOCMILL_HOME=str(home),
        DOCMILL_API_KEY="dm_for-nobody-at-all-to-use",
        DOCMILL_API_PORT="0",
        **nowhere,
    )
    eventually(lambda: b"api_listening" in Path(output.name).read_bytes(), seconds=30)
    return running


def test_a_fork_is_the_command_with_the_environment_it_is_given_and_no_other(
    server: ForkServer, output: IO[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = fork(server, output, "version")
    assert (version.wait(30), version.poll()) == (0, 0)
    assert Path(output.name).read_text() == f"docmill {__version__}\n"

    monkeypatch.setenv("DOCMILL_API_PORT", "1")
    output.truncate(0)
    shown = fork(server, output, "config", "--json", DOCMILL_HOME=str(tmp_path), DOCMILL_TURN_SECONDS="7")
    assert shown.wait(30) == 0
    told = {one["name"]: one["value"] for one in json.loads(Path(output.name).read_text())}
    assert told["DOCMILL_HOME"] == str(tmp_path)
    assert float(told["DOCMILL_TURN_SECONDS"]) == 7
    assert told["DOCMILL_API_PORT"] != "1"


def test_how_it_ends_is_told_as_if_it_ran_alone(server: ForkServer, output: IO[bytes]) -> None:
    assert fork(server, output, "no-such-command").wait(30) == 2
    lost = server.fork(["version"], {}, Path("/no/such/folder"), output.fileno(), output.fileno())
    assert lost.wait(30) == 1
    assert Path(output.name).read_text().rstrip().endswith("No such file or directory: '/no/such/folder'")


def test_the_signal_that_ended_a_fork_is_told(server: ForkServer, output: IO[bytes], tmp_path: Path) -> None:
    api = api_without_servers(server, output, tmp_path)
    assert api.poll() is None
    assert psutil.Process(api.pid).name() == "docmill api"
    api.send_signal(signal.SIGTERM)
    assert api.wait(30) in (0, -signal.SIGTERM)
    api.kill()  # it has no number any more that could be another's

    another = api_without_servers(server, output, tmp_path)
    another.kill()
    assert another.wait(30) == -signal.SIGKILL


def test_a_server_that_hangs_holds_up_nobody_for_long_and_the_next_one_forks_again(
    output: IO[bytes], tmp_path: Path
) -> None:
    server = ForkServer(patience=1.0)
    with loaded(server) as program:
        api = api_without_servers(server, output, tmp_path)
        ended = fork(server, output, "no-such-command")
        program.send_signal(signal.SIGSTOP)
        assert (api.poll(), ended.wait(10)) == (None, 2)  # for that nobody need ask the server
        with pytest.raises(TimeoutError):
            fork(server, output, "version")
        assert program.wait(10) == -signal.SIGKILL  # its answer would come too late, and be taken for another
        assert api.wait(10) == -signal.SIGKILL  # what it forked goes with it
        assert not server.has_loaded()
        with pytest.raises(OSError, match="has not loaded"):
            fork(server, output, "version")

        with loaded(server) as following:
            assert fork(server, output, "version").wait(30) == 0
            server.close()
            assert following.wait(10) == 0  # there is nobody left who could ask


def test_a_fork_that_nobody_could_end_is_ended_at_once(
    program: Program, server: ForkServer, output: IO[bytes], tmp_path: Path
) -> None:
    nowhere = {"DOCMILL_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x", "DOCMILL_BROKER_URL": "redis://"}
    with no_free_handle(), pytest.raises(OSError, match="Too many open files"):
        fork(server, output, "beat", DOCMILL_HOME=str(tmp_path), **nowhere)
    eventually(lambda: not [one for one in psutil.Process(program.pid).children() if runs(one)], seconds=10)
    assert fork(server, output, "version").wait(30) == 0


def test_an_order_without_room_for_it_is_refused(server: ForkServer, output: IO[bytes]) -> None:
    with pytest.raises(OSError, match="too long"):
        fork(server, output, "version", LONG="x" * 2_000_000)
    assert fork(server, output, "version").wait(30) == 0
