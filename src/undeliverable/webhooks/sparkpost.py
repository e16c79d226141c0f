"""SparkPost (Bird): batches of events; the event hooks of Momentum have the same classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from undeliverable.reasons import Reason
from undeliverable.verdict import Kind
from undeliverable.webhooks._fields import Fields
from undeliverable.webhooks._service import (
    BOUNCE,
    COMPLAINT,
    DELAY,
    DELIVERED,
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
    objects,
)

__all__ = ["SERVICE"]

EVENTS: Final = MappingProxyType(
    {
        "bounce": BOUNCE,  # bounce_class is the class of all failures
        "out_of_band": BOUNCE,  # a bounce received by mail
        "delay": DELAY,
        "delivery": DELIVERED,
        "spam_complaint": COMPLAINT,
        "policy_rejection": SUPPRESSED,  # not sent: the recipient is on a suppression list
        "generation_rejection": SUPPRESSED,
        "generation_failure": UNSENT,
        "list_unsubscribe": UNSUBSCRIBED,
        "link_unsubscribe": UNSUBSCRIBED,
        "injection": OTHER,
        "open": OTHER,
        "initial_open": OTHER,
        "amp_open": OTHER,
        "amp_initial_open": OTHER,
        "click": OTHER,
        "amp_click": OTHER,
        "sms_status": OTHER,
        "relay_injection": OTHER,
        "relay_rejection": OTHER,
        "relay_delivery": OTHER,
        "relay_tempfail": OTHER,
        "relay_permfail": OTHER,
    }
)
CLASSES: Final = MappingProxyType(
    {
        "1": UNDETERMINED_CLASS,  # undetermined
        "10": because(Reason.USER_UNKNOWN, HARD_CLASS),  # invalid recipient
        "20": SOFT_CLASS,  # soft bounce
        "21": because(Reason.DNS_ERROR, SOFT_CLASS),
        "22": because(Reason.MAILBOX_FULL, SOFT_CLASS),
        "23": because(Reason.MESSAGE_TOO_LARGE, SOFT_CLASS),
        "24": because(Reason.EXPIRED, SOFT_CLASS, expired=True),  # timeout
        "25": because(Reason.POLICY_REJECTED, Meaning()),  # admin failure: by SparkPost's own policies
        "26": because(Reason.POLICY_REJECTED, Meaning()),  # smart send suppression
        "30": HARD_CLASS,  # generic bounce, no RCPT
        "40": SOFT_CLASS,  # generic bounce
        "50": because(Reason.POLICY_REJECTED, SOFT_CLASS),  # mail block
        "51": because(Reason.BLOCKLISTED, SOFT_CLASS),  # spam block
        "52": because(Reason.SPAM_CONTENT, SOFT_CLASS),
        "53": because(Reason.CONTENT_REJECTED, SOFT_CLASS),  # prohibited attachment
        "54": because(Reason.RELAY_DENIED, SOFT_CLASS),
        "60": Meaning(Kind.AUTO_REPLY),
        "70": because(Reason.SYSTEM_ERROR, SOFT_CLASS._replace(temporary=True)),  # transient failure
        "80": Meaning(Kind.OTHER),  # subscribe
        "90": UNSUBSCRIBED,
        "100": Meaning(Kind.CHALLENGE),
    }
)
_NAME: Final = "sparkpost"
_EXPECTED: Final = "a list of objects with msys"


def _read(body: object, _headers: Mapping[str, str]) -> Iterator[Notice]:
    for fields, remarks in objects(_NAME, body, _EXPECTED, ("msys",)):
        msys = fields.sub("msys")
        name = next((name for name in msys.values if name.endswith("_event")), next(iter(msys.values), None))
        if name is None:
            yield Notice(
                type=None, meaning=Meaning(Kind.OTHER, remark="a ping: the service tests the address"), remarks=remarks
            )
        else:
            yield _notice(msys.sub(name), remarks)


def _notice(fields: Fields, remarks: list[str]) -> Notice:
    words = fields.text("raw_reason", "reason")
    # SparkPost marks its own words like this: the code before them is not a server's either.
    own = words is not None and "[internal]" in words
    type_ = fields.text("type")
    if type_ == "delivery":
        words = fields.text("response", "raw_reason")
    recipient = RecipientEvent(
        fields.text("raw_rcpt_to", "rcpt_to"),  # rcpt_to is in lower case
        words,
        prose=own,
        code=fields.text("error_code"),
    )
    return Notice(
        type=type_,
        class_=fields.text("bounce_class"),
        id=fields.text("event_id"),
        recipients=(recipient,),
        feedback=fields.text("fbtype"),
        message=about(
            fields,
            date=fields.moment("timestamp"),
            queue_id=fields.text("message_id", "transmission_id"),
            from_=fields.text("friendly_from", "msg_from"),
            subject=fields.text("subject"),
        ),
        tags=(*fields.texts("rcpt_tags"), *fields.texts("campaign_id")),
        metadata=fields.sub("rcpt_meta").values,
        remarks=remarks,
    )


SERVICE: Final = Service(
    name=_NAME,
    title="SparkPost (Bird)",
    source="https://support.sparkpost.com/docs/deliverability/bounce-classification-codes",
    signature="none: basic authentication",
    events=EVENTS,
    classes=CLASSES,
    read=_read,
)
