"""Mandrill (Mailchimp Transactional): a form whose one field holds a list of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.errors import WebhookError
from undeliverable.reasons import Reason
from undeliverable.webhooks._body import Form, read_json
from undeliverable.webhooks._fields import Fields, as_list, as_object
from undeliverable.webhooks._service import (
    COMPLAINT,
    DELAY,
    DELIVERED,
    HARD,
    HARD_CLASS,
    OTHER,
    PERMANENT,
    SOFT,
    SOFT_CLASS,
    SUPPRESSED,
    UNSENT,
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
        "hard_bounce": PERMANENT,  # bounce_description is the class
        "soft_bounce": SOFT,
        "deferral": DELAY,
        "reject": SUPPRESSED,  # not sent: on the rejection list
        "spam": COMPLAINT,
        "unsub": UNSUBSCRIBED,
        "delivered": DELIVERED,
        "send": OTHER,
        "open": OTHER,
        "click": OTHER,
        "inbound": OTHER,
        # Changes of the rejection list and the allow list, which concern no message.
        "blacklist": OTHER,
        "whitelist": OTHER,
    }
)
CLASSES: Final = MappingProxyType(
    {
        "bad_mailbox": because(Reason.USER_UNKNOWN, HARD_CLASS),
        "invalid_domain": because(Reason.DOMAIN_UNKNOWN, HARD_CLASS),
        "mailbox_full": because(Reason.MAILBOX_FULL, SOFT_CLASS),
        "general": Meaning(),
        # The reason of a reject.
        "hard-bounce": SUPPRESSED,
        "soft-bounce": SUPPRESSED,
        "spam": SUPPRESSED,
        "unsub": SUPPRESSED,
        "custom": SUPPRESSED,
        "invalid-sender": UNSENT,
        "unsigned": UNSENT,
        "invalid": because(Reason.BAD_ADDRESS_SYNTAX, HARD),
        "test-mode-limit": UNSENT,
        "rule": because(Reason.POLICY_REJECTED, SOFT),
    }
)
_NAME: Final = "mandrill"
_EXPECTED: Final = "a form with mandrill_events, or the list in it"


def _read(body: object, _headers: Mapping[str, str]) -> Iterator[Notice]:
    form = body.first() if isinstance(body, Form) else as_object(body) or {}
    events = form.get("mandrill_events", body)
    if isinstance(events, str | bytes):
        events = read_json(_NAME, events)
    if as_list(events) is None:
        raise WebhookError(_NAME, f"expected {_EXPECTED}")
    for fields, remarks in objects(_NAME, events, _EXPECTED, ("event", "msg", "type")):
        yield _notice(fields, remarks)


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    message, reject = fields.sub("msg"), fields.sub("reject")
    changed = fields.present("action", "reject", "entry")
    words = message.text("diag")
    return Notice(
        type=fields.text("event", "type"),
        class_=message.text("bounce_description") or fields.text("action") or reject.text("reason"),
        subclass=message.text("bgtools_code"),
        id=fields.text("_id"),
        recipients=(RecipientEvent(message.text("email") or reject.text("email"), words),),
        message=about(
            fields,
            date=fields.moment("ts"),
            queue_id=message.text("_id"),
            from_=message.text("sender"),
            subject=message.text("subject"),
        ),
        tags=message.texts("tags"),
        metadata=message.sub("metadata").values or changed,
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="Mandrill (Mailchimp Transactional)",
    source="https://mailchimp.com/developer/transactional/docs/webhooks/",
    signature="HMAC-SHA1 over the address of the endpoint and the form",
    events=EVENTS,
    classes=CLASSES,
    read=_read,
)
