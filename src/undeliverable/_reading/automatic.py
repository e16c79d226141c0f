"""The readers of what is no delivery report: automatic replies, read receipts, and complaints without fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from undeliverable._dsn.returned import bare_address
from undeliverable._reading.reading import Reading
from undeliverable._text.lazy import lazy
from undeliverable.model import Feedback, RecipientFacts, Witness
from undeliverable.verdict import Kind

if TYPE_CHECKING:
    from undeliverable._dsn.one_pass import Look
    from undeliverable._knowledge.phrases import AutoReplyPhrases, HeaderMark

__all__ = [
    "read_authentication_report",
    "read_automatic",
    "read_bare_complaint",
    "read_challenge_report",
    "read_disposition",
    "read_service_notification",
    "read_suppression",
]

_SOURCE: Final = lazy(r"\bmessage from ([0-9A-Fa-f.:]{3,45})(?![\w.:])")  # "complaint about message from 192.0.2.9"
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
    mark = autoreply.mark_of(reading.header, phrases)
    inside = [message.header for part in reading.survey.returned[:1] for message in part.children[:1]]
    reported = inside[0] if inside else reading.header
    recipient = _named_in(mark.recipient, reported) if mark and mark.recipient else bare_address(reading.header("from"))
    reading.recipients.append(RecipientFacts(witness=Witness.HEADER, recipient=recipient))
    if kind is Kind.COMPLAINT and mark is not None and mark.feedback is not None:
        source = _SOURCE.search(reading.header("subject") or "") if inside else None
        reading.message = {
            **reading.message,
            "feedback": _feedback(mark, reported, source and source[1], is_inside=bool(inside)),
        }


def _named_in(fields: Iterable[str], header: Look) -> str | None:
    """Return the address in the first of `fields` that the reported message has."""
    found = (bare_address(header(name)) for name in fields)
    return next((address for address in found if address and "@" in address), None)


def _feedback(mark: HeaderMark, header: Look, source: str | None, *, is_inside: bool) -> Feedback:
    """Return what a form says that is no report of RFC 5965.

    :param header: gives the fields of the reported message.
    :param is_inside: whether it stands in the form; else the form is the message itself with other trace fields.
    """
    path = bare_address(header("return-path")) if is_inside else None
    return Feedback(
        type=mark.feedback,
        source_ip=source,
        original_mail_from=path if path and "@" in path else None,
        feedback_id=header("feedback-id"),
        fields=tuple((name.lower(), value) for name in mark.recipient if (value := header(name)) is not None),
    )


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


def read_suppression(reading: Reading) -> None:
    """Read the report of a service that has not sent the message, since its own list suppresses the address."""
    stated = reading.recipients
    if not stated or stated[0].reply is not None or reading.kind is not None:  # as nearly always
        return
    host = reading.message.get("reporting_mta")
    said = [facts.diagnostic for facts in stated if facts.witness is Witness.FIELD]
    if host is None or not said or None in said:
        return
    sender, is_own = reading.header("from") or "", reading.known.origin.is_own_suppression
    if all(is_own(sender, host, one.text) for one in said if one is not None):
        reading.kind = Kind.SUPPRESSED


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
