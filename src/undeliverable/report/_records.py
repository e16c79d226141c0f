"""Rebuild reports from the records of `Report.to_dict()`, as far as the page needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar, cast

from undeliverable import (
    Action,
    Advice,
    AppliesTo,
    BounceType,
    Command,
    Event,
    Fault,
    Feedback,
    Kind,
    MessageAdvice,
    MessageFacts,
    PolicyRef,
    Proof,
    ProviderFrom,
    Reason,
    ReplyCode,
    Report,
    Returned,
    RuleRef,
    StatusCode,
    StatusFrom,
    Verdict,
)
from undeliverable.verdict import Details

__all__ = ["report_of"]

T = TypeVar("T")

_SCHEMAS: Final = (1, 2)
# Looked up by value: the constructor of an enum with attributes needs more than the value.
_REASONS: Final = {str(reason): reason for reason in Reason}


def report_of(record: Mapping[str, Any]) -> Report:
    """Return the report of a record of version 1 or 2, without evidence and without the text of the original message.

    :raises ValueError: when it is not such a record; the message says why.
    """
    if record.get("schema") not in _SCHEMAS:
        raise ValueError("not a record of a report: `schema` is neither 1 nor 2")
    try:
        return _report(record)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a record of a report: {type(error).__name__} {error}") from None


def _report(record: Mapping[str, Any]) -> Report:
    event = record.get("event")
    return Report(
        kind=Kind(record["kind"]),
        verdicts=tuple(_verdict(verdict) for verdict in record["verdicts"]),
        message=_message(record.get("message") or {}),
        event=None if event is None else _event(event),
        remarks=tuple(record.get("remarks") or ()),
        source=record.get("source"),
    )


def _verdict(record: Mapping[str, Any]) -> Verdict:
    get = record.get
    rule, policy = get("rule"), get("policy")
    return Verdict(
        recipient=get("recipient"),
        original_recipient=get("original_recipient"),
        action=_maybe(Action, get("action")),
        bounce_type=_maybe(BounceType, get("bounce_type")),
        reason=_maybe(_REASONS.__getitem__, get("reason")),
        fault=_maybe(Fault, get("fault")),
        advice=_maybe(Advice, get("advice")),
        label=get("label"),
        status=_maybe(StatusCode.parse, get("status")),
        status_from=_maybe(StatusFrom, get("status_from")),
        reported_status=_maybe(StatusCode.parse, get("reported_status")),
        reply_code=_maybe(lambda number: ReplyCode.parse(str(number)), get("reply_code")),
        reply=get("reply"),
        command=_maybe(Command, get("command")),
        remote_mta=get("remote_mta"),
        provider=get("provider"),
        expired=bool(get("expired")),
        rule=None if rule is None else RuleRef(rule["id"], rule["layer"]),
        policy=None if policy is None else PolicyRef(policy["id"], policy["layer"]),
        shadowed=None,
        conflicts=tuple(get("conflicts") or ()),
        last_attempt_date=_maybe(datetime.fromisoformat, get("last_attempt_date")),
        will_retry_until=_maybe(datetime.fromisoformat, get("will_retry_until")),
        vendor_code=get("vendor_code"),
        key=record["key"],
        details=Details(**{name: get(name) for name in Details.__slots__}),
        sent_to=get("sent_to") or get("original_recipient") or get("recipient"),  # schema 1 has no "sent_to"
        proof=_maybe(Proof, get("proof")),
        confidence=get("confidence"),
        provider_from=_maybe(ProviderFrom, get("provider_from")),
        set_by=tuple((key, PolicyRef(one["id"], one["layer"])) for key, one in _table(get("policies")).items()),
        message_advice=_maybe(MessageAdvice, get("message_advice")),
        applies_to=_maybe(AppliesTo, get("applies_to")),
        retry_after=get("retry_after"),
        token=get("token"),
    )


def _table(value: object) -> dict[str, Any]:
    """Return `value`, a table of a record; one of an older schema has none."""
    return cast("dict[str, Any]", value or {})


def _message(record: Mapping[str, Any]) -> MessageFacts:
    returned = record.get("returned")
    return MessageFacts(
        generator=record.get("generator"),
        reporting_mta=record.get("reporting_mta"),
        received_from_mta=record.get("received_from_mta"),
        arrival_date=_maybe(datetime.fromisoformat, record.get("arrival_date")),
        original_envelope_id=record.get("original_envelope_id"),
        queue_id=record.get("queue_id"),
        date=_maybe(datetime.fromisoformat, record.get("date")),
        message_id=record.get("message_id"),
        returned=None if returned is None else _returned(returned),
        feedback=_maybe(_feedback, record.get("feedback")),
    )


def _feedback(record: Mapping[str, Any]) -> Feedback:
    get = record.get
    return Feedback(
        type=get("type"),
        source_ip=get("source_ip"),
        original_mail_from=get("original_mail_from"),
        reported_domain=get("reported_domain"),
        arrival_date=_maybe(datetime.fromisoformat, get("arrival_date")),
        user_agent=get("user_agent"),
        feedback_id=get("feedback_id"),
        fields=tuple((name, value) for name, values in _table(get("fields")).items() for value in values),
    )


def _returned(record: Mapping[str, Any]) -> Returned:
    headers = _table(record.get("headers"))
    return Returned(
        "".join(f"{name}: {value}\n" for name, value in headers.items()),
        message_id=record.get("message_id"),
        from_=record.get("from"),
        to=record.get("to"),
        subject=record.get("subject"),
        date=_maybe(datetime.fromisoformat, record.get("date")),
        keep_headers=tuple(headers),
    )


def _event(record: Mapping[str, Any]) -> Event:
    return Event(
        id=record.get("id"),
        service=record["service"],
        type=record.get("type"),
        class_=record.get("class"),
        subclass=record.get("subclass"),
        tags=tuple(record.get("tags") or ()),
        metadata=dict(record.get("metadata") or {}),
    )


def _maybe(read: Callable[[Any], T], value: object) -> T | None:
    return None if value is None else read(value)
