"""Twilio SendGrid: the event webhook, a list of flat objects that also hold the sender's own arguments."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from undeliverable.reasons import Reason
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    BOUNCE,
    COMPLAINT,
    DELAY,
    DELIVERED,
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
        "bounce": BOUNCE,  # its type and bounce_classification are the class
        "deferred": DELAY,  # retried for up to 72 hours
        "dropped": SUPPRESSED,  # not sent; its reason is the class
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
CLASSES: Final = MappingProxyType(
    {
        # type: a bounce is put on the suppression list, a block is not.
        "bounce": HARD_CLASS,
        "blocked": SOFT_CLASS,
        "expired": because(Reason.EXPIRED, SOFT_CLASS, expired=True),
        # type/bounce_classification.
        "bounce/Invalid Address": because(Reason.USER_UNKNOWN, HARD_CLASS),
        "bounce/Unclassified": HARD_CLASS,
        "blocked/Technical Failure": because(Reason.SYSTEM_ERROR, SOFT_CLASS),
        "blocked/Content": because(Reason.SPAM_CONTENT, SOFT_CLASS),
        "blocked/Reputation": because(Reason.BAD_REPUTATION, SOFT_CLASS),
        "blocked/Frequency or Volume Too High": because(Reason.RATE_LIMITED, SOFT_CLASS),
        "blocked/Mailbox Unavailable": because(Reason.MAILBOX_FULL, SOFT_CLASS),
        # reason of a drop: the address is on one of SendGrid's lists, or the message is faulty.
        "Bounced Address": SUPPRESSED,
        "Unsubscribed Address": SUPPRESSED,
        "Spam Reporting Address": SUPPRESSED,
        "Invalid": SUPPRESSED,
        "Spam Content": because(Reason.SPAM_CONTENT, SOFT),
        "Invalid SMTPAPI header": UNSENT,
        "Recipient List over Package Quota": UNSENT,
    }
)
# The fields of SendGrid itself; all others are the sender's unique arguments and custom arguments.
_OWN: Final = frozenset((
    "email", "timestamp", "event", "smtp-id", "sg_event_id", "sg_message_id", "reason", "status", "response",
    "attempt", "type", "bounce_classification", "category", "asm_group_id", "ip", "useragent", "url", "url_offset",
    "tls", "cert_err", "pool", "newsletter", "marketing_campaign_id", "marketing_campaign_name", "sg_machine_open",
    "sg_content_type", "template_id", "sg_template_id", "sg_template_name", "send_at"
))  # fmt: skip
_NAME: Final = "sendgrid"
_EXPECTED: Final = "a list of objects with event"


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    type_ = fields.text("event")
    dropped = type_ == "dropped"
    return Notice(
        type=type_,
        class_=fields.text("reason") if dropped else fields.text("type") if type_ == "bounce" else None,
        subclass=None if dropped else fields.text("bounce_classification"),
        id=fields.text("sg_event_id"),
        recipients=(
            RecipientEvent(
                fields.text("email"), fields.text("reason", "response"), prose=dropped, status=fields.text("status")
            ),
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
    read=one_by_one(_NAME, _EXPECTED, ("event", "sg_event_id"), _notice),
)
