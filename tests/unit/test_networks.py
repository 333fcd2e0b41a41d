"""Where webhooks may go: public addresses, and networks that are named. Nothing leads back inside."""

from __future__ import annotations

import pytest

from docmill.domain.errors import InvalidWebhook
from docmill.domain.networks import may_be_called, parse_networks
from docmill.domain.webhooks import check_url, wait_seconds

INSIDE = {
    "this host": ["127.0.0.1", "127.8.9.1", "0.0.0.0", "::1", "::"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd00:ec2::254"],
    "link-local, where clouds keep their secrets": ["169.254.169.254", "fe80::1", "fe80::1%eth0"],
    "shared by a provider (CGNAT)": ["100.64.0.1", "100.100.100.200", "100.127.255.255"],
    "a cloud's own services": ["168.63.129.16", "192.0.0.192"],
    "multicast and broadcast": ["224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"],
    "for tests and documentation": ["192.0.2.1", "198.18.0.1", "203.0.113.5", "2001:db8::1", "3fff::1"],
    "IPv4 inside IPv6": [
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
        "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
    "old and odd": ["192.88.99.1", "240.0.0.1", "fec0::1", "4000::1", "2001::1"],
}  # fmt: skip


@pytest.mark.parametrize("address", [address for addresses in INSIDE.values() for address in addresses])
def test_nobody_is_led_inside(address: str) -> None:
    assert not may_be_called(address, ())


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_public_addresses_may_be_called(address: str) -> None:
    assert may_be_called(address, ())


def test_a_network_that_is_named_may_be_called_and_no_other() -> None:
    allowed = parse_networks("10.1.0.0/16, fd12::/16")
    assert may_be_called("10.1.2.3", allowed)
    assert may_be_called("::ffff:10.1.2.3", allowed)
    assert may_be_called("fd12::5", allowed)
    assert not may_be_called("10.2.0.1", allowed)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "example.com/hook", "http://", "http:///hook", "https://:443/",
        "http://me@example.com/", "http://me:secret@example.com/", "http://example.com/#part",
        "http://example.com:0/", "http://example.com:99999/", "http://exam ple.com/", "http://example.com/\n",
        "http://example.com\\@10.0.0.1/", "http://[::1/", "http://example.com/" + "a" * 2000,
    ],
)  # fmt: skip
def test_a_url_that_could_be_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(InvalidWebhook):
        check_url(url)


def test_the_waits_between_attempts_grow_to_a_day_and_end() -> None:
    waits = [wait_seconds(attempts, None, 0.0) for attempts in range(1, 11)]
    assert waits[:3] == [5.0, 300.0, 1800.0]
    assert waits[8:] == [86400.0, None]
    assert wait_seconds(1, 120.0, 0.0) == 120.0
    assert wait_seconds(1, 1e9, 0.0) == 86400.0
    assert wait_seconds(1, None, 1.0) == 5.5
