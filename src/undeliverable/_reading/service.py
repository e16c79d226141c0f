"""The notifications of a mail service that come by mail: Amazon SNS mails the JSON that it also posts to web hooks.

Only what the mail is about is read here: who, and what happened. A body that is no such JSON is left to the other readers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final, cast

from undeliverable._reading.reading import Reading
from undeliverable._text.dates import parse_date
from undeliverable._text.lazy import lazy
from undeliverable.codes import StatusCode
from undeliverable.model import Action, Diagnostic, Feedback, RecipientFacts, Witness
from undeliverable.verdict import Kind

__all__ = ["read_notification"]

_LIMIT: Final = 262_144  # octets: the longest message that Amazon SNS takes
_TYPE: Final = lazy(r"[A-Za-z][\w.-]{0,30}; ?")
# By the type of a notification: what it is, where its recipients stand, what happened to them.
_EVENTS: Final = {
    "Bounce": (None, "bounce", "bouncedRecipients", Action.FAILED),
    "DeliveryDelay": (None, "deliveryDelay", "delayedRecipients", Action.DELAYED),
    "Delivery": (None, "delivery", "recipients", Action.DELIVERED),
    "Complaint": (Kind.COMPLAINT, "complaint", "complainedRecipients", None),
}


def read_notification(reading: Reading) -> None:
    """Read a notification of Amazon SES in JSON (https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html)."""
    event = _event(reading.text.lstrip())
    type_ = event.get("notificationType") or event.get("eventType")
    known = _EVENTS.get(type_) if isinstance(type_, str) else None
    if known is None:
        return
    kind, section, list_, action = known
    found = [_facts(entry, action) for entry in _entries(_table(event.get(section)).get(list_))]
    recipients = [facts for facts in found if facts is not None]
    if recipients:
        reading.kind = kind
        reading.recipients.extend(recipients)
        if kind is Kind.COMPLAINT:
            reading.message = {
                **reading.message,
                "feedback": _feedback(_table(event[section]), _table(event.get("mail"))),
            }


def _feedback(complaint: dict[str, object], mail: dict[str, object]) -> Feedback:
    """Return what the fields say that the service takes from the report of the receiver (RFC 5965)."""
    date = _string(complaint, "arrivalDate")
    return Feedback(
        type=_string(complaint, "complaintFeedbackType"),
        source_ip=_string(mail, "sourceIp"),
        original_mail_from=_string(mail, "source"),
        arrival_date=None if date is None else parse_date(date),
        user_agent=_string(complaint, "userAgent"),
    )


def _string(table: dict[str, object], key: str) -> str | None:
    value = table.get(key)
    return value if isinstance(value, str) and value else None


def _event(text: str) -> dict[str, object]:
    """Return the event that a text begins with, taken out of the envelope of Amazon SNS; below it stands a footer."""
    try:
        found = _table(json.JSONDecoder().raw_decode(text[:_LIMIT])[0])
        inside = found.get("Message")
        return _table(json.loads(inside)) if isinstance(inside, str) else found
    except (ValueError, RecursionError):
        return {}


def _table(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _entries(value: object) -> Iterator[dict[str, object]]:
    """Yield the recipients of a list, whether they stand there as addresses or with more about them."""
    for entry in cast("list[object]", value) if isinstance(value, list) else ():
        yield {"emailAddress": entry} if isinstance(entry, str) else _table(entry)


def _facts(entry: dict[str, object], action: Action | None) -> RecipientFacts | None:
    address, status, said = (entry.get(key) for key in ("emailAddress", "status", "diagnosticCode"))
    if not isinstance(address, str) or "@" not in address:
        return None
    return RecipientFacts(
        witness=Witness.FIELD if action else Witness.HEADER,
        recipient=address,
        action=action,
        status=_status(status),
        diagnostic=Diagnostic("smtp", _TYPE.sub("", said, count=1)) if isinstance(said, str) else None,
    )


def _status(value: object) -> StatusCode | None:
    try:
        return StatusCode.parse(value) if isinstance(value, str) else None
    except ValueError:
        return None
