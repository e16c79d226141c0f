"""Mailtrap: one object per request, with a list of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.reasons import Reason
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    COMPLAINT,
    DELAY,
    DELIVERED,
    HARD_CLASS,
    OTHER,
    PERMANENT,
    SOFT_CLASS,
    SUPPRESSED,
    UNSENT,
    UNSUBSCRIBED,
    Notice,
    RecipientEvent,
    Service,
    about,
    because,
    objects,
)

__all__ = ["SERVICE"]

EVENTS: Final = MappingProxyType(
    {
        "bounce": PERMANENT,  # bounce_category is the class
        "soft bounce": DELAY,  # will be retried
        "suspension": UNSENT,  # the account has reached a limit or is suspended
        "reject": SUPPRESSED,  # not sent
        "delivery": DELIVERED,
        "spam": COMPLAINT,
        "unsubscribe": UNSUBSCRIBED,
        "open": OTHER,
        "click": OTHER,
        # Alternative spellings.
        "soft_bounce": DELAY,
        "spam_complaint": COMPLAINT,
    }
)
CLASSES: Final = MappingProxyType(
    {
        "hard": HARD_CLASS,
        "soft": SOFT_CLASS,
        "badmailbox": because(Reason.USER_UNKNOWN, HARD_CLASS),
        "baddomain": because(Reason.DOMAIN_UNKNOWN, HARD_CLASS),
        "inactivemailbox": because(Reason.MAILBOX_DISABLED, HARD_CLASS),
        "quotaissues": because(Reason.MAILBOX_FULL, SOFT_CLASS),
        "spam": because(Reason.SPAM_CONTENT, SOFT_CLASS),
        "policyrelated": because(Reason.POLICY_REJECTED, SOFT_CLASS),
        "protocolerrors": because(Reason.PROTOCOL_ERROR, SOFT_CLASS),
    }
)
_NAME: Final = "mailtrap"
_EXPECTED: Final = "an object with events"


def _read(body: object, _headers: Mapping[str, str]) -> Iterator[Notice]:
    for outer, remarks in objects(_NAME, body, _EXPECTED, ("events",)):
        items = outer.raw("events")
        for fields, own in objects(_NAME, [] if items is None else items, _EXPECTED, ("event", "event_id", "email")):
            yield _notice(fields, [*remarks, *own])


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    type_ = fields.text("event")
    words = fields.text("response") or fields.text("reason")
    recipient = RecipientEvent(
        fields.text("email"),
        words,
        prose=type_ in {"reject", "suspension"},
        code=fields.text("response_code"),
        remote_mta=fields.text("mx"),
    )
    return Notice(
        type=type_,
        class_=fields.text("bounce_category"),
        id=fields.text("event_id"),
        recipients=(recipient,),
        message=about(fields, date=fields.moment("timestamp"), queue_id=fields.text("message_id")),
        tags=fields.texts("category"),
        metadata=fields.sub("custom_variables").values,
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="Mailtrap",
    source="https://docs.mailtrap.io/email-api-smtp/advanced/webhooks",
    signature="basic authentication; newer accounts sign the body",
    events=EVENTS,
    classes=CLASSES,
    read=_read,
)
