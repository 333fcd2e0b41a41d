"""Docmill's own commands as forks of one process: what they are told, how they end, and what ends them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest
from tests.polling import eventually

from docmill import __version__
from docmill.local.forks import COMMAND, Fork, ForkServer

Program = subprocess.Popen[bytes]


@pytest.fixture
def server() -> ForkServer:
    return ForkServer(patience=1.0)


@pytest.fixture
def program(server: ForkServer) -> Iterator[Program]:
    """The process that forks, loaded."""
    with server.connect() as orders:
        program = subprocess.Popen(COMMAND, stdin=orders.fileno())
    eventually(server.has_loaded, seconds=60)
    yield program
    program.kill()
    program.wait()
    server.close()


@pytest.fixture
def output(tmp_path: Path) -> Iterator[IO[bytes]]:
    with (tmp_path / "output").open("w+b", buffering=0) as output:
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
    program: Program, server: ForkServer, output: IO[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = fork(server, output, "version")
    assert (version.wait(30), version.poll()) == (0, 0)
    assert Path(output.name).read_text() == f"docmill {__version__}\n"

    monkeypatch.setenv("DOCMILL_API_PORT", "1")
    output.truncate(0)
    shown = fork(server, output, "config", "--json", DOCMILL_HOME=str(tmp_path), DOCMILL_TURN_SECONDS="7")
    assert shown.wait(30) == 0
    told = {one["name"]: one["value"] for one in json.loads(Path(output.name).read_text().lstrip("\0"))}
    assert told["DOCMILL_HOME"] == str(tmp_path)
    assert float(told["DOCMILL_TURN_SECONDS"]) == 7
    assert told["DOCMILL_API_PORT"] != "1"

    wrong = fork(server, output, "no-such-command")
    assert wrong.wait(30) == 2


def test_the_signal_that_ended_a_fork_is_told(
    program: Program, server: ForkServer, output: IO[bytes], tmp_path: Path
) -> None:
    api = api_without_servers(server, output, tmp_path)
    assert (api.poll(), api.is_running) == (None, True)
    assert psutil.Process(api.pid).name() == "docmill api"
    api.send_signal(signal.SIGTERM)
    assert api.wait(30) in (0, -signal.SIGTERM)
    assert not api.is_running
    api.kill()  # a number that may be another's by now is not touched

    another = api_without_servers(server, output, tmp_path)
    another.kill()
    assert another.wait(30) == -signal.SIGKILL


def test_a_fork_dies_with_the_server_and_the_next_server_forks_again(
    program: Program, server: ForkServer, output: IO[bytes], tmp_path: Path
) -> None:
    api = api_without_servers(server, output, tmp_path)
    program.kill()
    assert api.wait(10) == -signal.SIGKILL
    assert not server.has_loaded()
    with pytest.raises(OSError, match="has not loaded"):
        fork(server, output, "version")

    with server.connect() as orders, subprocess.Popen(COMMAND, stdin=orders.fileno()) as following:
        orders.close()
        with pytest.raises(OSError, match="has not loaded"):
            fork(server, output, "version")
        eventually(server.has_loaded, seconds=60)
        assert fork(server, output, "version").wait(30) == 0
        server.close()
        assert following.wait(10) == 0  # there is nobody left who could ask


def test_a_server_that_hangs_holds_up_nobody_for_long(
    program: Program, server: ForkServer, output: IO[bytes], tmp_path: Path
) -> None:
    api = api_without_servers(server, output, tmp_path)
    program.send_signal(signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        fork(server, output, "version")
    assert program.wait(10) == -signal.SIGKILL  # its answer would come too late, and be taken for another
    assert api.wait(10) == -signal.SIGKILL


def test_an_order_without_room_for_it_is_refused(
    program: Program, server: ForkServer, output: IO[bytes]
) -> None:
    with pytest.raises(OSError, match="too long"):
        fork(server, output, "version", LONG="x" * 2_000_000)
    assert fork(server, output, "version").wait(30) == 0
