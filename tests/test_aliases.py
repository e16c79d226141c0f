"""Exim's fields name the alias that the mail came for; the address behind it is what failed."""

from __future__ import annotations

import pytest

from undeliverable import Advice, BounceType, Report, parse

ALIAS, DEAD, LEE = "team@example.org", "dead@example.net", "lee@example.com"


def report(*aliases: str, failed: str, said: str = "550 5.1.1 no such user here") -> Report:
    fields = "".join(
        f"\nAction: failed\nFinal-Recipient: rfc822;{alias}\nStatus: 5.0.0\n"
        f"Remote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; {said}\n"
        for alias in aliases
    )
    text = f"""\
From: Mail Delivery System <Mailer-Daemon@mx.example.org>
To: bounces@sender.example
Subject: Mail delivery failed: returning message to sender
X-Failed-Recipients: {failed}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {DEAD}
    (generated from {aliases[0]})
    host mx.example.net [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<{DEAD}>:
    {said}

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
{fields}
--b
Content-Type: text/rfc822-headers

From: news@sender.example

--b--
"""
    return parse(text.encode())


def found(*aliases: str, failed: str) -> list[tuple[str | None, str | None]]:
    return [(verdict.recipient, verdict.original_recipient) for verdict in report(*aliases, failed=failed).verdicts]


@pytest.mark.parametrize(
    ("aliases", "failed", "seen"),
    [
        ((ALIAS,), DEAD, [(DEAD, ALIAS)]),
        ((ALIAS,), f"{DEAD}, {LEE}", [(DEAD, ALIAS)]),
        ((ALIAS, LEE), f"{DEAD}, {LEE}", [(DEAD, ALIAS), (LEE, None)]),
        ((ALIAS, "all@example.org"), f"{DEAD}, {LEE}", [(DEAD, ALIAS), (LEE, "all@example.org")]),
        ((DEAD,), DEAD.upper(), [(DEAD, None)]),
        ((DEAD,), "", [(DEAD, None)]),
    ],
)
def test_what_failed_is_the_address_behind_the_alias(
    aliases: tuple[str, ...], failed: str, seen: list[tuple[str | None, str | None]]
) -> None:
    assert found(*aliases, failed=failed) == seen


def test_the_alias_is_no_dead_address() -> None:
    (verdict,) = report(ALIAS, failed=DEAD).verdicts
    assert (verdict.bounce_type, verdict.advice) == (BounceType.HARD, Advice.RETRY)


def test_which_of_several_aliases_it_was_stays_open() -> None:
    found = report(ALIAS, "all@example.org", failed=DEAD)
    assert [verdict.recipient for verdict in found.verdicts] == [ALIAS, "all@example.org"]


def test_the_words_of_a_refusing_server_name_nobody() -> None:
    said = f"550 5.1.1 no\n  {LEE}\n    (generated from {DEAD})\n    550 5.1.1 no such user"
    assert [verdict.recipient for verdict in report(DEAD, failed=DEAD, said=said).verdicts] == [DEAD]
