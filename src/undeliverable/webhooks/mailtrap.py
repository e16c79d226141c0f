"""Mailtrap: an object with a list of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.reasons import BounceType, Reason
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    COMPLAINT,
    DELAY,
    DELIVERED,
    HARD,
    OTHER,
    SUPPRESSED,
    UNSUBSCRIBED,
    Fate,
    Meaning,
    Notice,
    Service,
    about,
    because,
    objects,
)

__all__ = ["SERVICE"]

EVENTS: Final = MappingProxyType(
    {
        "bounce": HARD._replace(temporary=False),  # bounce_category is the class
        "soft bounce": DELAY,  # tried again
        "suspension": DELAY,  # Mailtrap holds it for the moment
        "reject": SUPPRESSED,  # not even tried
        "delivery": DELIVERED,
        "spam": COMPLAINT,
        "unsubscribe": UNSUBSCRIBED,
        "open": OTHER,
        "click": OTHER,
        # Spelled so as well.
        "soft_bounce": DELAY,
        "spam_complaint": COMPLAINT,
    }
)
_SOFT: Final = Meaning(None, BounceType.SOFT)
CLASSES: Final = MappingProxyType(
    {
        "hard": Meaning(None, BounceType.HARD),
        "soft": _SOFT,
        "badmailbox": because(Reason.USER_UNKNOWN, Meaning(None, BounceType.HARD)),
        "baddomain": because(Reason.DOMAIN_UNKNOWN, Meaning(None, BounceType.HARD)),
        "inactivemailbox": because(Reason.MAILBOX_DISABLED, Meaning(None, BounceType.HARD)),
        "quotaissues": because(Reason.MAILBOX_FULL, _SOFT),
        "spam": because(Reason.SPAM_CONTENT, _SOFT),
        "policyrelated": because(Reason.POLICY_REJECTED, _SOFT),
        "protocolerrors": because(Reason.PROTOCOL_ERROR, _SOFT),
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
    fate = Fate(
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
        fates=(fate,),
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
