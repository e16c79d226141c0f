"""Mailgun: webhooks in JSON, and the legacy ones, which are forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.errors import WebhookError
from undeliverable.model import MessageFacts
from undeliverable.reasons import Reason
from undeliverable.webhooks._body import Form
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    BOUNCE,
    COMPLAINT,
    DELAY,
    DELIVERED,
    HARD,
    OTHER,
    PERMANENT_CLASS,
    SOFT,
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
        "failed": BOUNCE,  # its severity and reason are the class
        "rejected": because(Reason.POLICY_REJECTED),  # Mailgun refused to send the message at all
        "delivered": DELIVERED,
        "complained": COMPLAINT,
        "unsubscribed": UNSUBSCRIBED,
        "accepted": OTHER,
        "stored": OTHER,
        "opened": OTHER,
        "clicked": OTHER,
        # Legacy webhooks.
        "bounced": HARD,
        "dropped": BOUNCE,  # its reason and code are the class
    }
)
CLASSES: Final = MappingProxyType(
    {
        # severity/reason. Temporary: Mailgun keeps retrying.
        "temporary": DELAY,
        "temporary/greylisted": because(Reason.GREYLISTED, DELAY),
        "temporary/old": because(Reason.EXPIRED, DELAY),
        "permanent": Meaning(temporary=False),
        "permanent/bounce": PERMANENT_CLASS,
        "permanent/generic": Meaning(),
        "permanent/old": because(Reason.EXPIRED, SOFT, expired=True),  # the retry time is over
        "permanent/espblock": because(Reason.POLICY_REJECTED, SOFT),  # the receiver refuses sender or message
        "permanent/suppress-bounce": SUPPRESSED,  # failed before
        "permanent/suppress-complaint": SUPPRESSED,
        "permanent/suppress-unsubscribe": SUPPRESSED,
        # reason/code of the legacy event dropped; the codes are Mailgun's own.
        "hardfail": PERMANENT_CLASS,
        "hardfail/605": SUPPRESSED,  # failed before
        "hardfail/606": SUPPRESSED,  # unsubscribed before
        "hardfail/607": SUPPRESSED,  # complained before
        "old": because(Reason.EXPIRED, SOFT, expired=True),
        "old/499": because(Reason.EXPIRED, SOFT, expired=True),
        "espblock": because(Reason.POLICY_REJECTED, SOFT),
        # The code alone.
        "/605": SUPPRESSED,
        "/606": SUPPRESSED,
        "/607": SUPPRESSED,
    }
)
_NAME: Final = "mailgun"
_EXPECTED: Final = "an object with event-data, or a form with event"


def _read(body: object, _headers: Mapping[str, str]) -> Iterator[Notice]:
    if isinstance(body, Form):
        body = _form(body)
    for fields, remarks in objects(_NAME, body, _EXPECTED, ("event-data", "event")):
        if "event-data" in fields.values:
            yield _notice(fields.sub("event-data"), fields.sub("signature").text("token"), remarks)
        else:
            yield _legacy_notice(fields, remarks)


def _form(form: Form) -> dict[str, object]:
    """Return a form's fields.

    The sender's own variables can have the same names. They come after the fields of the event, so of those the first
    counts, but before the fields of the signature, so of those the last counts.
    """
    found: dict[str, object] = dict(form.first())
    last = form.last()
    found.update({name: last[name] for name in ("token", "timestamp", "signature") if name in last})
    if not found:
        raise WebhookError(_NAME, f"expected {_EXPECTED}, but found an empty form")
    tags = tuple(value for name, value in form.fields if name in {"tag", "X-Mailgun-Tag"})
    return {**found, "tag": tags} if tags else found


def _notice(fields: Fields, token: str | None, remarks: list[str]) -> Notice:
    type_, severity = fields.text("event"), fields.text("severity")
    status, reject = fields.sub("delivery-status"), fields.sub("reject")
    headers = fields.sub("message").sub("headers")
    words = status.text("message", "description") or reject.text("reason", "description")
    reason = fields.text("reason")
    recipient = RecipientEvent(
        fields.text("recipient") or headers.text("to"),
        words,
        prose=type_ == "rejected" or (reason or "").startswith("suppress"),
        code=status.text("code"),
        status=status.text("enhanced-code"),
        remote_mta=status.text("mx-host"),
    )
    return Notice(
        type=type_,
        class_=severity,
        subclass=reason,
        id=token or fields.text("id"),  # an event's own id is unique only within a day
        recipients=(recipient,),
        message=_message(fields, headers),
        tags=fields.texts("tags"),
        metadata=fields.sub("user-variables").values,
        remarks=remarks,
    )


def _legacy_notice(fields: Fields, remarks: list[str]) -> Notice:
    code, reason = fields.text("code"), fields.text("reason")
    recipient = RecipientEvent(
        fields.text("recipient"),
        fields.text("error", "description", "notification"),
        prose="error" not in fields.values and code is not None and not code.startswith(("5.", "4.", "2")),
        code=code,
    )
    return Notice(
        type=fields.text("event"),
        class_=reason,
        subclass=code,
        id=fields.text("token"),
        recipients=(recipient,),
        message=_message(fields, fields),
        tags=fields.texts("tag"),
        metadata=fields.present("domain", "mailing-list", "campaign-id"),
        remarks=remarks,
    )


def _message(fields: Fields, headers: Fields) -> MessageFacts:
    return about(
        fields,
        date=fields.moment("timestamp"),
        message_id=headers.text("message-id", "Message-Id"),
        from_=headers.text("from"),
        to=headers.text("to"),
        subject=headers.text("subject"),
    )


SERVICE: Final = Service(
    name=_NAME,
    title="Mailgun",
    source="https://documentation.mailgun.com/docs/mailgun/user-manual/tracking-messages/tracking-failures",
    signature="HMAC-SHA256 over timestamp and token; the event itself is not signed",
    events=EVENTS,
    classes=CLASSES,
    read=_read,
)
