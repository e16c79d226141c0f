"""The limits of requests to the HTTP API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

__all__ = ["Limits"]

_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of requests.

    :ivar mail: octets of a mail.
    :ivar body: octets of any other body.
    :ivar batch: replies, or addresses, in one request.
    :ivar max_age: the age from which a mail gives the list no events: an archive says how addresses were.
    """

    mail: int = 64 * _MIB
    body: int = 8 * _MIB
    batch: int = 10_000
    max_age: timedelta = timedelta(days=10)
