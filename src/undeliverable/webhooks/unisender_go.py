"""Unisender Go: events grouped by user, or a single event."""

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
    HARD,
    HARD_CLASS,
    OTHER,
    SOFT,
    SOFT_CLASS,
    SUPPRESSED,
    UNSUBSCRIBED,
    Meaning,
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
        # status of a message; delivery_info.delivery_status is the class.
        "hard_bounced": HARD,
        "soft_bounced": SOFT,
        "delivered": DELIVERED,
        "spam": COMPLAINT,
        "unsubscribed": UNSUBSCRIBED,
        "subscribed": OTHER,
        "accepted": OTHER,
        "sent": OTHER,
        "opened": OTHER,
        "clicked": OTHER,
        "transactional_spam_block": OTHER,  # about one of the sender's domains, not about a message
    }
)
CLASSES: Final = MappingProxyType(
    {
        "err_will_retry": DELAY,  # not final yet
        "err_user_unknown": because(Reason.USER_UNKNOWN, HARD_CLASS),
        "err_user_inactive": because(Reason.MAILBOX_DISABLED, HARD_CLASS),
        "err_mailbox_discarded": because(Reason.MAILBOX_DISABLED, HARD_CLASS),
        "err_mailbox_full": because(Reason.MAILBOX_FULL, SOFT_CLASS),
        "err_domain_inactive": because(Reason.DOMAIN_NO_MAIL, HARD_CLASS),
        "err_destination_misconfigured": because(Reason.SYSTEM_ERROR, SOFT_CLASS),
        "err_spam_rejected": because(Reason.SPAM_CONTENT, SOFT_CLASS),
        "err_blacklisted": because(Reason.BLOCKLISTED, SOFT_CLASS),
        "err_too_large": because(Reason.MESSAGE_TOO_LARGE, SOFT_CLASS),
        "err_delivery_failed": Meaning(),
        "err_lost": because(Reason.SYSTEM_ERROR, SOFT_CLASS),  # Unisender lost it
        # Not sent.
        "err_unsub": SUPPRESSED,
        "err_unreachable": SUPPRESSED,  # failed repeatedly before
        "err_skip_letter": SUPPRESSED,
        "err_spam_skipped": because(Reason.SPAM_CONTENT, SOFT_CLASS),  # Unisender's own filter
    }
)
_NAME: Final = "unisender_go"
_EXPECTED: Final = "an object with events_by_user, or an event with status and email"


def _read(body: object, _headers: Mapping[str, str]) -> Iterator[Notice]:
    for outer, remarks in objects(_NAME, body, _EXPECTED, ("events_by_user", "event_name", "status", "event_data")):
        if "events_by_user" not in outer.values:
            yield _notice(outer, outer, remarks)
            continue
        for user in outer.subs("events_by_user"):
            for event in user.subs("events"):
                yield _notice(event, event.sub("event_data") if "event_data" in event.values else event, remarks)


def _notice(event: Fields, fields: Fields, remarks: list[str]) -> Notice:
    name, status = event.text("event_name"), fields.text("status")
    info = fields.sub("delivery_info")
    return Notice(
        type=status or name,
        class_=info.text("delivery_status"),
        recipients=(RecipientEvent(fields.text("email"), info.text("destination_response")),),
        message=about(fields, date=fields.moment("event_time"), queue_id=fields.text("job_id")),
        metadata=fields.sub("metadata").values,
        remarks=list(remarks),
    )


SERVICE: Final = Service(
    name=_NAME,
    title="Unisender Go",
    source="https://godocs.unisender.ru/web-api-ref#callback-format",
    signature="MD5 of the body with the API key in the place of auth",
    events=EVENTS,
    classes=CLASSES,
    read=_read,
)
