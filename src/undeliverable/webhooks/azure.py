"""Azure Communication Services: delivery reports in Event Grid's schema or as CloudEvents."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from undeliverable.reasons import Reason
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    BOUNCE,
    DELIVERED,
    HARD,
    OTHER,
    SOFT,
    SUPPRESSED,
    Meaning,
    Notice,
    RecipientEvent,
    Service,
    about,
    because,
    one_by_one,
)

__all__ = ["SERVICE"]

_VALIDATION: Final = "Microsoft.EventGrid.SubscriptionValidationEvent"
EVENTS: Final = MappingProxyType(
    {
        "Microsoft.Communication.EmailDeliveryReportReceived": BOUNCE,  # its status is the class
        "Microsoft.Communication.EmailEngagementTrackingReportReceived": OTHER,
        # To validate, send back the code or fetch the URL; that is the caller's decision.
        _VALIDATION: Meaning(OTHER.kind, remark="the subscription waits for validation; nothing was visited"),
        "Microsoft.EventGrid.SubscriptionDeletedEvent": OTHER,
    }
)
CLASSES: Final = MappingProxyType(
    {
        "Delivered": DELIVERED,
        "Expanded": DELIVERED,  # to a list
        "Bounced": HARD,
        "Failed": BOUNCE,
        "FilteredSpam": because(Reason.SPAM_CONTENT, SOFT),
        "Quarantined": because(Reason.SPAM_CONTENT, SOFT),  # spam, bulk mail or phishing
        "Suppressed": SUPPRESSED,
    }
)
_NAME: Final = "azure"
_EXPECTED: Final = "a list of events with eventType, or CloudEvents with type"


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    type_, data = fields.text("eventType", "type"), fields.sub("data")
    details = data.sub("deliveryStatusDetails")
    if type_ == _VALIDATION:
        kept = data.present("validationCode", "validationUrl")
        return Notice(type=type_, id=fields.text("id"), metadata=kept, remarks=remarks)
    return Notice(
        type=type_,
        class_=data.text("status"),
        id=fields.text("id"),
        recipients=(
            RecipientEvent(
                data.text("recipient"),
                details.text("statusMessage"),
                remote_mta=details.text("recipientMailServerHostName"),
            ),
        ),
        message=about(
            fields,
            # Azure sends both spellings.
            date=data.moment("deliveryAttemptTimeStamp", "deliveryAttemptTimestamp")
            or fields.moment("eventTime", "time"),
            message_id=data.text("internetMessageId"),
            queue_id=data.text("messageId"),
            from_=data.text("sender"),
        ),
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="Azure Communication Services",
    source="https://learn.microsoft.com/en-us/azure/event-grid/communication-services-email-events",
    signature="none: a secret in the address or in a header",
    events=EVENTS,
    classes=CLASSES,
    read=one_by_one(_NAME, _EXPECTED, ("eventType", "specversion", "data"), _notice),
)
