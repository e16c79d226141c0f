"""What our own look-up refused comes back as `suppressed`, and is no event; the same words of anybody else are a rule of theirs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from undeliverable import Advice, BounceType, Kind, Reason, Report, classify, parse
from undeliverable._dsn.origin import OriginWords
from undeliverable._knowledge.languages import read_origin
from undeliverable.errors import EntryError
from undeliverable.serve._look_ups import reject_text
from undeliverable.suppression import events_of

NOW = datetime(2026, 11, 30, tzinfo=UTC)
REFUSAL = f"554 5.7.1 <kim@example.org>: Recipient address rejected: {reject_text()}"
RELAY = "relay.example.com"


def report(
    *refused: tuple[str, str],
    relay: str | None = RELAY,
    reporter: str = "app.example.com",
    to: str = "bounces@example.com",
    sender: str = "news@example.com",
) -> Report:
    groups = "".join(
        f"\nFinal-Recipient: rfc822; {recipient}\nAction: failed\nStatus: 5.7.1\n"
        f"{f'Remote-MTA: dns; {relay}' if relay else 'X-A: b'}\nDiagnostic-Code: smtp; {reply}\n"
        for recipient, reply in refused
    )
    text = f"""\
From: MAILER-DAEMON@{reporter}
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b

Your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; {reporter}
{groups}
--b
Content-Type: text/rfc822-headers

From: News <{sender}>
Return-Path: <{to}>
Message-ID: <1@example.com>

--b--
"""
    return parse(text.encode())


KIM = ("kim@example.org", REFUSAL)
LEE = ("lee@example.org", REFUSAL.replace("kim", "lee"))


@pytest.mark.parametrize(
    "found",
    [
        report(KIM),
        report(KIM, LEE),
        report(KIM, relay=None),
        report(KIM, relay="Example.COM.", to="b@list.example.com", sender="a@example.com"),
        report(KIM, relay="mx.out.example.com", to="b@example.com"),
        report(KIM, relay="relay.example.com", to="b@in.example.com", sender="a@in.example.com"),
        report(KIM, to="b@esp.example", sender="news@example.com"),
        report(KIM, relay="127.0.0.1"),
        report(KIM, relay="localhost"),
        report(KIM, relay="[10.0.0.5]"),
        report(KIM, relay="fd00::25"),
    ],
)
def test_our_own_refusal_is_no_news(found: Report) -> None:
    assert found.kind is Kind.SUPPRESSED
    assert found.is_own_look_up
    for verdict in found.verdicts:
        assert (verdict.bounce_type, verdict.reason, verdict.advice) == (None, None, Advice.SUPPRESS)
        assert verdict.reply is not None
        assert reject_text() in verdict.reply
    assert events_of(found, NOW) == ()
    assert Report.from_dict(found.to_dict()).is_own_look_up


@pytest.mark.parametrize(
    "found",
    [
        report(KIM, relay="mx.example.net"),
        report(KIM, relay="mx.evil.com", reporter="mx.evil.com"),
        report(KIM, relay="10.0.0.5", reporter="mx.evil.com"),
        report(KIM, relay="8.8.8.8"),
        report(KIM, relay="com", to="b@example.com"),
        report(KIM, relay="example.org"),
        report(KIM, relay="notexample.com"),
        report(KIM, relay="relay.example.com", to="b@other.example", sender="a@other.example"),
    ],
)
def test_the_same_words_of_others_are_their_rule(found: Report) -> None:
    assert found.kind is Kind.BOUNCE
    (verdict,) = found.verdicts
    assert (verdict.bounce_type, verdict.reason) == (BounceType.SOFT, Reason.POLICY_REJECTED)
    assert not found.is_own_look_up


def test_a_report_that_names_no_sender_is_anybodys() -> None:
    assert report(KIM, to="undisclosed", sender="nobody").kind is Kind.BOUNCE


def test_another_failure_beside_it_is_a_bounce() -> None:
    found = report(KIM, ("lee@example.org", "550 5.1.1 no such user"))
    assert found.kind is Kind.BOUNCE
    assert [verdict.reason for verdict in found.verdicts] == [Reason.POLICY_REJECTED, Reason.USER_UNKNOWN]


def test_a_report_inside_another_message_is_somebody_elses() -> None:
    inner = report(KIM)
    assert inner.is_own_look_up
    outer = b"From: MAILER-DAEMON@mx.example.net\nTo: b@example.com\nSubject: failed\nContent-Type: message/rfc822\n\n"
    text = (
        b"From: MAILER-DAEMON@app.example.com\nTo: b@example.com\nSubject: Undelivered Mail Returned to Sender\n"
        b'Content-Type: multipart/report; boundary="b"\n\n--b\n\nfailed\n--b\nContent-Type: message/delivery-status\n\n'
        b"Reporting-MTA: dns; app.example.com\n\nFinal-Recipient: rfc822; kim@example.org\nAction: failed\n"
        b"Status: 5.7.1\nRemote-MTA: dns; relay.example.com\nDiagnostic-Code: smtp; " + REFUSAL.encode() + b"\n--b--\n"
    )
    assert parse(text).is_own_look_up
    assert not parse(outer + text).is_own_look_up


def test_a_single_reply_is_a_rule_of_whoever_gave_it() -> None:
    verdict = classify(REFUSAL)
    assert (verdict.bounce_type, verdict.reason) == (BounceType.SOFT, Reason.POLICY_REJECTED)


def test_the_text_is_one_string() -> None:
    assert OriginWords().look_up not in reject_text()
    assert read_origin({"look_up": {"text": "Ours"}}).look_up == "ours"
    for text in (7, ""):
        with pytest.raises(EntryError, match="a phrase is a string"):
            read_origin({"look_up": {"text": text}})
