"""The network that faults strike: what each of its moods does to a connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from time import monotonic

import pytest
from tests.proxy import Network, Proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says everything back; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        yield int(listener.getsockname()[1])


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the test is over
        threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection, contextlib.suppress(ConnectionError):
        while piece := connection.recv(100):
            connection.sendall(piece)


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    proxy = Proxy(echo)
    yield proxy
    proxy.close()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def ask(connection: socket.socket, words: bytes) -> bytes:
    connection.sendall(words)
    return connection.recv(100)


def test_silence_holds_back_what_was_sent_until_it_is_over(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        assert ask(connection, b"one") == b"one"
        with proxy.network(Network.SILENT):
            connection.sendall(b"two")
            connection.settimeout(0.2)
            with pytest.raises(TimeoutError):
                connection.recv(100)
        connection.settimeout(10)
        assert connection.recv(100) == b"two"


def test_a_reset_ends_what_is_open_and_what_comes(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        assert ask(connection, b"one") == b"one"
        with proxy.network(Network.RESETTING), pytest.raises(ConnectionError):
            connection.recv(100)
    with connect(proxy) as connection:
        assert ask(connection, b"two") == b"two"


def test_slow_is_late_and_whole(proxy: Proxy) -> None:
    with connect(proxy) as connection, proxy.network(Network.SLOW, delay=0.1):
        began = monotonic()
        assert ask(connection, b"one") == b"one"
        assert monotonic() - began >= 0.2  # there and back


def test_an_end_that_hung_up_unheard_is_told_when_it_is_over(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        assert ask(connection, b"one") == b"one"
        with proxy.network(Network.HALF_OPEN):
            connection.sendall(b"two")
            connection.settimeout(0.2)
            with pytest.raises(TimeoutError):
                connection.recv(100)
            with connect(proxy) as other:
                assert ask(other, b"new") == b"new"
        connection.settimeout(10)
        with pytest.raises(ConnectionError):
            connection.recv(100)
