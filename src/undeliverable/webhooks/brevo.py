"""Brevo (Sendinblue): one object per request, or a list of batched events."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.reasons import Reason
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    COMPLAINT,
    DELAY,
    DELIVERED,
    HARD,
    OTHER,
    PERMANENT,
    SOFT,
    SUPPRESSED,
    UNSENT,
    UNSUBSCRIBED,
    Meaning,
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
        "hard_bounce": PERMANENT,
        "soft_bounce": SOFT,
        "invalid_email": because(Reason.BAD_ADDRESS_SYNTAX, HARD),
        "error": UNSENT,  # Brevo itself failed to send
        "blocked": SUPPRESSED,  # the contact is on the blocklist
        "deferred": DELAY,
        "delivered": DELIVERED,
        "spam": COMPLAINT,
        "complaint": COMPLAINT,
        "unsubscribe": UNSUBSCRIBED,
        "unsubscribed": UNSUBSCRIBED,
        "request": OTHER,
        "sent": OTHER,
        "opened": OTHER,
        "unique_opened": OTHER,
        "proxy_open": OTHER,
        "unique_proxy_open": OTHER,
        "click": OTHER,
        "list_addition": OTHER,
        "contact_updated": OTHER,
        "contact_deleted": OTHER,
        "inbound_email_processed": OTHER,
        # The spelling of marketing campaigns.
        "hardBounce": PERMANENT,
        "softBounce": SOFT,
        "listAddition": OTHER,
    }
)
CLASSES: Final[Mapping[str, Meaning]] = MappingProxyType({})  # the event type says it all
_NAME: Final = "brevo"
_EXPECTED: Final = "an object with event and email"


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    return Notice(
        type=fields.text("event"),
        # No field identifies the event; `id` is that of the webhook.
        recipients=(RecipientEvent(fields.text("email"), fields.text("reason")),),
        message=about(
            fields,
            date=fields.moment("ts_epoch", "ts_event", "ts"),  # only the first is in UTC
            message_id=fields.text("message-id"),
            subject=fields.text("subject"),
        ),
        tags=fields.texts("tags") or fields.texts("tag"),
        metadata=fields.present("X-Mailin-custom", "camp_id", "template_id"),
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="Brevo",
    source="https://developers.brevo.com/docs/transactional-webhooks",
    signature="none: basic authentication, or a token in a header",
    events=EVENTS,
    classes=CLASSES,
    read=one_by_one(_NAME, _EXPECTED, ("event",), _notice),
)
