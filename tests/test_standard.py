"""The standard report in one pass: the same as part by part, and it is the one pass that reads most reports."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

import pytest

from undeliverable import Report, parse
from undeliverable._dsn import one_pass as _standard
from undeliverable._reading.merge import diagnostic_reader

from .builds import interpreted

FIXTURES: Final = Path(__file__).resolve().parents[1] / "fixtures"
MAILS: Final = [
    path.read_bytes().replace(b"\r\n", b"\n")
    for path in sorted(FIXTURES.rglob("*.eml"))
    if path.stat().st_size < 20_000 and b"delivery-status" in path.read_bytes()
]
REPORT: Final = b"""\
Date: Sat, 21 Nov 2026 21:16:21 +0000
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
Subject: Undelivered Mail Returned to Sender
To: news@example.net
Message-Id: <1@mx.example.net>
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="b1"
MIME-Version: 1.0

--b1
Content-Type: text/plain; charset=us-ascii

Your message could not be delivered.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
X-Example-Sender: rfc822;
 news@example.net

Final-Recipient: rfc822; kim@example.org
Action: failed
Status: 5.1.1
X-Display-Name: Kim
Diagnostic-Code: smtp; 550 5.1.1 No such
 user here
X-Example-Category: bad-mailbox

--b1
Content-Type: text/rfc822-headers

Message-ID: <m1@example.net>
From: news@example.net
To: kim@example.org
Subject: Hello

--b1--
"""


def is_standard(raw: bytes) -> bool:
    return _standard.read(raw, diagnostic_reader, []) is not None


def part_by_part(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> Report:
    with monkeypatch.context() as patch:
        patch.setattr(_standard, "LONGEST", -1)
        return parse(raw)


def shown(report: Report) -> tuple[object, ...]:
    """All that a report holds; the order in which remarks are left may differ."""
    message = report.message
    return (
        {**report.to_dict(), "remarks": sorted(report.remarks)},
        message,
        None if message.returned is None else message.returned.block,
        [(verdict.evidence, verdict.field_block) for verdict in report.verdicts],
    )


def test_most_reports_are_standard() -> None:
    assert sum(map(is_standard, MAILS)) > 0.6 * len(MAILS)


def test_both_ways_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for raw in MAILS:
        assert shown(parse(raw)) == shown(part_by_part(raw, monkeypatch))


def damaged(raw: bytes, chance: random.Random) -> bytes:
    """The mail with one line left out, doubled, moved, indented, emptied, cut, or with a character changed."""
    lines = raw.split(b"\n")
    at, to = chance.randrange(len(lines)), chance.randrange(len(lines))
    line = lines[at]
    ways = (
        lines[:at] + lines[at + 1 :],
        [*lines[:at], line, line, *lines[at + 1:]],
        [*lines[:to], line, *lines[to:]],
        [*lines[:at], chance.choice([b" ", b"\t", b"x ", b"-", b"<"]) + line, *lines[at + 1 :]],
        [*lines[:at], b"", *lines[at:]],
        [*lines[:at], b" ", *lines[at:]],
        [*lines[:at], line[: chance.randrange(len(line) + 1)], *lines[at + 1 :]],
        [*lines[:at], line + chance.choice([b" ", b"\xe4", b"\x00", b"~{", b"\r", b"; charset=utf-7", b"\x1b$B"]), *lines[at + 1 :]],
        lines[:at],
        [*lines[:at], line.swapcase(), *lines[at + 1 :]],
    )  # fmt: skip
    return b"\n".join(chance.choice(ways))


@pytest.mark.parametrize("seed", range(30))
def test_both_ways_say_the_same_of_damaged_reports(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)  # no secret
    for raw in [*chance.sample(MAILS, 30), *[REPORT] * 40]:
        mail = damaged(raw, chance)
        for _ in range(chance.randrange(2)):
            mail = damaged(mail, chance)
        assert shown(parse(mail)) == shown(part_by_part(mail, monkeypatch)), mail


BELOW: Final = b"""\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  kim@example.org

------ This is a copy of the message, including all the headers. ------

Message-ID: <m2@example.net>
To: kim@example.org
Subject: Hello

