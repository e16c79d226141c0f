"""The limits of HTTP requests, and those of the API as an object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

__all__ = ["BODY", "PATIENCE", "Limits"]

_MIB: Final = 1 << 20
BODY: Final = 8 * _MIB
"""Octets of a body that is no mail."""
PATIENCE: Final = 30.0
"""Seconds in which a body has to arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of requests.

    :ivar mail: octets of a mail.
    :ivar body: octets of any other body.
    :ivar batch: replies, or addresses, in one request.
    :ivar max_age: the age from which a mail gives the list no events: an archive says how addresses were.
    """

    mail: int = 64 * _MIB
    body: int = BODY
    batch: int = 10_000
    max_age: timedelta = timedelta(days=10)
