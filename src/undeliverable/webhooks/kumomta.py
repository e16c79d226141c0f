"""KumoMTA: log records posted by a log hook, one or several per request."""

from __future__ import annotations

from collections.abc import Mapping
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
        "Bounce": BOUNCE._replace(temporary=False),
        "OOB": BOUNCE,  # a bounce received by mail
        "AdminBounce": BOUNCE,  # the operator ended it
        "Expiration": because(Reason.EXPIRED, BOUNCE, expired=True),
        "TransientFailure": DELAY,
        "Delivery": DELIVERED,
        "Feedback": COMPLAINT,
        "Reception": OTHER,
        "Rejection": OTHER,  # of a message that a client tried to submit
        "AdminRebind": OTHER,
        "DeferredInjectionRebind": OTHER,
        "Delayed": OTHER,
        "XferIn": OTHER,
        "XferOut": OTHER,
    }
)
# The operator chooses the words of bounce_classification; KumoMTA derives them from the reply, as this library does.
CLASSES: Final[Mapping[str, Meaning]] = MappingProxyType({})
# Events and words of KumoMTA itself, not of a remote server.
_OWN: Final = frozenset(("AdminBounce", "Expiration"))
_OWN_WORDS: Final = "KumoMTA internal:"
_NAME: Final = "kumomta"
_EXPECTED: Final = "a log record with type and recipient, or a list of them"


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    type_, response = fields.text("type"), fields.sub("response")
    code, words = response.text("code"), response.text("content")
    enhanced = response.sub("enhanced_code")
    status = (
        ".".join(enhanced.text(name) or "0" for name in ("class", "subject", "detail")) if enhanced.values else None
    )
    own = type_ in _OWN or (words or "").startswith(_OWN_WORDS)
    if own:
        answer = RecipientEvent(None, words, prose=True)
    else:
        answer = RecipientEvent(
            None, " ".join(part for part in (code, status, words) if part), code=code, status=status
        )
    answer = answer._replace(
        remote_mta=(fields.sub("peer_address").text("name") or "").rstrip(".") or None, command=response.text("command")
    )
    return Notice(
        type=type_,
        class_=fields.text("bounce_classification"),
        id=fields.text("id"),  # of the message; with the type it identifies the event
        recipients=tuple(answer._replace(address=one) for one in _recipients(fields)),
        feedback=fields.sub("feedback_report").text("feedback_type"),
        message=about(
            fields,
            date=fields.moment("event_time", "timestamp"),
            queue_id=fields.text("id"),
            from_=fields.text("sender"),
            message_id=fields.sub("headers").text("Message-ID", "Message-Id"),
        ),
        metadata=fields.sub("meta").values,
        remarks=remarks,
    )


def _recipients(fields: Fields) -> tuple[str, ...]:
    """Return the recipients: one, or several since 2025.12.02; a feedback report lists its own."""
    feedback = fields.sub("feedback_report")
    return feedback.texts("original_rcpt_to") or fields.texts("recipient")


SERVICE: Final = Service(
    name=_NAME,
    title="KumoMTA",
    source="https://docs.kumomta.com/reference/log_record/",
    signature="none: what the hook's own script adds",
    events=EVENTS,
    classes=CLASSES,
    read=one_by_one(_NAME, _EXPECTED, ("queue", "recipient", "response"), _notice),
)
