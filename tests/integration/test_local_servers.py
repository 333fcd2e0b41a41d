"""The servers of one machine: private, on loopback only, gone at the end, and back after a crash."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from tests.servers import IN_A_HURRY, temporary_home

from docmill.domain.errors import PartMissing, PortTaken
from docmill.local.accounts import is_open_to_all, server_account
from docmill.local.addresses import choose_port
from docmill.local.leftovers import servers_in
from docmill.local.readiness import broker_answers, conninfo, database_answers
from docmill.local.servers import start_postgres, start_redis


def listeners(process: psutil.Process) -> set[str]:
    found = process.net_connections("inet")
    return {connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN}


def own_server(name: str, folder: Path) -> psutil.Process:
    children = [child for child in psutil.Process().children() if child.name() == name]
    [server] = [child for child in children if child.cwd() == str(folder)]
    return server


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_postgres_starts_with_pgvector_and_without_superuser_rights_for_docmill() -> None:
    with temporary_home() as home, start_postgres(home, settings=IN_A_HURRY) as cluster:
        with psycopg.connect(conninfo(cluster.url)) as connection:
            distance = connection.execute("SELECT '[1,0]'::vector <=> '[0,1]'::vector").fetchone()
            rights = connection.execute("SELECT current_setting('is_superuser')").fetchone()
        server = own_server("postgres", cluster.data)
        assert (distance, rights) == ((1.0,), ("off",))
        assert listeners(server) == {"127.0.0.1"}
        assert mode(cluster.data) == 0o700
        assert "secrets" not in " ".join(server.cmdline())
    assert servers_in(cluster.data) == []


def test_postgres_keeps_its_rows_from_one_start_to_the_next() -> None:
    with temporary_home() as home:
        with start_postgres(home) as first, psycopg.connect(conninfo(first.url)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        with start_postgres(home) as second, psycopg.connect(conninfo(second.url)) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_postgres_comes_back_when_it_was_killed_and_its_pid_file_names_somebody_else() -> None:
    with temporary_home() as home:
        with start_postgres(home) as cluster:
            own_server("postgres", cluster.data).kill()
        assert not database_answers(cluster.url)
        (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n")
        with start_postgres(home) as again:
            assert database_answers(again.url)


def test_a_wrong_password_does_not_open_the_database(postgres_url: str) -> None:
    wrong = postgres_url.replace("docmill:", "docmill:x")
    assert database_answers(postgres_url)
    assert not database_answers(wrong)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives the server to another account")
def test_as_root_the_files_lie_where_the_account_of_the_server_can_go() -> None:
    account = server_account()
    assert account is not None
    with temporary_home() as home, start_postgres(home, settings=IN_A_HURRY) as cluster:
        assert mode(home) == 0o700
        assert (home / "postgres").resolve() == cluster.folder
        assert is_open_to_all(cluster.folder.parent)
        assert cluster.data.stat().st_uid == account.uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_runs_both_servers_as_himself() -> None:
    if not is_open_to_all(Path(sys.executable)):
        pytest.skip("this Python lies where only root can go")
    script = (
        "import sys, pathlib, docmill.local.servers as s\n"
        "home = pathlib.Path(sys.argv[1])\n"
        "with s.start_redis(home), s.start_postgres(home) as cluster:\n"
        "    print(cluster.folder.owner(), cluster.folder.parent == home)\n"
    )
    with temporary_home() as home:
        os.chown(home, 65534, 65534)
        ran = subprocess.run(
            [sys.executable, "-c", script, str(home)], user=65534, group=65534, capture_output=True, text=True
        )
    assert (ran.stdout.strip(), ran.returncode) == ("nobody True", 0), ran.stderr


def test_the_broker_asks_for_its_password_and_listens_on_loopback() -> None:
    with temporary_home() as home, start_redis(home) as url:
        assert broker_answers(url)
        assert not broker_answers(url.replace("redis://:", "redis://:x"))
        server = own_server("valkey-server", home / "redis")
        assert listeners(server) == {"127.0.0.1"}
        password = (home / "secrets" / "redis").read_text()
        assert password not in " ".join(server.cmdline())
        assert mode(home / "redis" / "server.conf") == 0o600


def test_the_broker_keeps_its_messages_from_one_start_to_the_next() -> None:
    with temporary_home() as home:
        with start_redis(home) as url, redis.Redis.from_url(url) as client:
            client.lpush("extract", "a message")
        with start_redis(home) as url, redis.Redis.from_url(url) as client:
            assert client.lrange("extract", 0, -1) == [b"a message"]


def test_a_missing_program_is_said_with_what_to_do(tmp_path: Path) -> None:
    with (
        pytest.raises(PartMissing, match="DOCMILL_REDIS_BIN"),
        start_redis(tmp_path, program=tmp_path / "no"),
    ):
        pass
    with (
        pytest.raises(PartMissing, match="DOCMILL_POSTGRES_BIN"),
        start_postgres(tmp_path, programs=tmp_path),
    ):
        pass


def test_a_taken_port_is_named_with_its_setting() -> None:
    with temporary_home() as home, start_redis(home) as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        with pytest.raises(PortTaken, match=rf"{port}.*DOCMILL_API_PORT"):
            choose_port(port, "DOCMILL_API_PORT")
    assert choose_port(port, "DOCMILL_API_PORT") == port
