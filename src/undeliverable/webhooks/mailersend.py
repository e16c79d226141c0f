"""MailerSend: one object per request, an activity and the message that it is about."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from undeliverable.reasons import Reason
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    COMPLAINT,
    DELAY,
    DELIVERED,
    HARD_CLASS,
    OTHER,
    PERMANENT,
    SOFT,
    SOFT_CLASS,
    SUPPRESSED,
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
        # Without the prefix "activity.", which data.type lacks and type has.
        "hard_bounced": PERMANENT,
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
        # morph.reason, if it is one of MailerSend's own words.
        "suppressed": SUPPRESSED,
        "mailbox_full": because(Reason.MAILBOX_FULL, SOFT_CLASS),
        "user_unknown": because(Reason.USER_UNKNOWN, HARD_CLASS),
    }
)
_NAME: Final = "mailersend"
_EXPECTED: Final = "an object with type and data"


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    data = fields.sub("data")
    email, morph = data.sub("email"), data.sub("morph")
    message, recipient = email.sub("message"), email.sub("recipient")
    reason = morph.text("reason")
    # The reason is one of MailerSend's own words or the server's reply.
    class_ = reason if reason is not None and reason.casefold() in CLASSES else None
    words = morph.text("readable_reason") if class_ else reason or morph.text("readable_reason")
    type_ = data.text("type") or fields.text("type")
    return Notice(
        type=None if type_ is None else type_.removeprefix("activity."),
        class_=class_,
        id=data.text("id"),
        recipients=(RecipientEvent(recipient.text("email") or data.text("recipient"), words),),
        message=about(
            fields,
            date=data.moment("created_at"),
            queue_id=message.text("id"),
            from_=email.text("from"),
            subject=email.text("subject"),
        ),
        tags=email.texts("tags"),
        metadata=morph.present("object"),
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="MailerSend",
    source="https://developers.mailersend.com/api/v1/webhooks.html",
    signature="HMAC-SHA256 over the body",
    events=EVENTS,
    classes=CLASSES,
    read=one_by_one(_NAME, _EXPECTED, ("data", "type"), _notice),
)
