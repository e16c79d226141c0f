"""Mailjet: one object per request, or a list of grouped events."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from undeliverable.reasons import Reason
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    BOUNCE,
    COMPLAINT,
    DELIVERED,
    HARD,
    HARD_CLASS,
    OTHER,
    SOFT,
    SOFT_CLASS,
    SUPPRESSED,
    UNSENT,
    UNSUBSCRIBED,
    Notice,
    RecipientEvent,
    Service,
    about,
    because,
    one_by_one,
)

__all__ = ["SERVICE"]

EVENTS: Final = MappingProxyType(
    {
        "bounce": BOUNCE,  # error_related_to and error are the class, or else the flag hard_bounce
        "blocked": SUPPRESSED,  # by Mailjet or by the receiver, as the class says
        "sent": DELIVERED,  # accepted by the receiving server
        "spam": COMPLAINT,
        "unsub": UNSUBSCRIBED,
        "open": OTHER,
        "click": OTHER,
    }
)
CLASSES: Final = MappingProxyType(
    {
        # error_related_to/error.
        "recipient/user unknown": because(Reason.USER_UNKNOWN, HARD),
        "recipient/mailbox inactive": because(Reason.MAILBOX_DISABLED, HARD),
        "recipient/quota exceeded": because(Reason.MAILBOX_FULL, SOFT),
        "recipient/blacklisted": SUPPRESSED,
        "recipient/spam reporter": SUPPRESSED,
        "domain/invalid domain": because(Reason.DOMAIN_UNKNOWN, HARD),
        "domain/no mail host": because(Reason.DOMAIN_UNKNOWN, HARD),
        "domain/relay/access denied": because(Reason.RELAY_DENIED, SOFT),
        "domain/greylisted": because(Reason.GREYLISTED, SOFT),
        "domain/typofix": because(Reason.DOMAIN_UNKNOWN, HARD),
        "content/bad or empty template": UNSENT,
        "content/error in template language": UNSENT,
        "spam/sender blocked": because(Reason.SENDER_REJECTED, SOFT),
        "spam/content blocked": because(Reason.SPAM_CONTENT, SOFT),
        "spam/policy issue": because(Reason.POLICY_REJECTED, SOFT),
        "system/system issue": because(Reason.SYSTEM_ERROR, SOFT),
        "system/protocol issue": because(Reason.PROTOCOL_ERROR, SOFT),
        "system/connection issue": because(Reason.NETWORK_ERROR, SOFT),
        "mailjet/preblocked": SUPPRESSED,
        "mailjet/duplicate in campaign": UNSENT,
        # error_related_to alone, and the flag hard_bounce if there is no error.
        "recipient": SOFT_CLASS._replace(bounce_type=None),
        "domain": SOFT_CLASS._replace(bounce_type=None),
        "content": because(Reason.CONTENT_REJECTED, SOFT),
        "spam": because(Reason.SPAM_CONTENT, SOFT),
        "system": because(Reason.SYSTEM_ERROR, SOFT),
        "mailjet": SUPPRESSED,
        "/hard_bounce": HARD_CLASS,
        "/soft_bounce": SOFT_CLASS,
    }
)
_NAME: Final = "mailjet"
_EXPECTED: Final = "an object with event, or a list of them"


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    type_, error, hard = fields.text("event"), fields.text("error"), fields.flag("hard_bounce")
    related = fields.text("error_related_to")
    if error is None and related is None and type_ == "bounce" and hard is not None:
        error = "hard_bounce" if hard else "soft_bounce"  # the flag serves as the class
    payload = fields.text("Payload")
    return Notice(
        type=type_,
        class_=related,
        subclass=error,
        id=fields.text("Message_GUID", "MessageID"),
        recipients=(RecipientEvent(fields.text("email"), fields.text("smtp_reply", "comment")),),
        message=about(fields, date=fields.moment("time"), queue_id=fields.text("MessageID")),
        tags=tuple(tag for name in ("customcampaign", "CustomID") for tag in fields.texts(name) if tag),
        metadata={} if payload is None else {"Payload": payload},
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="Mailjet",
    source="https://dev.mailjet.com/email/guides/webhooks/",
    signature="none: basic authentication in the address",
    events=EVENTS,
    classes=CLASSES,
    read=one_by_one(_NAME, _EXPECTED, ("event",), _notice),
)
