"""The details that some replies give: the blocklist, the time to wait, a link, what did not pass, the size allowed.

Each reader looks at the replies of a few reasons only. It searches for a literal that must be there, and matches a
bounded pattern from there. Which blocklists are known by name is the caller's knowledge.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from undeliverable._rules.visible import TEXT_LIMIT, place_of
from undeliverable._text.lazy import lazy
from undeliverable.codes import StatusCode
from undeliverable.reasons import Fault, Reason
from undeliverable.verdict import NO_DETAILS, Details

__all__ = ["read_details"]

_URL: Final = lazy(r"https?://[^\s<>\"'()\[\]{}|\\^`]{1,500}", re.IGNORECASE)
# What stands before a link that the message contains, as opposed to one of the server's.
_OWN_LINK: Final = lazy(r"\b(?:url|uri|link|contain\w{0,3}|domain)\s?[:=]?\s?$")

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_TIME: Final = lazy(r"([0-9]{1,6}) ?(sec|min|hour|hr|day)")
# A time to come back, not the window of a limit ("100 messages in 60 minutes"): only after a word of waiting.
_WAITING: Final = lazy(
    r"(?:\btry|again|retry|retries|back|list(?:ed|ing)|block(?:ed)? for|wait|later|defer|defer(?:red|ral)|delay|delayed)\b"
    r"[^.;0-9]{0,40}$"
)
_BEFORE: Final = 60  # characters before a time that are looked at
_CLOCK: Final = lazy(r"([0-9]{1,2}):([0-5][0-9]):([0-5][0-9])(?![0-9:])")
_CLOCK_COMES: Final = ("in ", "after ", "for ", "wait ")

_MECHANISMS: Final = (("spf", "spf"), ("dkim", "dkim"), ("sender policy framework", "spf"), ("domainkeys", "dkim"))
# RFC 7372 3 and RFC 8617 10.3: X.7.20 to X.7.25 and X.7.29. X.7.26 says only that several checks failed.
_BY_DETAIL: Final = {20: "dkim", 21: "dkim", 22: "dkim", 23: "spf", 24: "spf", 25: "ptr", 29: "arc"}

# "size 12345678 exceeds size limit 10240000": the number after the limit, whichever stands first.
_SIZE: Final = lazy(
    r"(?:limit|max|maximum|allowed|allows|larger than|bigger than|greater than|exceeds?|over|up to)\b[^0-9.]{0,60}"
    r"(?<![0-9])([0-9]{1,3}(?:[, ][0-9]{3}){1,4}|[0-9]{1,15}(?:[.][0-9]{1,3})?)(?![0-9]|[.][0-9])"
    r" ?((?:[kmg]|kilo|mega|giga)(?:i?b|bytes?)?|bytes?|octets?)?\b"
)
_UNITS: Final = {"k": 1_024, "m": 1_048_576, "g": 1_073_741_824}
_SMALLEST: Final = 1_024  # a smaller number is not the size of a message: RFC 5321 4.5.3.1.7 demands room for 64 KB


def read_details(
    blocklist_in: Callable[[str], str | None], reason: Reason | None, text: str | None, status: StatusCode | None
) -> Details:
    """Return the details of the reply `text` with this `reason` and `status`.

    :param blocklist_in: returns the name of the blocklist that a casefolded reply names, or None.
    """
    if reason is None or not text:
        return NO_DETAILS
    text = text[:TEXT_LIMIT]
    fault = reason.fault
    link = _help_url(text, own_links=fault is Fault.CONTENT) if "://" in text else None
    if fault is Fault.ADDRESS:
        return NO_DETAILS if link is None else Details(help_url=link)
    folded = text.casefold()
    if fault is Fault.SENDER:
        return Details(
            blocklist_in(folded) if reason is Reason.BLOCKLISTED else None,
            _retry_after(folded),
            link,
            _mechanism(folded, reason, status),
        )
    if fault is Fault.CONTENT:
        return Details(
            blocklist_in(folded) if reason is Reason.SPAM_CONTENT and "bl" in folded else None,
            None,
            link,
            None,
            _size_limit(folded) if reason is Reason.MESSAGE_TOO_LARGE else None,
        )
    wait = _retry_after(folded)
    return NO_DETAILS if wait is None and link is None else Details(retry_after=wait, help_url=link)


def _help_url(text: str, *, own_links: bool) -> str | None:
    """Return the first link to an explanation; with `own_links` skip those that the message was refused for."""
    match = _URL.search(text, max(text.find("://") - 5, 0))
    while own_links and match is not None:
        before = text[max(match.start() - 16, 0) : match.start()].casefold()
        if _OWN_LINK.search(before) is None:
            break
        match = _URL.search(text, match.end())
    return None if match is None else match[0].rstrip(".,;:!?")


def _retry_after(folded: str) -> int | None:
    if "0:" in folded and ("00:" in folded or "01:" in folded):
        clock = _CLOCK.search(folded)
        if clock is not None and folded[: clock.start()].endswith(_CLOCK_COMES):
            return int(clock[1]) * 3_600 + int(clock[2]) * 60 + int(clock[3]) or None
    if not ("sec" in folded or "min" in folded or "hour" in folded or "hr" in folded or "day" in folded):
        return None
    for match in _TIME.finditer(folded):
        if _WAITING.search(folded, max(match.start() - _BEFORE, 0), match.start()) is not None:
            return int(match[1]) * _SECONDS[match[2][0]] or None  # a queue that waits for no time spins
    return None


def _mechanism(folded: str, reason: Reason, status: StatusCode | None) -> str | None:
    if reason is Reason.AUTH_FAILED:
        return _authentication(folded) or (_BY_DETAIL.get(status.detail) if status and status.subject == 7 else None)
    if reason is Reason.SECURITY_REQUIRED:
        return "tls" if "tls" in folded or "encrypt" in folded else None
    if reason is not Reason.PTR_MISSING:
        return None
    # The reason also holds a HELO name that is wrong.
    named = "ptr" in folded or "reverse" in folded or "rdns" in folded
    return "ptr" if named or not ("helo" in folded or "ehlo" in folded) else None


def _authentication(folded: str) -> str | None:
    """Return what did not pass: DMARC where it is named, since it builds on the others; else what is named first."""
    if "dmarc" in folded:
        return "dmarc"
    places = [(at, name) for phrase, name in _MECHANISMS if (at := folded.find(phrase)) >= 0]
    if places:
        return min(places)[1]
    return "arc" if place_of("arc", folded) >= 0 else None


def _size_limit(folded: str) -> int | None:
    for match in _SIZE.finditer(folded):
        number = float(match[1].replace(",", "").replace(" ", ""))
        octets = int(number * _UNITS.get((match[2] or "b")[0], 1))
        if octets >= _SMALLEST:
            return octets
    return None
