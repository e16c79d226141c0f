"""MailerSend: one object a request, an activity and what it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.reasons import BounceType, Reason
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
        # With or without "activity." before it: data.type has it without.
        "hard_bounced": HARD._replace(temporary=False),
        "soft_bounced": SOFT,
        "deferred": DELAY,
        "rejected": SUPPRESSED,
        "suppressed": SUPPRESSED,
        "delivered": DELIVERED,
        "spam_complaint": COMPLAINT,
        "spam_complaints": COMPLAINT,
        "unsubscribed": UNSUBSCRIBED,
        "queued": OTHER,
        "sent": OTHER,
        "opened": OTHER,
        "opened_unique": OTHER,
        "clicked": OTHER,
        "clicked_unique": OTHER,
        "survey_opened": OTHER,
        "survey_submitted": OTHER,
    }
)
CLASSES: Final = MappingProxyType(
    {
        # morph.reason, where it is a word of MailerSend's
        "suppressed": SUPPRESSED,
        "mailbox_full": because(Reason.MAILBOX_FULL, Meaning(None, BounceType.SOFT)),
        "user_unknown": because(Reason.USER_UNKNOWN, Meaning(None, BounceType.HARD)),
    }
)
_NAME: Final = "mailersend"
_EXPECTED: Final = "an object with type and data"


def _read(body: object, _headers: Mapping[str, str]) -> Iterator[Notice]:
    for fields, remarks in objects(_NAME, body, _EXPECTED, ("data", "type")):
        yield _notice(fields, remarks)


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    data = fields.sub("data")
    email, morph = data.sub("email"), data.sub("morph")
    message, recipient = email.sub("message"), email.sub("recipient")
    reason = morph.text("reason")
    # Either a word of MailerSend's, or the answer itself.
    class_ = reason if reason is not None and reason.casefold() in CLASSES else None
    words = morph.text("readable_reason") if class_ else reason or morph.text("readable_reason")
    type_ = data.text("type") or fields.text("type")
    return Notice(
        type=None if type_ is None else type_.removeprefix("activity."),
        class_=class_,
        id=data.text("id"),
        fates=(Fate(recipient.text("email") or data.text("recipient"), words),),
        message=about(
            fields,
            date=data.moment("created_at"),
            queue_id=message.text("id"),
            from_=email.text("from"),
            subject=email.text("subject"),
        ),
        tags=email.texts("tags"),
        metadata={name: morph.raw(name) for name in ("object",) if name in morph.values},
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="MailerSend",
    source="https://developers.mailersend.com/api/v1/webhooks.html",
    signature="HMAC-SHA256 over the body",
    events=EVENTS,
    classes=CLASSES,
    read=_read,
)
