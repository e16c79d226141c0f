"""Brevo (Sendinblue): one object a request, or a list where events are batched."""

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
        "hard_bounce": HARD._replace(temporary=False),
        "soft_bounce": SOFT,
        "invalid_email": because(Reason.BAD_ADDRESS_SYNTAX, HARD),
        "error": because(Reason.SYSTEM_ERROR, SOFT),  # Brevo itself failed to send
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
        # Marketing campaigns spell them so.
        "hardBounce": HARD._replace(temporary=False),
        "softBounce": SOFT,
        "listAddition": OTHER,
    }
)
CLASSES: Final[Mapping[str, Meaning]] = MappingProxyType({})  # the event says all
_NAME: Final = "brevo"
_EXPECTED: Final = "an object with event and email"


def _read(body: object, _headers: Mapping[str, str]) -> Iterator[Notice]:
    for fields, remarks in objects(_NAME, body, _EXPECTED, ("event",)):
        yield _notice(fields, remarks)


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    return Notice(
        type=fields.text("event"),
        # Neither `id`, which is the webhook's, nor anything else names the event.
        fates=(Fate(fields.text("email"), fields.text("reason")),),
        message=about(
            fields,
            date=fields.moment("ts_epoch", "ts_event", "ts"),  # only the first of them is in UTC
            message_id=fields.text("message-id"),
            subject=fields.text("subject"),
        ),
        tags=fields.texts("tags") or fields.texts("tag"),
        metadata={
            name: fields.raw(name) for name in ("X-Mailin-custom", "camp_id", "template_id") if name in fields.values
        },
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="Brevo",
    source="https://developers.brevo.com/docs/transactional-webhooks",
    signature="none: basic authentication, or a token in a header",
    events=EVENTS,
    classes=CLASSES,
    read=_read,
)
