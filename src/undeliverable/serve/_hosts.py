"""Which hosts other machines can reach."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address

__all__ = ["is_loopback"]


@lru_cache(maxsize=16)
def is_loopback(host: str) -> bool:
    """Return whether only programs on this host can connect to an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
