"""Delivery status fields in plain text count only where the text above them names the same recipients, or nobody."""

from __future__ import annotations

import pytest

from undeliverable import Report, parse

HEAD = """Return-Path: <>
From: MAILER-DAEMON@mx.sender.example
To: news@sender.example
Subject: Undeliverable mail
Date: Mon, 01 Jun 2026 08:01:00 +0000

Your message could not be delivered{rest}
"""
FIELDS = """
Reporting-MTA: dns; mx.third.example

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown
"""
STATEMENTS = (
    "<kim@dest.example>: 552 5.2.2 mailbox full",
    "kim@dest.example\n552 5.2.2 mailbox full",
    "kim@dest.example",
)
LINES = ("=== your text follows ===", "~~~~", "", "[message text]", "Here is what you wrote:")


def notice(statement: str, line: str, recipient: str) -> Report:
    rest = f" to the following recipient:\n\n{statement}\n\n{line}\n\nHello, I got this:\n"
    return parse((HEAD.format(rest=rest) + FIELDS.format(recipient=recipient)).encode())


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("statement", STATEMENTS)
def test_whoever_wrote_the_returned_message_chooses_no_victim(statement: str, line: str) -> None:
    verdicts = notice(statement, line, "victim@third.example").verdicts
    assert [verdict.recipient for verdict in verdicts] == ["kim@dest.example"]
    assert str(verdicts[0].bounce_type) != "hard"


def test_fields_about_whom_the_text_names_count() -> None:
    report = notice("<kim@dest.example>: host mx.dest.example said:", "", "kim@dest.example")
    assert [(verdict.recipient, str(verdict.reason)) for verdict in report.verdicts] == [
        ("kim@dest.example", "user_unknown")
    ]


def test_fields_count_where_the_text_names_nobody() -> None:
    report = parse(
        (HEAD.format(rest=". It was sent by root@localhost.\n") + FIELDS.format(recipient="kim@dest.example")).encode()
    )
    assert [verdict.recipient for verdict in report.verdicts] == ["kim@dest.example"]