"""
TWO_PARTS: Final = REPORT[: REPORT.index(b"--b1\nContent-Type: text/rfc822-headers")] + b"--b1--\n"
WHOLE: Final = b"Content-Type: message/rfc822\n\n"
ALMOST: Final = {
    "white space of Latin-1 in UTF-8": REPORT.replace(b"<1@mx.example.net>", b"<1@mx.example.net> voil\xc3\xa0"),
    "a copy below the text": TWO_PARTS.replace(b"Your message could not be delivered.\n", BELOW),
    "two types": REPORT.replace(b"headers\n\n", b"headers\n" + WHOLE).replace(b"Hello\n", b"Hello\n\nBody.\n"),
    "a separator with a colon": REPORT.replace(
        b"Content-Type: text/rfc822-headers\n\n", WHOLE + b"From : a@example.net\n"
    ).replace(b"Hello\n", b"Hello\n\nBody.\n"),
    "a separator first": b"From : a@example.net\n" + REPORT,
    "two separators": b"From a@example.net Sat Nov 21\n" * 2 + REPORT,
    "a quoted separator": b">From a@example.net Sat Nov 21\n" + REPORT,
    "nothing but a separator": b"From a@example.net Sat Nov 21",
    "no blank line before a delimiter": REPORT.replace(b"\n\n--b1", b"\n--b1"),
    "a delimiter in a line": REPORT.replace(b"could not", b"could --b1 not"),
    "a delimiter at the end of a line": REPORT.replace(b"delivered.\n", b"delivered.--b1\n"),
    "an empty text": REPORT.replace(b"Your message could not be delivered.\n\n", b""),
    "empty headers": REPORT.replace(b"Subject: Undelivered Mail Returned to Sender", b"Subject:").replace(
        b"Message-Id: <1@mx.example.net>", b"Message-Id: "
    ),
    **{
        f"boundary={declared.decode('latin-1')}": REPORT.replace(b'"b1"', declared)
        for declared in (
            b'"b1 x"', b'"b1;x"', b'"b1', b'"b1; x=y', b'"b1\xa0"', b'"b1\x1cx"', b'""; boundary=b1', b'b1; boundary="b2"',
            b'b2; boundary="b1"', b'b1"x"', b'"b1 "', b'"' + b"b1" * 101 + b'"',
        )
    },
    "another boundary": REPORT.replace(b'boundary="b1"', b'x-boundary=b1; boundary="b2"'),
    "a longer boundary": REPORT.replace(b'"b1"', b'"' + b"b" * 203 + b'"').replace(b"--b1", b"--" + b"b" * 200),
}  # fmt: skip


@pytest.mark.parametrize("raw", ALMOST.values(), ids=ALMOST)
def test_both_ways_say_the_same_of_what_is_almost_standard(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(parse(raw)) == shown(part_by_part(raw, monkeypatch))


def test_a_separator_of_a_mailbox_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b"From MAILER-DAEMON Sat Nov 21 21:16:21 2026\n" + REPORT
    assert is_standard(raw)
    assert shown(parse(raw)) == shown(parse(REPORT)) == shown(part_by_part(raw, monkeypatch))


def test_what_a_standard_report_holds_has_names() -> None:
    found = _standard.read(REPORT, diagnostic_reader, [])
    assert found is not None
    assert (found.header("subject"), found.header("x-none")) == ("Undelivered Mail Returned to Sender", None)
    assert found.text == "Your message could not be delivered.\n"
    assert found.message["reporting_mta"] == "mx.example.net"
    assert found.recipient.recipient == "kim@example.org"
    assert found.returned is not None
    assert found.returned.message_id == "<m1@example.net>"


@pytest.mark.parametrize("charset", [b"us-ascii", b"hz-gb-2312"])
def test_a_tilde_is_no_hindrance_but_a_shift_of_hz_is(charset: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = REPORT.replace(b"delivered.", b"delivered: see https://www.example.net/~kim").replace(b"us-ascii", charset)
    shifted = raw.replace(b"~kim", b"~{VPND~}")
    assert is_standard(raw)
    assert not is_standard(shifted)
    for mail in (raw, shifted):
        assert shown(parse(mail)) == shown(part_by_part(mail, monkeypatch))


def test_a_copy_below_the_text_is_the_returned_message() -> None:
    raw = ALMOST["a copy below the text"]
    returned = parse(raw).message.returned
    assert is_standard(raw)
    assert returned is not None
    assert returned.message_id == "<m2@example.net>"


def test_extension_fields_are_kept() -> None:
    report = parse(REPORT)
    (verdict,) = report.verdicts
    assert is_standard(REPORT)
    assert verdict.field("x-display-name") == "Kim"
    assert verdict.field("X-Example-Category") == "bad-mailbox"
    assert verdict.field("Diagnostic-Code") == "smtp; 550 5.1.1 No such user here"
    assert verdict.field("X-Other") is None
    assert [name for name, _ in verdict.fields()] == [
        "final-recipient", "action", "status", "x-display-name", "diagnostic-code", "x-example-category",
    ]  # fmt: skip
    assert dict(report.message.fields()) == {
        "reporting-mta": "dns; mx.example.net",
        "x-example-sender": "rfc822; news@example.net",
    }


def test_extension_fields_of_several_recipients_and_of_fields_in_plain_text() -> None:
    second = b"\nFinal-Recipient: rfc822; lee@example.org\nAction: failed\nStatus: 5.2.2\nX-Display-Name: Lee\n"
    report = parse(REPORT.replace(b"bad-mailbox\n", b"bad-mailbox\n" + second))
    assert [verdict.field("X-Display-Name") for verdict in report.verdicts] == ["Kim", "Lee"]
    plain = (
        b"From: MAILER-DAEMON@mx.example.net\nSubject: failure\n\nSorry.\n\nReporting-MTA: dns; a.example\n" + second
    )
    (verdict,) = parse(plain).verdicts
    assert verdict.field("x-display-name") == "Lee"


def test_what_no_fields_report_has_none() -> None:
    (verdict,) = parse(b"From: MAILER-DAEMON@a.example\n\n<kim@example.org>: 550 5.1.1 User unknown\n").verdicts or (
        None,
    )
    assert verdict is None or (verdict.field_block == "" and list(verdict.fields()) == [])


@interpreted
def test_a_fault_of_the_one_pass_is_told_and_the_careful_way_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise LookupError("oh")

    expected = parse(REPORT)
    monkeypatch.setattr(_standard, "read", broken)
    report = parse(REPORT)
    assert report.remarks == ("the reader of standard reports failed: LookupError: oh",)
    assert report.verdicts == expected.verdicts
