"""Does it answer? One short question to each server."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import psutil
import psycopg
from kombu.connection import Connection
from kombu.exceptions import OperationalError
from sqlalchemy import make_url

from docmill.pipeline.owner import this_host

_SECONDS = 3
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


def listens(pid: int) -> bool:
    """Whether this process, one of ours, takes connections."""
    try:
        places = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(place.status == psutil.CONN_LISTEN for place in places)


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
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
