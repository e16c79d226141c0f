"""Resend: one object per request, which does not say which of several recipients it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.reasons import Reason
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    BOUNCE,
    COMPLAINT,
    DELAY,
    DELIVERED,
    OTHER,
    PERMANENT_CLASS,
    SUPPRESSED,
    TEMPORARY_CLASS,
    UNDETERMINED_CLASS,
    UNSENT,
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
        "email.bounced": BOUNCE,  # the bounce's type and subType are the class
        "email.complained": COMPLAINT,
        "email.delivered": DELIVERED,
        "email.delivery_delayed": DELAY,
        "email.suppressed": SUPPRESSED,
        "email.failed": UNSENT,  # quota, domain or key
        "email.sent": OTHER,
        "email.scheduled": OTHER,
        "email.received": OTHER,
        "email.opened": OTHER,
        "email.clicked": OTHER,
        "contact.created": OTHER,
        "contact.updated": OTHER,
        "contact.deleted": OTHER,
        "domain.created": OTHER,
        "domain.updated": OTHER,
        "domain.deleted": OTHER,
    }
)
CLASSES: Final = MappingProxyType(
    {
        # type/subType, which are those of Amazon SES, since Resend sends through it.
        "Permanent": PERMANENT_CLASS,
        "Permanent/Suppressed": SUPPRESSED,
        "Permanent/OnAccountSuppressionList": SUPPRESSED,
        "Transient": TEMPORARY_CLASS,
        "Transient/MailboxFull": because(Reason.MAILBOX_FULL, TEMPORARY_CLASS),
        "Transient/MessageTooLarge": because(Reason.MESSAGE_TOO_LARGE, TEMPORARY_CLASS),
        "Transient/ContentRejected": because(Reason.CONTENT_REJECTED, TEMPORARY_CLASS),
        "Transient/AttachmentRejected": because(Reason.CONTENT_REJECTED, TEMPORARY_CLASS),
        "Undetermined": UNDETERMINED_CLASS,
    }
)
_NAME: Final = "resend"
_EXPECTED: Final = "an object with type and data"


def _read(body: object, headers: Mapping[str, str]) -> Iterator[Notice]:
    for fields, remarks in objects(_NAME, body, _EXPECTED, ("data", "type")):
        yield _notice(fields, headers.get("svix-id") or headers.get("webhook-id"), remarks)


def _notice(fields: Fields, id_: str | None, remarks: list[str]) -> Notice:
    data = fields.sub("data")
    bounce, failed, suppressed = data.sub("bounce"), data.sub("failed"), data.sub("suppressed")
    recipients = data.texts("to")
    words = bounce.text("message") or suppressed.text("message") or failed.text("reason")
    diagnostics = bounce.texts("diagnosticCode")  # one for each recipient that bounced
    if len(recipients) > 1:
        remarks.append("the event does not say which of the recipients it is about: it is taken as about each of them")
    if failed.values and words:
        remarks.append(f"the service says: {words[:200]}")
    return Notice(
        type=fields.text("type"),
        class_=bounce.text("type"),
        subclass=bounce.text("subType"),
        id=id_,
        recipients=tuple(
            RecipientEvent(one, diagnostics[0] if len(diagnostics) == 1 else words, prose=len(diagnostics) != 1)
            for one in recipients
        ),
        message=about(
            fields,
            date=fields.moment("created_at"),
            message_id=data.text("message_id"),
            queue_id=data.text("email_id"),
            from_=data.text("from"),
            to=", ".join(recipients) or None,
            subject=data.text("subject"),
        ),
        tags=tuple(f"{tag.text('name')}={tag.text('value')}" for tag in data.subs("tags"))
        if isinstance(data.raw("tags"), list | tuple)
        else tuple(f"{name}={data.sub('tags').text(name)}" for name in data.sub("tags").values),
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="Resend",
    source="https://resend.com/docs/dashboard/webhooks/event-types",
    signature="Svix: HMAC-SHA256 over id, timestamp and body",
    events=EVENTS,
    classes=CLASSES,
    read=_read,
)
