"""Postal: one object per request, an event and its payload."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    BOUNCE,
    DELAY,
    DELIVERED,
    OTHER,
    PERMANENT_CLASS,
    SUPPRESSED,
    TEMPORARY_CLASS,
    Meaning,
    Notice,
    RecipientEvent,
    Service,
    about,
    one_by_one,
)

__all__ = ["SERVICE"]

EVENTS: Final = MappingProxyType(
    {
        "MessageSent": DELIVERED,  # accepted by the receiving server
        "MessageDelayed": DELAY,
        "MessageDeliveryFailed": BOUNCE,  # its status is the class
        "MessageBounced": BOUNCE,  # a bounce was received by mail
        "MessageHeld": SUPPRESSED,  # not sent: on the suppression list, or held by a rule
        "MessageLinkClicked": OTHER,
        "MessageLoaded": OTHER,
        "DomainDNSError": OTHER,
        "SendLimitApproaching": OTHER,
        "SendLimitExceeded": OTHER,
    }
)
CLASSES: Final = MappingProxyType(
    {
        "HardFail": PERMANENT_CLASS,
        "SoftFail": TEMPORARY_CLASS,
        "Held": Meaning(),
        "Bounced": Meaning(),
    }
)
_NAME: Final = "postal"
_EXPECTED: Final = "an object with event and payload"


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    payload = fields.sub("payload")
    type_ = fields.text("event")
    # A bounce received by mail is a message itself; `original_message` is the one that it is about.
    returned = "bounce" in payload.values and "original_message" in payload.values
    if returned and type_ != "MessageBounced":
        remarks.append(f"the event is called {type_}, but its payload is a bounce that came back")
    message = payload.sub("original_message" if returned else "message")
    tag = message.text("tag")
    return Notice(
        type=type_,
        class_=payload.text("status"),
        id=fields.text("uuid"),
        recipients=(RecipientEvent(message.text("to"), payload.text("output", "details")),),
        message=about(
            fields,
            date=fields.moment("timestamp"),
            message_id=message.text("message_id"),
            queue_id=message.text("id"),
            from_=message.text("from"),
            to=message.text("to"),
            subject=message.text("subject"),
        ),
        tags=() if tag is None else (tag,),
        meaning=BOUNCE if returned else None,
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="Postal",
    source="https://docs.postalserver.io/developer/webhooks",
    signature="RSA with SHA-1 over the body, newer versions with SHA-256 as well",
    events=EVENTS,
    classes=CLASSES,
    read=one_by_one(_NAME, _EXPECTED, ("payload", "event"), _notice),
)
