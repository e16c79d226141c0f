"""Feedback reports: RFC 5965 (complaints), RFC 6430 (not spam) and RFC 6591 (authentication failures).

A ``message/feedback-report`` part is one group of fields, some of which may stand several times (RFC 5965 3.2). This
reader keeps every field, and names the recipients that the report itself names; many reporters redact them
(RFC 6590), and then it names none. It never raises.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from undeliverable._dsn.grammar import FOLDED_FIELD
from undeliverable._text.dates import parse_date
from undeliverable._text.lazy import lazy
from undeliverable.model import BLOCK_LIMIT, Evidence, Feedback, RecipientFacts, Witness

__all__ = ["NO_COMPLAINT", "FeedbackReading", "read"]

_LINE_LIMIT: Final = 998  # RFC 5322 2.1.1
_FIELDS: Final = 200  # fields that are kept
_LOCAL: Final = 320
# "list+kim=example.org", also signed (BATV); "list-return-42-kim=example.org" (ezmlm); "bounce-kim=example.org".
_VERP: Final = lazy(
    r"(?:prvs=[0-9a-z]{10}=)?"
    r"(?:(?![^+]*(?:bounces?|return)-)[^+=@]{0,128}\+|(?:[^+=@]{1,64}-)?return-\d{1,10}-|(?:bounces?|return)-(?=[^-+=@]+=))"
    r"([^@=]{1,64})=([^\s=@+]{1,128}\.[^\s=@+.]{1,63})",
    re.ASCII | re.IGNORECASE,
)
_MARK: Final = lazy(r"[^-]*\d[^-]*-", re.ASCII)
# RFC 5965 3.1 and its drafts: the date of arrival.
_DATE_FIELDS: Final = ("arrival-date", "received-date")
# RFC 6430 2 and RFC 6591 3.1: the registered types that accuse nobody of sending unwanted mail.
NO_COMPLAINT: Final = frozenset(("not-spam", "auth-failure"))
"""The types of feedback that are no complaint about a message."""


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
    :ivar block: the group of fields as it stood, at most 64 KB.
    :ivar facts: what comes into the public record.
    """

    feedback_type: str | None
    recipients: tuple[RecipientFacts, ...]
    reporting_mta: str | None
    source_ip: str | None
    arrival_date: datetime | None
    original_envelope_id: str | None
    feedback_id: str | None
    fields: Mapping[str, tuple[str, ...]]
    block: str
    facts: Feedback

    @property
    def is_complaint(self) -> bool:
        """Whether somebody complained: abuse, fraud, virus, opt-out, other, or a type that is not registered.

        An unknown type is read as ``other`` (RFC 5965 7.3: what fits no registered type). A report with no field is none.
        """
        return bool(self.fields) and self.feedback_type not in NO_COMPLAINT

    @property
    def message(self) -> dict[str, Any]:
        """Return what it says of the message, as keywords of :class:`~undeliverable.model.MessageFacts`."""
        found = {
            "reporting_mta": self.reporting_mta,
            "arrival_date": self.arrival_date,
            "original_envelope_id": self.original_envelope_id,
        }
        return {"field_block": self.block, "feedback": self.facts, **{key: found[key] for key in found if found[key]}}


def read(text: str, part: str) -> FeedbackReading:
    """Return the feedback report in `text`, the decoded body of the MIME part with the path `part` (RFC 5965 3)."""
    fields = [(match, match[1].lower(), " ".join(match[2].split())) for match in FOLDED_FIELD.finditer(text)]
    block = text[:BLOCK_LIMIT].strip()
    recipients: dict[str, RecipientFacts] = {}
    for names, address_in in _NAMING:
        if recipients:
            break
        for match, name, value in fields:
            address = address_in(value) if name in names else None
            if address and address not in recipients:
                evidence = Evidence(Witness.FIELD, part, match.start(), match[0][:_LINE_LIMIT])
                recipients[address] = RecipientFacts(
                    witness=Witness.FIELD, recipient=address, evidence=(evidence,), field_block=block
                )
    return _reading([(name, value) for _, name, value in fields], tuple(recipients.values()), block)


def _reading(pairs: list[tuple[str, str]], recipients: tuple[RecipientFacts, ...], block: str) -> FeedbackReading:
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)

    def first(*names: str) -> str | None:
        return next((value for name in names for value in fields.get(name, ()) if value), None)

    date, path = first(*_DATE_FIELDS), first("original-mail-from")
    facts = Feedback(
        type=_type(first("feedback-type"), fields),
        source_ip=first("source-ip", "source"),
        original_mail_from=None if path is None else path.strip("<> ") or None,
        reported_domain=first("reported-domain"),
        arrival_date=parse_date(date) if date else None,
        user_agent=first("user-agent"),
        feedback_id=first("feedback-id"),
        fields=tuple(pairs[:_FIELDS]),
    )
    return FeedbackReading(
        feedback_type=facts.type,
        recipients=recipients,
        reporting_mta=_untyped(first("reporting-mta")),
        source_ip=facts.source_ip,
        arrival_date=facts.arrival_date,
        original_envelope_id=first("original-envelope-id"),
        feedback_id=facts.feedback_id,
        fields=MappingProxyType({name: tuple(values) for name, values in fields.items()}),
        block=block,
        facts=facts,
    )


def _type(stated: str | None, fields: Container[str]) -> str | None:
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


def _sent_to(path: str) -> str | None:
    """Return the recipient that an envelope sender names (VERP, https://cr.yp.to/proto/verp.txt), or None.

    It stands behind the first delimiter, with ``=`` for ``@``. A place in it that may as well be a number or a mark of the
    message (``bounces+4711-kim=example.org``) names nobody for sure.
    """
    local = path.strip("<> ").rpartition("@")[0]
    found = _VERP.fullmatch(local[:_LOCAL])
    if found is None or _MARK.match(found[1]) is not None:
        return None
    return f"{found[1]}@{found[2]}"


_NAMING: Final = (
    (frozenset(("original-rcpt-to", "removal-recipient")), _address),
    (frozenset(("original-mail-from",)), _sent_to),
)
"""Which fields name a recipient and how, the best first: RFC 5965 3.2 and, for opt-out, the drafts before it."""
