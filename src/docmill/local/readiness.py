"""Does it answer? One short question to each server."""

from __future__ import annotations

import http.client
import socket
from contextlib import closing
from urllib.parse import urlsplit

import psycopg
from kombu.connection import Connection
from kombu.exceptions import OperationalError
from sqlalchemy import make_url

from docmill.pipeline.owner import api_socket, this_host

_SECONDS = 3
_SILENT = "does not answer"
_WORKER_SILENT = 15.0  # seconds: seven signs of life missed


def conninfo(url: str) -> str:
    """The URL of SQLAlchemy as psycopg itself reads it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def database_answers(url: str) -> bool:
    """Whether PostgreSQL at `url` lets us in and runs a statement."""
    try:
        with psycopg.connect(conninfo(url), connect_timeout=_SECONDS) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def worker_answers(database_url: str, pid: int) -> bool:
    """Whether the worker with this process id on this host takes messages: it says so in the database."""
    mine = "SELECT seen_at > now() - interval '1 minute' FROM workers WHERE id = %s"
    try:
        with psycopg.connect(conninfo(database_url), connect_timeout=_SECONDS) as connection:
            return connection.execute(mine, [f"{this_host()}/{pid}"]).fetchone() == (True,)
    except psycopg.OperationalError:
        return False


def worker_ails(database_url: str, pid: int) -> str | None:
    """What is wrong with the worker that runs as this process; None when nothing is, or nobody can tell."""
    silence = "SELECT extract(epoch FROM now() - seen_at)::float8 FROM workers WHERE id = %s"
    try:
        with psycopg.connect(conninfo(database_url), connect_timeout=_SECONDS) as connection:
            row = connection.execute(silence, [f"{this_host()}/{pid}"]).fetchone()
    except psycopg.Error:
        return None
    if row is None or row[0] < _WORKER_SILENT:  # no row: it is just starting, or just leaving
        return None
    return f"has given no sign of life for {row[0]:.0f} s"


def broker_answers(url: str) -> bool:
    """Whether the broker at `url`, of any kind that Celery knows, lets us in."""
    limits = {"socket_timeout": _SECONDS, "socket_connect_timeout": _SECONDS}
    with Connection(url, connect_timeout=_SECONDS, transport_options=limits) as connection:
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=_SECONDS)
        except OperationalError:
            return False
        return True


def api_answers(url: str) -> bool:
    """Whether the API at `url` (http, host and port) says that it and everything it needs are ready."""
    return _is_ok(http.client.HTTPConnection(urlsplit(url).netloc, timeout=_SECONDS), "/health/ready")


def api_process_answers(pid: int) -> bool:
    """The same of one process of it, by itself."""
    return _is_ok(_ToProcess(pid), "/health/ready")


def api_process_ails(pid: int) -> str | None:
    """What is wrong with the process of the API that runs as this one; None when nothing is."""
    with closing(_ToProcess(pid)) as connection:
        try:
            connection.connect()
        except (BlockingIOError, TimeoutError):  # so many wait for it already that no more are let in
            return _SILENT
        except OSError:  # it is just starting, or has just ended; or it is we who cannot ask
            return None
        return None if _is_ok(connection, "/health/live") else _SILENT


class _ToProcess(http.client.HTTPConnection):
    """A connection to one process of the API, past those it shares its port with."""

    def __init__(self, pid: int) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._pid = pid

    def connect(self) -> None:
        """Raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(api_socket(self._pid))


def _is_ok(connection: http.client.HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
