"""Messages as Apple Mail keeps them (``.emlx``): a line with a length, the message, and a property list."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, NamedTuple

from undeliverable.files._tar import moment

__all__ = ["Emlx", "emlx_in", "length_line"]

_LENGTH: Final = re.compile(rb"(\d{1,10})[ \t]{0,16}\r?\n")
# Only Apple Mail writes the property list, behind the message: no stranger's octets can stand there.
_RECEIVED: Final = re.compile(rb"<key>date-received</key>\s{0,64}<(?:integer|real)>(\d{1,12})(?:\.\d{0,20})?</")


class Emlx(NamedTuple):
    """What such a file holds.

    :ivar message: the message.
    :ivar received: when Apple Mail received it, if that is known.
    :ivar whole: whether the message is as long as it should be.
    """

    message: bytes
    received: datetime | None
    whole: bool


def length_line(head: bytes) -> int:
    """Return the number of octets of the line with a length that a file begins with, or 0."""
    match = _LENGTH.match(head)
    return 0 if match is None else match.end()


def emlx_in(raw: bytes) -> Emlx:
    """Return what a file holds that begins with a line with a length."""
    match = _LENGTH.match(raw)
    assert match is not None
    end = match.end() + int(match[1])
    received = _RECEIVED.search(raw, end)
    return Emlx(raw[match.end() : end], None if received is None else moment(int(received[1])), len(raw) >= end)
