"""When a message reached the mailbox, as the receiving side wrote it down: in its own trace field or in an mbox.

Only the topmost Received field can be believed, and only where the caller knows its host: each server puts its field on
top of those that came with the message (RFC 5321 4.4), and whoever sent it may have written all of these.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Final

from undeliverable._mime.headers import first_value, needle, readable
from undeliverable._text.dates import parse_date
from undeliverable._text.lazy import lazy

__all__ = ["received_at"]

_WINDOW: Final = 65_536
"""Octets of a message in which its topmost Received field is looked for."""
_RECEIVED: Final = needle("Received")
_BLANKS: Final = lazy(rb"^([!-9;-~]+)[ \t]+:", re.MULTILINE)
_COMMENT: Final = lazy(r"\([^()]*\)")
_HOST: Final = lazy(r"(?:^|\s)by\s+([^\s;]+)", re.IGNORECASE)
# RFC 4155: "From sender date", the date as asctime(3) writes it, by other programs as RFC 5322 does. The last date on the
# line is the one that was written here: the address before it is the sender's own, and may look like one.
_POSTMARK: Final = lazy(rb"From .{0,998}\b((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[ ,][^\r\n]{10,80})")


def received_at(raw: bytes, hosts: Collection[str]) -> datetime | None:
    """Return the date of the topmost Received field if one of `hosts` wrote it, else that of an mbox's "From " line.

    :param raw: the message, with its "From " line if it has one.
    :param hosts: names of the caller's own hosts.
    """
    postmark, head = b"", raw[:_WINDOW]
    if head.startswith(b"From "):
        postmark, _, head = head.partition(b"\n")
    found = _traced(head, hosts) if hosts else None
    if found is not None or not postmark:
        return found
    match = _POSTMARK.match(postmark)
    return None if match is None else parse_date(match[1].decode("latin-1"))


def _traced(head: bytes, hosts: Collection[str]) -> datetime | None:
    block = _BLANKS.sub(rb"\1:", b"\n" + head.replace(b"\r\n", b"\n").partition(b"\n\n")[0])
    raw = first_value(block, block.lower(), _RECEIVED)
    if raw is None:
        return None
    value = _uncommented(readable(raw))
    host = _HOST.search(value)
    if host is None or _name(host[1]) not in {_name(own) for own in hosts}:
        return None
    return parse_date(value.rpartition(";")[2])


def _uncommented(value: str) -> str:
    """Return a field's value without comments, which may stand in each other (RFC 5322 3.2.2) and hold what clients say."""
    for _ in range(4):
        value, number = _COMMENT.subn(" ", value)
        if not number:
            break
    return value


def _name(host: str) -> str:
    return host.rstrip(".").casefold()
