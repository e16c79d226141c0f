"""SMTP2GO: one event per request, a form or an object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.webhooks._body import Form
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    BOUNCE,
    COMPLAINT,
    DELIVERED,
    HARD,
    OTHER,
    SOFT,
    SUPPRESSED,
    UNSUBSCRIBED,
    Notice,
    RecipientEvent,
    Service,
    about,
    objects,
)

__all__ = ["SERVICE"]

EVENTS: Final = MappingProxyType(
    {
        "bounce": BOUNCE,  # its field bounce is the class
        "reject": SUPPRESSED,  # not sent: bounced, complained or unsubscribed before
        "delivered": DELIVERED,
        "spam": COMPLAINT,
        "unsubscribe": UNSUBSCRIBED,
        "resubscribe": OTHER,
        "processed": OTHER,
        "open": OTHER,
        "click": OTHER,
    }
)
CLASSES: Final = MappingProxyType({"hard": HARD, "soft": SOFT})
_NAME: Final = "smtp2go"
_EXPECTED: Final = "a form or an object with event"


def _read(body: object, _headers: Mapping[str, str]) -> Iterator[Notice]:
    for fields, remarks in objects(_NAME, body.first() if isinstance(body, Form) else body, _EXPECTED, ("event",)):
        yield _notice(fields, remarks)


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    host = fields.text("host")
    recipient = RecipientEvent(
        fields.text("rcpt", "email"),
        fields.text("message"),
        remote_mta=None if host is None else host.partition(" ")[0],
        command=fields.text("context"),  # the command that the server replied to
    )
    return Notice(
        type=fields.text("event"),
        class_=fields.text("bounce"),
        id=fields.text("id"),
        recipients=(recipient,),
        message=about(
            fields,
            date=fields.moment("time", "sendtime"),
            message_id=fields.text("message-id", "Message-Id"),
            queue_id=fields.text("email_id"),
            from_=fields.text("from", "sender"),
            subject=fields.text("subject", "Subject"),
        ),
        metadata=fields.present("username", "srchost"),
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="SMTP2GO",
    source="https://developers.smtp2go.com/docs/webhooks-1",
    signature="none: basic authentication in the address",
    events=EVENTS,
    classes=CLASSES,
    read=_read,
)
