"""Postmark: one object per request; failures have the types of the bounce API."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from undeliverable.reasons import Reason
from undeliverable.verdict import Kind
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    AUTO_REPLY,
    BOUNCE,
    COMPLAINT,
    DELAY,
    DELIVERED,
    HARD,
    HARD_CLASS,
    OTHER,
    SOFT_CLASS,
    SUPPRESSED,
    UNDETERMINED_CLASS,
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
        "Bounce": BOUNCE,  # its Type is the class
        "SpamComplaint": COMPLAINT,
        "Delivery": DELIVERED,
        "SubscriptionChange": UNSUBSCRIBED,  # refined by SuppressSending and SuppressionReason
        "Open": OTHER,
        "Click": OTHER,
        "Inbound": OTHER,
        "SMTPAPIError": UNSENT,
    }
)
CLASSES: Final = MappingProxyType(
    {
        "HardBounce": because(Reason.USER_UNKNOWN, HARD_CLASS),  # deactivates the address
        "BadEmailAddress": because(Reason.BAD_ADDRESS_SYNTAX, HARD_CLASS),
        "AddressChange": because(Reason.MAILBOX_MOVED, Meaning()),
        "SoftBounce": SOFT_CLASS,  # full, disabled, over a quota: all in one
        "Transient": DELAY,
        "DnsError": because(Reason.DNS_ERROR, DELAY),
        "OpenRelayTest": OTHER,
        "SpamNotification": because(Reason.SPAM_CONTENT, SOFT_CLASS),
        "VirusNotification": because(Reason.VIRUS_DETECTED, SOFT_CLASS),
        "Blocked": because(Reason.POLICY_REJECTED, SOFT_CLASS),
        "DMARCPolicy": because(Reason.AUTH_FAILED, SOFT_CLASS),
        "Unknown": UNDETERMINED_CLASS,
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
# SuppressionReason of a SubscriptionChange: an earlier bounce or complaint of the same address, reported again.
_CHANGES: Final = {
    "HardBounce": because(Reason.USER_UNKNOWN, HARD),
    "SpamComplaint": COMPLAINT,
    "ManualSuppression": SUPPRESSED,
}
_NAME: Final = "postmark"
_EXPECTED: Final = "an object with RecordType"


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    # Old accounts can send bounces without RecordType.
    type_ = fields.text("RecordType") or ("Bounce" if "TypeCode" in fields.values else None)
    change = type_ == "SubscriptionChange"
    recipient = RecipientEvent(
        fields.text("Email", "Recipient"),
        fields.text("Details", "Description"),
        prose=type_ != "Delivery" and not _is_reply(fields.text("Details")),
    )
    return Notice(
        type=type_,
        class_=fields.text("SuppressionReason") if change else fields.text("Type"),
        id=fields.text("ID"),
        recipients=(recipient,),
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


def _is_reply(words: str | None) -> bool:
    """Return whether `Details` is a server's reply (``smtp;550 5.1.1 ...``) and not Postmark's own description."""
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
    read=one_by_one(_NAME, _EXPECTED, ("RecordType", "MessageID"), _notice),
)
