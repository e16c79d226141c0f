"""Twilio SendGrid: the event webhook, a list of flat objects that hold the sender's own arguments as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.reasons import BounceType, Reason
from undeliverable.verdict import Kind
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    BOUNCE,
    COMPLAINT,
    DELAY,
    DELIVERED,
    HARD,
    OTHER,
    SOFT,
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
        "bounce": BOUNCE,  # its type and bounce_classification are the class
        "deferred": DELAY,  # tried again for up to 72 hours
        "dropped": SUPPRESSED,  # not even tried; its reason is the class
        "delivered": DELIVERED,
        "spamreport": COMPLAINT,
        "unsubscribe": UNSUBSCRIBED,
        "group_unsubscribe": UNSUBSCRIBED,
        "group_resubscribe": OTHER,
        "processed": OTHER,
        "open": OTHER,
        "click": OTHER,
        "account_status_change": OTHER,
    }
)
_HARD: Final = HARD._replace(kind=None)
_SOFT: Final = SOFT._replace(kind=None)
_DROPPED: Final = Meaning(Kind.BOUNCE, BounceType.SOFT)
CLASSES: Final = MappingProxyType(
    {
        # type: a bounce goes on the suppression list, a block does not.
        "bounce": _HARD,
        "blocked": _SOFT,
        "expired": because(Reason.EXPIRED, _SOFT, expired=True),
        # type/bounce_classification.
        "bounce/Invalid Address": because(Reason.USER_UNKNOWN, _HARD),
        "bounce/Unclassified": _HARD,
        "blocked/Technical Failure": because(Reason.SYSTEM_ERROR, _SOFT),
        "blocked/Content": because(Reason.SPAM_CONTENT, _SOFT),
        "blocked/Reputation": because(Reason.BAD_REPUTATION, _SOFT),
        "blocked/Frequency or Volume Too High": because(Reason.RATE_LIMITED, _SOFT),
        "blocked/Mailbox Unavailable": because(Reason.MAILBOX_FULL, _SOFT),
        # reason of what was dropped: it is on one of SendGrid's lists, or something is wrong with the message.
        "Bounced Address": SUPPRESSED,
        "Unsubscribed Address": SUPPRESSED,
        "Spam Reporting Address": SUPPRESSED,
        "Invalid": SUPPRESSED,
        "Spam Content": because(Reason.SPAM_CONTENT, _DROPPED),
        "Invalid SMTPAPI header": because(Reason.CONTENT_REJECTED, _DROPPED),
        "Recipient List over Package Quota": because(Reason.RATE_LIMITED, _DROPPED),
    }
)
# Everything else in an event was put there by the sender: unique arguments and custom arguments.
_OWN: Final = frozenset((
    "email", "timestamp", "event", "smtp-id", "sg_event_id", "sg_message_id", "reason", "status", "response",
    "attempt", "type", "bounce_classification", "category", "asm_group_id", "ip", "useragent", "url", "url_offset",
    "tls", "cert_err", "pool", "newsletter", "marketing_campaign_id", "marketing_campaign_name", "sg_machine_open",
    "sg_content_type", "template_id", "sg_template_id", "sg_template_name", "send_at"
))  # fmt: skip
_NAME: Final = "sendgrid"
_EXPECTED: Final = "a list of objects with event"


def _read(body: object, _headers: Mapping[str, str]) -> Iterator[Notice]:
    for fields, remarks in objects(_NAME, body, _EXPECTED, ("event", "sg_event_id")):
        yield _notice(fields, remarks)


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    type_ = fields.text("event")
    dropped = type_ == "dropped"
    return Notice(
        type=type_,
        class_=fields.text("reason") if dropped else fields.text("type") if type_ == "bounce" else None,
        subclass=None if dropped else fields.text("bounce_classification"),
        id=fields.text("sg_event_id"),
        fates=(
            Fate(fields.text("email"), fields.text("reason", "response"), prose=dropped, status=fields.text("status")),
        ),
        message=about(
            fields,
            date=fields.moment("timestamp"),
            message_id=fields.text("smtp-id"),
            queue_id=fields.text("sg_message_id"),
        ),
        tags=fields.texts("category"),
        metadata={name: value for name, value in fields.values.items() if name not in _OWN},
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="Twilio SendGrid",
    source="https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event",
    signature="ECDSA P-256 over timestamp and body",
    events=EVENTS,
    classes=CLASSES,
    read=_read,
)
