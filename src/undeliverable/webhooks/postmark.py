"""Postmark: one object a request; a failure's type is named as in its bounce API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.reasons import BounceType, Reason
from undeliverable.verdict import Kind
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    AUTO_REPLY,
    BOUNCE,
    COMPLAINT,
    DELAY,
    DELIVERED,
    HARD,
    OTHER,
    SOFT,
    SUPPRESSED,
    UNSENT,
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
        "Bounce": BOUNCE,  # its Type is the class
        "SpamComplaint": COMPLAINT,
        "Delivery": DELIVERED,
        "SubscriptionChange": UNSUBSCRIBED,  # SuppressSending and SuppressionReason tell
        "Open": OTHER,
        "Click": OTHER,
        "Inbound": OTHER,
        "SMTPAPIError": UNSENT,
    }
)
_HARD: Final = HARD._replace(kind=None)
_SOFT: Final = SOFT._replace(kind=None)
CLASSES: Final = MappingProxyType(
    {
        "HardBounce": because(Reason.USER_UNKNOWN, _HARD),  # deactivates the address
        "BadEmailAddress": because(Reason.BAD_ADDRESS_SYNTAX, _HARD),
        "AddressChange": because(Reason.MAILBOX_MOVED, Meaning()),
        "SoftBounce": _SOFT,  # full, disabled, over a quota: all in one
        "Transient": DELAY,
        "DnsError": because(Reason.DNS_ERROR, DELAY),
        "OpenRelayTest": OTHER,
        "SpamNotification": because(Reason.SPAM_CONTENT, _SOFT),
        "VirusNotification": because(Reason.VIRUS_DETECTED, _SOFT),
        "Blocked": because(Reason.POLICY_REJECTED, _SOFT),
        "DMARCPolicy": because(Reason.AUTH_FAILED, _SOFT),
        "Unknown": Meaning(None, BounceType.UNDETERMINED),
        "AutoResponder": AUTO_REPLY,
        "ChallengeVerification": Meaning(Kind.CHALLENGE),
        "SpamComplaint": COMPLAINT,
        "Subscribe": OTHER,
        "Unsubscribe": UNSUBSCRIBED,
        "ManuallyDeactivated": SUPPRESSED,
        "Unconfirmed": OTHER,
        "SMTPApiError": UNSENT,
        "TemplateRenderingFailed": UNSENT,
        "InboundError": OTHER,
    }
)
# SuppressionReason of a SubscriptionChange; it is the same address's earlier bounce or complaint that is told here.
_CHANGES: Final = {
    "HardBounce": because(Reason.USER_UNKNOWN, HARD),
    "SpamComplaint": COMPLAINT,
    "ManualSuppression": SUPPRESSED,
}
_NAME: Final = "postmark"
_EXPECTED: Final = "an object with RecordType"


def _read(body: object, _headers: Mapping[str, str]) -> Iterator[Notice]:
    for fields, remarks in objects(_NAME, body, _EXPECTED, ("RecordType", "MessageID")):
        yield _notice(fields, remarks)


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    # Accounts of long standing may send bounces that have no RecordType.
    type_ = fields.text("RecordType") or ("Bounce" if "TypeCode" in fields.values else None)
    change = type_ == "SubscriptionChange"
    fate = Fate(
        fields.text("Email", "Recipient"),
        fields.text("Details", "Description"),
        prose=type_ != "Delivery" and not _is_answer(fields.text("Details")),
    )
    return Notice(
        type=type_,
        class_=fields.text("SuppressionReason") if change else fields.text("Type"),
        id=fields.text("ID"),
        fates=(fate,),
        message=about(
            fields,
            date=fields.moment("BouncedAt", "DeliveredAt", "ChangedAt", "ReceivedAt"),
            queue_id=fields.text("MessageID"),
            from_=fields.text("From"),
            subject=fields.text("Subject"),
        ),
        tags=fields.texts("Tag"),
        metadata=fields.sub("Metadata").values,
        meaning=_change(fields) if change else None,
        remarks=remarks,
    )


def _is_answer(words: str | None) -> bool:
    """Whether `Details` is what a server said: ``smtp;550 5.1.1 ...``; else it is Postmark's own description."""
    return words is not None and (words.lstrip().casefold().startswith("smtp;") or words.lstrip()[:1] in {"4", "5"})


def _change(fields: Fields) -> Meaning:
    if fields.flag("SuppressSending") is not True:
        return OTHER  # sending is allowed again
    reason = fields.text("SuppressionReason") or ""
    if reason == "ManualSuppression" and fields.text("Origin") == "Recipient":
        return UNSUBSCRIBED
    return _CHANGES.get(reason, SUPPRESSED)


SERVICE: Final = Service(
    name=_NAME,
    title="Postmark",
    source="https://postmarkapp.com/developer/api/bounce-api#bounce-types",
    signature="none: basic authentication",
    events=EVENTS,
    classes=CLASSES,
    read=_read,
)
