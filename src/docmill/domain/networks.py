"""Which addresses a stranger may make docmill call: public ones, and those in networks that are named.

The lists are our own, after IANA's registries of special addresses: what Python calls global differs
from version to version, and counts as global some that lead back inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_NOT_PUBLIC = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # a cloud's own services, under an address that looks public
    )
)  # fmt: skip

_PUBLIC_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(network)
    # 2001::/23 holds Teredo and 2002::/16 is 6to4: both carry an IPv4 address to anywhere.
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_TRANSLATED = IPv6Network("64:ff9b::/96")  # an IPv4 address behind a NAT64


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks in CIDR notation, divided by commas. Raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def may_be_called(address: str, allowed: Sequence[Network]) -> bool:
    """Whether this IP address is public, or lies in an allowed network."""
    plain = _plain(ip_address(address))
    return any(plain in network for network in allowed) or _is_public(plain)


def is_refused_literal(host: str, allowed: Sequence[Network]) -> bool:
    """Whether this host of a URL is written as an IP address that may not be called."""
    try:
        return not may_be_called(host, allowed)
    except ValueError:
        return False


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for, where it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC)
    return address in _PUBLIC_V6 and not any(address in network for network in _NOT_PUBLIC_V6)
