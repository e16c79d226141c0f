"""Amazon SES: event publishing, notifications and EventBridge records, bare, in an SNS envelope or in a carrier of AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.errors import WebhookError
from undeliverable.model import Action, MessageFacts
from undeliverable.reasons import Reason
from undeliverable.webhooks._body import read_json
from undeliverable.webhooks._carriers import carried
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    BOUNCE,
    COMPLAINT,
    DELAY,
    DELIVERED,
    OTHER,
    PERMANENT_CLASS,
    SOFT,
    SUPPRESSED,
    TEMPORARY,
    TEMPORARY_CLASS,
    UNDETERMINED_CLASS,
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
        "Bounce": BOUNCE,  # its bounceType and bounceSubType are the class
        "Complaint": COMPLAINT,
        "Delivery": DELIVERED,
        "DeliveryDelay": DELAY,  # still trying; its delayType is the class
        "Reject": because(Reason.VIRUS_DETECTED),  # accepted by SES, which then found a virus
        "Rendering Failure": UNSENT,  # the template could not be filled in
        "Subscription": UNSUBSCRIBED,  # the recipient left a contact list
        "Send": OTHER,
        "Open": OTHER,
        "Click": OTHER,
        "AmazonSnsSubscriptionSucceeded": OTHER,  # a test by the console
        # From SNS itself. To confirm, SubscribeURL has to be fetched, which is the caller's decision.
        "SubscriptionConfirmation": Meaning(
            OTHER.kind, remark="the subscription waits for confirmation; nothing was visited"
        ),
        "UnsubscribeConfirmation": Meaning(OTHER.kind, remark="the subscription was ended"),
    }
)
CLASSES: Final = MappingProxyType(
    {
        # A hard bounce puts the address on the account's suppression list; only the reply gives the cause.
        "Permanent": PERMANENT_CLASS,
        "Permanent/NoEmail": PERMANENT_CLASS,  # the bounce did not name the address
        "Permanent/Suppressed": SUPPRESSED,  # on the list shared by all accounts
        "Permanent/OnAccountSuppressionList": SUPPRESSED,
        "Permanent/OnTenantSuppressionList": SUPPRESSED,
        "Permanent/EmailValidationSuppressed": SUPPRESSED,
        "Permanent/UnsubscribedRecipient": SUPPRESSED,
        # A soft bounce: SES gave up after its retry time.
        "Transient": TEMPORARY_CLASS,
        "Transient/MailboxFull": because(Reason.MAILBOX_FULL, TEMPORARY),
        "Transient/MessageTooLarge": because(Reason.MESSAGE_TOO_LARGE, SOFT),
        "Transient/ContentRejected": because(Reason.CONTENT_REJECTED, SOFT),
        "Transient/AttachmentRejected": because(Reason.CONTENT_REJECTED, SOFT),
        "Transient/CustomTimeoutExceeded": because(Reason.EXPIRED, TEMPORARY, expired=True),
        "Undetermined": UNDETERMINED_CLASS,
        # Types of delay.
        "InternalFailure": because(Reason.SYSTEM_ERROR, DELAY),
        "General": Meaning(),
        "MailboxFull": because(Reason.MAILBOX_FULL, DELAY),
        "SpamDetected": because(Reason.SPAM_CONTENT, DELAY),
        "RecipientServerError": because(Reason.SYSTEM_ERROR, DELAY),
        "IPFailure": because(Reason.BAD_REPUTATION, DELAY),
        "TransientCommunicationFailure": because(Reason.NETWORK_ERROR, DELAY),
        "BYOIPHostNameLookupUnavailable": because(Reason.DNS_ERROR, DELAY),
        "SendingDeferral": because(Reason.RATE_LIMITED, DELAY),
    }
)
_NAME: Final = "amazon_ses"
_EXPECTED: Final = "an SNS envelope, or an event with eventType, notificationType or detail-type"
_ACTIONS: Final = {"failed": Action.FAILED, "delayed": Action.DELAYED, "delivered": Action.DELIVERED}


def _read(body: object, _headers: Mapping[str, str]) -> Iterator[Notice]:
    marks = ("Type", "eventType", "notificationType", "detail-type")
    for fields, remarks in objects(_NAME, carried(_NAME, body), _EXPECTED, marks):
        yield _unpacked(fields, remarks)


def _unpacked(fields: Fields, remarks: list[str]) -> Notice:
    """Return the notice of an event in an SNS envelope, in an EventBridge record, or bare."""
    envelope = fields.text("Type")
    if "detail" in fields.values:
        return _notice(fields.sub("detail"), remarks, fields.text("id"))
    if envelope is None or "eventType" in fields.values or "notificationType" in fields.values:
        return _notice(fields, remarks, None)
    if envelope != "Notification":
        # Keep what is needed to confirm the subscription; SNS repeats the request until then.
        kept = fields.present("SubscribeURL", "Token", "TopicArn")
        return Notice(type=envelope, id=fields.text("MessageId"), metadata=kept, remarks=remarks)
    message = fields.text("Message")
    if message is None:
        remarks.append("the SNS envelope holds no message")
        return _notice(Fields({}, remarks), remarks, fields.text("MessageId"))
    try:
        inner = Fields(read_json(_NAME, message), remarks)
    except WebhookError:
        # A topic also carries text from other publishers, and from SES itself when the topic is set up.
        return Notice(
            type="Notification", id=fields.text("MessageId"), remarks=[*remarks, "the message is no event of SES"]
        )
    inner = inner.sub("detail") if "detail" in inner.values else inner
    return _notice(inner, remarks, fields.text("MessageId"))


def _notice(fields: Fields, remarks: list[str], id_: str | None) -> Notice:
    type_ = fields.text("eventType", "notificationType")
    bounce, delay, complaint = fields.sub("bounce"), fields.sub("deliveryDelay"), fields.sub("complaint")
    mail = fields.sub("mail")
    class_ = bounce.text("bounceType") or delay.text("delayType") or complaint.text("complaintFeedbackType")
    return Notice(
        type=type_,
        class_=class_,
        subclass=bounce.text("bounceSubType") or complaint.text("complaintSubType"),
        id=id_ or bounce.text("feedbackId") or complaint.text("feedbackId"),
        recipients=_recipients(fields, mail, type_),
        message=_message(fields, mail),
        feedback=complaint.text("complaintFeedbackType"),
        tags=tuple(f"{name}={value}" for name in mail.sub("tags").values for value in mail.sub("tags").texts(name)),
        metadata=mail.present("tags", "sourceArn", "sendingAccountId"),
        remarks=remarks,
    )


def _recipients(fields: Fields, mail: Fields, type_: str | None) -> tuple[RecipientEvent, ...]:
    """Return the recipients of the event; `mail.destination` lists all recipients of the message, failed or not."""
    delivery, delay, reject = fields.sub("delivery"), fields.sub("deliveryDelay"), fields.sub("reject")
    listed = (
        *fields.sub("bounce").subs("bouncedRecipients"),
        *delay.subs("delayedRecipients"),
        *fields.sub("complaint").subs("complainedRecipients"),
    )
    until = delay.moment("expirationTime")
    found = tuple(
        RecipientEvent(
            one.text("emailAddress"),
            one.text("diagnosticCode"),
            status=one.text("status"),
            action=_ACTIONS.get((one.text("action") or "").casefold()),
            will_retry_until=until,
        )
        for one in listed
    )
    if found or type_ in {"Bounce", "Complaint", "DeliveryDelay"}:
        return found
    if type_ == "Delivery":
        return tuple(RecipientEvent(name, delivery.text("smtpResponse")) for name in delivery.texts("recipients"))
    return tuple(RecipientEvent(name, reject.text("reason"), prose=True) for name in mail.texts("destination"))


def _message(fields: Fields, mail: Fields) -> MessageFacts:
    common = mail.sub("commonHeaders")
    part = next(
        (name for name in ("bounce", "complaint", "delivery", "deliveryDelay") if name in fields.values), "mail"
    )
    reporting = fields.sub(part).text("reportingMTA")
    return about(
        fields,
        date=fields.sub(part).moment("timestamp"),
        message_id=common.text("messageId"),
        queue_id=mail.text("messageId"),
        from_=mail.text("source"),
        to=", ".join(common.texts("to")) or None,
        subject=common.text("subject"),
        reporting_mta=None if reporting is None else reporting.rpartition(";")[2].strip(),
    )


SERVICE: Final = Service(
    name=_NAME,
    title="Amazon SES",
    source="https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html",
    signature="RSA over fields of the SNS envelope; EventBridge and bare events are not signed",
    events=EVENTS,
    classes=CLASSES,
    read=_read,
)
