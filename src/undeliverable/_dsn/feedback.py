"""Feedback reports: RFC 5965 (complaints), RFC 6430 (not spam) and RFC 6591 (authentication failures).

A ``message/feedback-report`` part is one group of fields, some of which may stand several times (RFC 5965 3.2). This
reader keeps every field, and names the recipients that the report itself names; many reporters redact them
(RFC 6590), and then it names none. It never raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from undeliverable._dsn.grammar import FOLDED_FIELD
from undeliverable._text.dates import parse_date
from undeliverable.model import Evidence, RecipientFacts, Witness

__all__ = ["FeedbackReading", "read"]

_LINE_LIMIT: Final = 998  # RFC 5322 2.1.1
# RFC 5965 3.2 and, for opt-out, the drafts before it: what names a recipient, the best first.
_RECIPIENT_FIELDS: Final = ("original-rcpt-to", "removal-recipient")
# RFC 5965 3.1 and its drafts: the date of arrival.
_DATE_FIELDS: Final = ("arrival-date", "received-date")
# RFC 6430 2 and RFC 6591 3.1: the registered types that accuse nobody of sending unwanted mail.
_NO_COMPLAINT: Final = frozenset(("not-spam", "auth-failure"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackReading:
    """What a feedback report says.

    :ivar feedback_type: the type in lower case, words joined by hyphens (``abuse``, ``not-spam``); None if absent.
    :ivar recipients: who received the reported message, as far as the report names anybody.
    :ivar reporting_mta: the name of the server that reports, without its type.
    :ivar source_ip: the address that the message came from, as it stood.
    :ivar arrival_date: when the message arrived.
    :ivar original_envelope_id: the envelope id of the message (RFC 3461 4.4).
    :ivar feedback_id: the sender's own mark on the message, where the report repeats it.
    :ivar fields: every field by its lower-case name, unfolded, in the order of the report.
    """

    feedback_type: str | None
    recipients: tuple[RecipientFacts, ...]
    reporting_mta: str | None
    source_ip: str | None
    arrival_date: datetime | None
    original_envelope_id: str | None
    feedback_id: str | None
    fields: Mapping[str, tuple[str, ...]]

    @property
    def is_complaint(self) -> bool:
        """Whether somebody complained: abuse, fraud, virus, opt-out, other, or a type that is not registered.

        An unknown type is read as ``other`` (RFC 5965 7.3: what fits no registered type). A report with no field is none.
        """
        return bool(self.fields) and self.feedback_type not in _NO_COMPLAINT


def read(text: str, part: str) -> FeedbackReading:
    """Return the feedback report in `text`, the decoded body of the MIME part with the path `part` (RFC 5965 3)."""
    fields: dict[str, list[str]] = {}
    recipients: dict[str, RecipientFacts] = {}
    for match in FOLDED_FIELD.finditer(text):
        name, value = match[1].lower(), " ".join(match[2].split())
        fields.setdefault(name, []).append(value)
        if name in _RECIPIENT_FIELDS and (address := _address(value)) and address not in recipients:
            evidence = Evidence(Witness.FIELD, part, match.start(), match[0][:_LINE_LIMIT])
            recipients[address] = RecipientFacts(witness=Witness.FIELD, recipient=address, evidence=(evidence,))
    return _reading({name: tuple(values) for name, values in fields.items()}, tuple(recipients.values()))


def _reading(fields: dict[str, tuple[str, ...]], recipients: tuple[RecipientFacts, ...]) -> FeedbackReading:
    def first(*names: str) -> str | None:
        return next((value for name in names for value in fields.get(name, ()) if value), None)

    date = first(*_DATE_FIELDS)
    return FeedbackReading(
        feedback_type=_type(first("feedback-type"), fields),
        recipients=recipients,
        reporting_mta=_untyped(first("reporting-mta")),
        source_ip=first("source-ip", "source"),
        arrival_date=parse_date(date) if date else None,
        original_envelope_id=first("original-envelope-id"),
        feedback_id=first("feedback-id"),
        fields=MappingProxyType(fields),
    )


def _type(stated: str | None, fields: Mapping[str, tuple[str, ...]]) -> str | None:
    """Return the type: one token (RFC 5965 3.1), in practice also with a parameter, blanks or underscores."""
    if stated is None:  # RFC 6591 3.1: only authentication failures have this field
        return "auth-failure" if "auth-failure" in fields else None
    return re.sub(r"[\s_]+", "-", stated.partition(";")[0].strip().lower()) or None


def _untyped(value: str | None) -> str | None:
    """Return the name in ``dns; mx.example.net`` (RFC 3464 2.1.2), also where the type is missing."""
    return value.rpartition(";")[2].strip() or None if value else None


def _address(value: str) -> str | None:
    """Return the address in a recipient field: bare, in angle brackets, or typed; None if it was redacted."""
    before, opening, after = value.partition("<")
    address = after.partition(">")[0] if opening else before.rpartition(";")[2]
    local, at, domain = address.strip().rpartition("@")
    return f"{local}@{domain}" if at and local and domain else None
