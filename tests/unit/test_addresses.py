"""An address for people never shows who may go in, and a port is given to one only."""

from __future__ import annotations

import socket

import pytest

from docmill.domain.errors import PortTaken
from docmill.local.addresses import address_of, choose_port, shared_port


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://docmill:s3cret@db:5432/docmill", "db:5432"),
        ("postgresql://docmill:s3?c=ret@db/docmill", "db"),
        ("redis://:s3/cr#et@[::1]:6379/0", "::1:6379"),
        ("sentinel://one:26379;sentinel://two:26379", "one:26379"),
    ],
)
def test_only_host_and_port_are_shown(url: str, address: str) -> None:
    assert address_of(url) == address


def test_a_shared_port_lets_in_those_who_share_it_and_listens_itself_to_nobody() -> None:
    with shared_port(0, "DOCMILL_API_PORT", "127.0.0.1") as port:
        with (
            pytest.raises(PortTaken, match="DOCMILL_API_PORT"),
            shared_port(port, "DOCMILL_API_PORT", "127.0.0.1"),
        ):
            pytest.fail("two had it")
        with pytest.raises(PortTaken):
            choose_port(port, "DOCMILL_API_PORT")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        with socket.create_server(("127.0.0.1", port), reuse_port=True):
            socket.create_connection(("127.0.0.1", port)).close()
    assert choose_port(port, "DOCMILL_API_PORT") == port
