"""The returned message: its header block and the five fields that tie a report to what was sent.

It comes as message/rfc822, text/rfc822-headers (RFC 6522) or message/global (RFC 6533), or below a text marker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from undeliverable._dsn.report_grammar import FIELD_BELOW, FOLD, RECEIVED_FOR, RETURNED_FIELDS
from undeliverable._mime.headers import decode_words
from undeliverable._text.dates import parse_date
from undeliverable.model import BLOCK_LIMIT, RecipientFacts, Returned
from undeliverable.model._made import make_returned

__all__ = ["addressee", "bare_address", "read_below", "read_block", "returned_message", "with_addressee"]

_HEADROOM: Final = 40
"""How many lines may stand between the marker and the first field."""


def read_block(block: str) -> Returned:
    """Return the returned message whose header block is `block`; fields that are absent or empty are None."""
    block = block[:BLOCK_LIMIT]
    found = RETURNED_FIELDS.match("\n" + block)
    return returned_message(block, found.groups() if found else (None,) * 7)


def returned_message(block: str, values: Sequence[str | None]) -> Returned:
    """Return the same, its fields found already: Message-ID, From, To, Subject, Date, and those of GROUPING."""
    message_id, from_, to, subject, date = values[:5]
    return make_returned(
        block,
        None if message_id is None else _unfolded(message_id) or None,
        bare_address(from_),
        bare_address(to),
        _words(subject),
        None if date is None else parse_date(date.strip()),
        values[5:],
    )


def read_below(text: str, start: int) -> Returned | None:
    """Return the returned message that stands in `text` from `start` on, below a marker line, else None."""
    plain = text[start : start + BLOCK_LIMIT].strip("\n").partition("\n\n")[0]
    if FIELD_BELOW.match(plain) is not None and " \n" not in plain and "\t\n" not in plain:  # as nearly always
        return read_block(plain)
    lines = text[start : start + BLOCK_LIMIT].split("\n")
    fields = (
        number
        for number, line in enumerate(lines[:_HEADROOM])
        if FIELD_BELOW.match(line.lstrip("> \t")) or line.startswith("From ")
    )
    first = next(fields, None)
    if first is None:
        return None
    quoted = lines[first].startswith((">", " ", "\t"))
    block: list[str] = []
    for line in lines[first:]:
        bare = line.lstrip("> ") if quoted else line
        if not bare.strip():
            break
        block.append(bare)
    return read_block("\n".join(block))


def addressee(returned: Returned) -> tuple[str, str] | None:
    """Return the recipient of the returned message and the field that names it, if it can only be one; else None.

    The trace fields show the envelope. To does not: a post to a discussion list (RFC 2369 3.4) names the list.
    """
    found = {
        address.lower(): address
        for trace in returned.headers("received")
        for address in RECEIVED_FOR.findall(f" {trace}")
    }
    if found:
        return (found.popitem()[1], "Received") if len(found) == 1 else None
    to = next(returned.headers("to"), "")
    if returned.to is None or to.count("@") != 1 or returned.header("list-post") is not None:
        return None
    return returned.to, "To"


def _words(value: str | None) -> str | None:
    """Return a field's value on one line, its encoded words decoded; None where it is empty."""
    if value is None:
        return None
    value = _unfolded(value)
    return (decode_words(value) if "=?" in value else value) or None


def _unfolded(value: str) -> str:
    """Unfold a value (RFC 5322 2.2.3); of the blanks of a fold one is left."""
    return (FOLD.sub(" ", value) if "\n" in value else value).strip()


def bare_address(value: str | None) -> str | None:
    """Return the bare address of a mailbox field, RFC 5322 3.4; the first of several, else the field itself."""
    plain = _words(value)
    if plain is None:
        return None
    _, opened, rest = plain.partition("<")
    if opened:
        address, closed, _ = rest.partition(">")
        if closed:
            return address.strip() or plain
    return plain if "," not in plain else plain[: plain.index(",")].strip()


def with_addressee(facts: RecipientFacts, returned: Returned, remarks: list[str]) -> RecipientFacts:
    """Return `facts` about nobody with the recipient that the returned message shows, if it can only be that one."""
    found = addressee(returned)
    if found is None:
        return facts
    remarks.append(f"the report names no recipient; taken from {found[1]} of the returned message")
    return replace(facts, recipient=found[0])
