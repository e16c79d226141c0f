"""Turn the words of a report into facts: a code, a command, an action, a date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from undeliverable._text.addresses import addresses_in, decode_octals
from undeliverable._text.dates import parse_date
from undeliverable.codes import ReplyCode, StatusCode
from undeliverable.model import Action, Command, Diagnostic, RecipientFacts, Reply
from undeliverable.model._made import make_reply

__all__ = [
    "action_of",
    "address_of",
    "date_of",
    "diagnostic_of",
    "message_of",
    "reply_of",
    "status_of",
    "without_sender",
]


def reply_of(code: ReplyCode | None, status: StatusCode | None, text: str, command: Command | None) -> Reply | None:
    """Return a reply whose code the report states apart from its text; None without code."""
    return None if code is None else make_reply(code, status, text or str(int(code)), command)


def diagnostic_of(reply: str, words: str) -> Diagnostic | None:
    """Return the reply of a remote server, marked as such (RFC 3464 2.3.6), otherwise the report's own words."""
    if reply:
        return Diagnostic("smtp", reply)
    return Diagnostic("", words) if words else None


def address_of(found: str | None) -> str | None:
    """Return an address without brackets, its octal escapes decoded."""
    if not found:
        return None
    address = found.rstrip(".").strip("<>")
    return decode_octals(address) if "\\" in address else address


def status_of(found: str | None) -> StatusCode | None:
    """Return an enhanced status code (RFC 3463), or None for anything else."""
    try:
        return StatusCode.parse(found) if found else None
    except ValueError:
        return None


def action_of(found: str | None) -> Action | None:
    """Return an action (RFC 3464 2.3.3), or None for any other word."""
    return Action(found.lower()) if found and found.lower() in set(Action) else None


def date_of(found: str | None) -> datetime | None:
    """Return a date, or None if there is none."""
    return parse_date(found) if found else None


def message_of(found: Mapping[str, str]) -> dict[str, object]:
    """Return the facts about the message, with dates as dates."""
    message: dict[str, object] = dict(found)
    if "arrival_date" in message:
        message["arrival_date"] = parse_date(found["arrival_date"])
    return message


def without_sender(recipients: list[RecipientFacts], to: str) -> list[RecipientFacts]:
    """Return the recipients without the one that the report is sent to: it is quoted as the sender of the returned message."""
    readers = {address.lower() for address in addresses_in(to)}
    return [one for one in recipients if not one.recipient or one.recipient.lower() not in readers] or recipients
