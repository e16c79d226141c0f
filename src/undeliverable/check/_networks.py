"""Addresses at which nobody else's mail server can be: IANA's special-purpose registries (RFC 6890), by kind.

The networks for documentation (RFC 5737, RFC 3849) are left out: they reach nobody either, and nobody publishes them by a
mistake that matters.
"""

from __future__ import annotations

from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

__all__ = ["PRIVATE", "kind_of"]

PRIVATE: Final = "private"
"""The kind of addresses that are reachable, but only within somebody's own network."""

_KINDS: Final = (
    ("loopback", ("127.0.0.0/8", "::1/128")),
    ("unspecified", ("0.0.0.0/8", "::/128")),
    ("link-local", ("169.254.0.0/16", "fe80::/10")),
    ("multicast", ("224.0.0.0/4", "ff00::/8")),
    ("reserved", ("240.0.0.0/4", "100::/64")),
    (PRIVATE, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")),
)
_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052: what DNS64 makes of an IPv4 address


@cache
def _networks() -> tuple[tuple[str, IPv4Network | IPv6Network], ...]:
    return tuple((kind, ip_network(text)) for kind, networks in _KINDS for text in networks)


def kind_of(text: str) -> str | None:
    """Return why an address is nobody else's mail server, such as ``loopback``; None if it may be one."""
    address = _embedded(ip_address(text))
    return next((kind for kind, network in _networks() if address in network), None)


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address
