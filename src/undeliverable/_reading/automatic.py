"""The readers of what is no delivery report: automatic replies, read receipts, and complaints without fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from undeliverable._dsn.returned import bare_address
from undeliverable._reading.reading import Reading
from undeliverable._text.lazy import lazy
from undeliverable.model import RecipientFacts, Witness
from undeliverable.verdict import Kind

if TYPE_CHECKING:
    from undeliverable._knowledge.phrases import AutoReplyPhrases

__all__ = [
    "read_authentication_report",
    "read_automatic",
    "read_bare_complaint",
    "read_challenge_report",
    "read_disposition",
    "read_service_notification",
]

_HEAD: Final = 4_096  # characters
_AUTHENTICATION: Final = lazy(r"\b(dmarc|dkim|spf)\b", re.IGNORECASE)
_AUTHENTICATION_RESULT: Final = lazy(
    r"^[ \t]{0,40}(dmarc|dkim|spf)\b(?! ?-?signature)[ \w-]{0,40}:", re.IGNORECASE | re.MULTILINE
)
_DMARC: Final = lazy(r"\bdmarc\b", re.IGNORECASE)


def read_disposition(reading: Reading) -> None:
    """Read a disposition notification (RFC 8098)."""
    for part in reading.survey.dispositions[:1]:
        reading.kind = Kind.DISPOSITION
        from undeliverable._reading import autoreply

        reading.recipients.extend(autoreply.disposition(part.text, part.path))


def read_bare_complaint(reading: Reading) -> None:
    """Read a feedback report (RFC 5965 2) that has lost the part with its fields."""
    if "feedback-report" in (reading.header("content-type") or "").lower():
        reading.kind = Kind.COMPLAINT
        reading.recipients.append(RecipientFacts(witness=Witness.HEADER))
        reading.remarks.append("a feedback report without its fields")


def read_service_notification(reading: Reading) -> None:
    """Read the JSON that a mail service sends by mail."""
    if reading.text.lstrip().startswith("{"):
        from undeliverable._reading import service

        service.read_notification(reading)


def read_automatic(reading: Reading) -> None:
    """Read an automatic reply or a challenge, whose sender is the recipient; or a complaint in a form of its own."""
    from undeliverable._reading import autoreply

    phrases = reading.known.phrases
    kind = autoreply.recognise(reading.header, reading.text, phrases, reading.known.origin)
    if kind is None:
        return
    reading.kind = kind
    fields = autoreply.fields_of_recipient(reading.header, phrases)
    recipient = _reported(reading, fields) if fields else bare_address(reading.header("from"))
    reading.recipients.append(RecipientFacts(witness=Witness.HEADER, recipient=recipient))


def _reported(reading: Reading, fields: tuple[str, ...]) -> str | None:
    """Return the address in the first of `fields` that the reported message has: the one inside, or this one."""
    inside = [message.header for part in reading.survey.returned[:1] for message in part.children[:1]]
    header = inside[0] if inside else reading.header
    found = (bare_address(header(name)) for name in fields)
    return next((address for address in found if address and "@" in address), None)


def read_challenge_report(reading: Reading) -> None:
    """Read a challenge in the form of a delivery report: it says nothing of the address, but wants its sender to act."""
    stated = reading.recipients
    if not stated or stated[0].reply is not None or reading.kind is not None:  # as nearly always
        return
    words = [facts.diagnostic for facts in stated if facts.diagnostic is not None]
    if not words:
        return
    if _is_challenge_reply()([f"{said.type}; {said.text}" for said in words], reading.known.phrases):
        reading.kind = Kind.CHALLENGE
        names = dict.fromkeys(facts.recipient for facts in stated if facts.recipient)
        stated[:] = [RecipientFacts(witness=Witness.HEADER, recipient=name) for name in names]


@lru_cache(maxsize=1)
def _is_challenge_reply() -> Callable[[Iterable[str], AutoReplyPhrases], bool]:
    """Return what recognises a challenge: imported when first needed, for the statement takes time each time."""
    from undeliverable._reading.autoreply import is_challenge_reply

    return is_challenge_reply


def read_authentication_report(reading: Reading) -> None:
    """Read a report on failed authentication without parts for software (RFC 7489 7.3): it is about no delivery."""
    from undeliverable._formats.wording import OUTCOMES

    subject = reading.header("subject") or ""
    if reading.known.wording.kinds(subject) & OUTCOMES:
        return
    head = reading.text[:_HEAD]
    named = {found.lower() for found in _AUTHENTICATION.findall(head)}
    results = {found.lower() for found in _AUTHENTICATION_RESULT.findall(head)}
    if len(results) > 1 or ("dmarc" in named and _DMARC.search(subject)):
        reading.kind = Kind.OTHER
