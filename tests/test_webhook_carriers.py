"""Carriers of AWS: an event says the same, however it comes from SES to a program."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Kind, Report, parse_webhook
from undeliverable.webhooks._body import read_json

EVENT: Final[dict[str, Any]] = {
    "eventType": "Bounce",
    "mail": {"messageId": "m1", "source": "news@example.net", "destination": ["kim@example.org", "lee@example.org"]},
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "feedbackId": "f1",
        "timestamp": "2026-11-21T21:16:19.000Z",
        "bouncedRecipients": [
            {"emailAddress": "kim@example.org", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no such user"}
        ],
    },
}


def text(value: object) -> str:
    return json.dumps(value)


def base64_of(value: object) -> str:
    return base64.b64encode(text(value).encode() + b"\n").decode()


def sns(event: object) -> dict[str, Any]:
    return {"Type": "Notification", "MessageId": "s1", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": text(event)}


def bus(event: object) -> dict[str, Any]:
    return {"version": "0", "id": "e1", "detail-type": "Email Bounced", "source": "aws.ses", "detail": event}


CARRIERS: Final[dict[str, Callable[[Any], Any]]] = {
    "Lambda behind SNS": lambda one: {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": one}]},
    "Lambda behind SQS": lambda one: {"Records": [{"eventSource": "aws:sqs", "messageId": "q1", "body": text(one)}]},
    "Lambda behind Kinesis": lambda one: {
        "Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": base64_of(one)}}]
    },
    "Lambda behind Firehose": lambda one: {
        "invocationId": "i1",
        "records": [{"recordId": "r1", "data": base64_of(one)}],
    },
    "Firehose over HTTP": lambda one: {
        "requestId": "r1",
        "timestamp": 1795295779000,
        "records": [{"data": base64_of(one)}],
    },
    "SQS received": lambda one: {"Messages": [{"MessageId": "q1", "ReceiptHandle": "h", "Body": text(one)}]},
    "one SQS message": lambda one: {"MessageId": "q1", "ReceiptHandle": "h", "Body": text(one)},
}
ENVELOPES: Final[dict[str, Callable[[Any], Any]]] = {"SNS": sns, "EventBridge": bus, "bare": lambda event: event}


def told(reports: tuple[Report, ...]) -> list[dict[str, Any]]:
    """What reports say but for the event's id, which envelopes bring along."""
    return [
        replace(report, event=None if report.event is None else replace(report.event, id=None)).to_dict()
        for report in reports
    ]


BARE: Final = told(parse_webhook("amazon_ses", text(EVENT)))


def test_the_bare_event_is_a_bounce() -> None:
    (report,) = parse_webhook("amazon_ses", text(EVENT))
    assert [(one.recipient, str(one.reason)) for one in report.verdicts] == [("kim@example.org", "user_unknown")]


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("envelope", ENVELOPES)
def test_an_event_says_the_same_in_every_carrier(carrier: str, envelope: str) -> None:
    body = CARRIERS[carrier](ENVELOPES[envelope](EVENT))
    assert told(parse_webhook("amazon_ses", text(body))) == BARE
    assert told(parse_webhook("amazon_ses", body)) == BARE


@given(st.lists(st.sampled_from([*CARRIERS]), max_size=3), st.sampled_from([*ENVELOPES]))
def test_carriers_within_carriers(carriers: list[str], envelope: str) -> None:
    body = ENVELOPES[envelope](EVENT)
    for carrier in carriers:
        body = CARRIERS[carrier](body)
    assert told(parse_webhook("amazon_ses", text(body))) == BARE


@pytest.mark.parametrize("between", ["\n", "", "\r\n", " "])
def test_files_of_firehose(between: str) -> None:
    body = between.join([text(EVENT), text(sns(EVENT)), text(bus(EVENT))]) + between
    assert told(parse_webhook("amazon_ses", body.encode())) == BARE * 3


def test_several_records_are_several_reports() -> None:
    records = [
        {"eventSource": "aws:sqs", "body": text(EVENT)},
        {"eventSource": "aws:sqs", "body": "words"},
        {"body": 7},
    ]
    reports = parse_webhook("amazon_ses", {"Records": records})
    assert [report.kind for report in reports] == [Kind.BOUNCE, Kind.OTHER, Kind.OTHER]
    assert "the message is no event of SES" in reports[1].remarks


def test_what_is_nested_too_deeply_is_left() -> None:
    body: Any = EVENT
    for _ in range(20):
        body = {"Records": [{"body": text(body)}]} if isinstance(body, dict) else body
    assert [
        report.kind for report in parse_webhook("amazon_ses", {"Records": [{"Sns": sns(EVENT)}, {"Sns": body}]})
    ] == [
        Kind.BOUNCE,
        Kind.OTHER,
    ]


def test_objects_after_each_other() -> None:
    assert read_json("x", '{"a": 1}\n{"b": 1e999}\n') == [{"a": 1}, {"b": "1e999"}]
    for wrong in ('{"a": 1} x', '{"a": 1}{', '{"a": 1} 2'):
        with pytest.raises(Exception, match="cannot be decoded"):
            read_json("x", wrong)
