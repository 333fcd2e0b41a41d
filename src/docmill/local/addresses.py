"""Ports on this machine: a free one, or the one that was asked for, or who has it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psutil

from docmill.domain.errors import PortTaken


def choose_port(wanted: int, setting: str, host: str = "127.0.0.1") -> int:
    """`wanted` when it is free, any free one for 0. Raises PortTaken, naming `setting` and who has it."""
    with _bound(wanted, setting, host) as place:
        return int(place.getsockname()[1])


@contextmanager
def shared_port(wanted: int, setting: str, host: str) -> Iterator[int]:
    """A port as `choose_port` finds it, which nobody takes meanwhile but who shares it (SO_REUSEPORT).

    Without it a stranger who shares ports too, another docmill, could slip in beside ours. Raises PortTaken.
    """
    with _bound(wanted, setting, host) as place:
        # With it, who says the same could bind beside a socket that does not listen.
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        yield int(place.getsockname()[1])


def _bound(wanted: int, setting: str, host: str) -> socket.socket:
    """A socket that has the port for itself, and does not listen."""
    place = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        # Connections of an earlier life may linger on it for a minute.
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind((host, wanted))
    except OSError as error:
        place.close()
        raise PortTaken(
            f"Port {wanted} cannot be used: {_owner(wanted) or error.strerror}. "
            f"Stop that program, or set {setting} to another port, or to 0 to have a free one picked."
        ) from error
    return place


def _owner(port: int) -> str | None:
    """Who listens on `port`, where the system lets us see it."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid}) has it"
    except psutil.Error:
        return None
    return None


def address_of(url: str) -> str:
    """Host and port of a URL, without its user, password and path; of several servers, one."""
    parts = urlsplit(f"//{url.partition('://')[2].rpartition('@')[2].partition(';')[0]}")
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
