"""An address for people never shows who may go in."""

from __future__ import annotations

import pytest

from docmill.local.addresses import address_of


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
