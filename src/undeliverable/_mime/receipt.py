"""When a message reached the mailbox, and its envelope recipient, as the receiving side wrote them down.

That is in its own trace fields or in an mbox.

Only the topmost Received field can be believed, and only where the caller knows its host: each server puts its field on
top of those that came with the message (RFC 5321 4.4), and whoever sent it may have written all of these. So the fields
that name the envelope recipient are read from above it alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from undeliverable._mime.headers import decode_block, first_value, needle, raw_fields, readable
from undeliverable._text.dates import parse_date
from undeliverable._text.lazy import lazy

__all__ = ["delivered_to", "received_at"]

_WINDOW: Final = 65_536
"""Octets of a message in which its topmost Received field is looked for."""
_MOST: Final = 100
"""Addresses that are read; a server need not take more recipients (RFC 5321 4.5.3.1.8)."""
_RECEIVED: Final = needle("Received")
_BLANKS: Final = lazy(rb"^([!-9;-~]+)[ \t]+:", re.MULTILINE)
_AROUND: Final = "<> \t\r\n"
_COMMENT: Final = lazy(r"\([^()]*\)")
_HOST: Final = lazy(r"(?:^|\s)by\s+([^\s;]+)", re.IGNORECASE)
# RFC 4155: "From sender date", the date as asctime(3) writes it, by other programs as RFC 5322 does. The last date on the
# line is the one that was written here: the address before it is the sender's own, and may look like one.
_POSTMARK: Final = lazy(rb"From .{0,998}\b((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[ ,][^\r\n]{10,80})")


def received_at(raw: bytes, hosts: Collection[str] | None) -> datetime | None:
    """Return the date of the topmost Received field if one of `hosts` wrote it, else that of an mbox's "From " line.

    :param raw: the message, with its "From " line if it has one.
    :param hosts: names of the caller's own hosts; None takes the field of any host.
    """
    postmark, head = _split(raw)
    found = _traced(_block(head), hosts if hosts is None else _names(hosts)) if hosts is None or hosts else None
    if found is not None or not postmark:
        return found
    match = _POSTMARK.match(postmark)
    return None if match is None else parse_date(match[1].decode("latin-1"))


def delivered_to(raw: bytes, names: Sequence[str], hosts: Collection[str]) -> tuple[str, ...]:
    """Return the addresses in the fields of these names that stand above the first Received field of a foreign host.

    :param raw: the message, with its "From " line if it has one.
    :param names: names of fields; the addresses come in their order.
    :param hosts: names of the caller's own hosts.
    """
    found: dict[str, list[str]] = {name.casefold(): [] for name in names}
    own = _names(hosts)
    for name, value in raw_fields(decode_block(_block(_split(raw)[1]))):
        folded = name.casefold()
        if folded == "received" and _writer(value) not in own:
            break
        if folded in found:
            found[folded] += [address for part in value.split(",") if (address := part.strip(_AROUND))]
    every = (address for addresses in found.values() for address in addresses)
    return tuple(islice(dict.fromkeys(every), _MOST))


def _split(raw: bytes) -> tuple[bytes, bytes]:
    """Return the "From " line of a message, empty if it has none, and the octets in which its header is looked for."""
    postmark, head = b"", raw[:_WINDOW]
    if head.startswith(b"From "):
        postmark, _, head = head.partition(b"\n")
    return postmark, head


def _block(head: bytes) -> bytes:
    """Return a header after a line feed, without blanks before colons."""
    return _BLANKS.sub(rb"\1:", b"\n" + head.replace(b"\r\n", b"\n").partition(b"\n\n")[0])


def _traced(block: bytes, own: Collection[str] | None) -> datetime | None:
    raw = first_value(block, block.lower(), _RECEIVED)
    if raw is None:
        return None
    value = readable(raw)
    if own is not None and _writer(value) not in own:
        return None
    return parse_date(_uncommented(value).rpartition(";")[2])


def _writer(value: str) -> str | None:
    """Return the name of the host that wrote a Received field."""
    host = _HOST.search(_uncommented(value))
    return None if host is None else _name(host[1])


def _uncommented(value: str) -> str:
    """Return a field's value without comments, which may stand in each other (RFC 5322 3.2.2) and hold what clients say."""
    for _ in range(4):
        value, number = _COMMENT.subn(" ", value)
        if not number:
            break
    return value


def _names(hosts: Collection[str]) -> frozenset[str]:
    return frozenset(map(_name, hosts))


def _name(host: str) -> str:
    return host.rstrip(".").casefold()
