"""Reports that stand inside other messages, and the messages that are handed out to be parsed by themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from undeliverable import BounceType, Kind, Report, attached, parse
from undeliverable.cli import main
from undeliverable.verdict import INSIDE

REPORT: Final = b"""From: MAILER-DAEMON@mx.example.net
To: bounces@example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="inner"

--inner
Content-Type: text/plain

It failed.

--inner
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; kim@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--inner
Content-Type: message/rfc822

From: news@example.com
To: kim@example.org
Message-ID: <1@example.com>

hello

--inner--
"""
FEEDBACK: Final = b"""From: fbl@provider.example
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="inner"

--inner
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1
Original-Rcpt-To: kim@example.org

--inner--
"""


def around(*inner: bytes, sender: str = "MAILER-DAEMON@mx.example.com", text: str = "See below.") -> bytes:
    """Return a message with others inside."""
    parts = "".join(f"--outer\nContent-Type: message/rfc822\n\n{one.decode()}\n" for one in inner)
    return (
        f"Return-Path: <>\nFrom: {sender}\nSubject: notes\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/mixed; boundary="outer"\n\n--outer\nContent-Type: text/plain\n\n{text}\n\n{parts}--outer--\n'
    ).encode()


def said(report: Report) -> list[tuple[str | None, str, str]]:
    return [(one.recipient, str(one.bounce_type), str(one.advice)) for one in report.verdicts]


def test_a_report_inside_a_message_is_undetermined() -> None:
    report = parse(around(REPORT))
    assert said(report) == [("kim@example.org", "undetermined", "review")]
    (verdict,) = report.verdicts
    assert (str(verdict.reason), verdict.conflicts) == ("user_unknown", (INSIDE,))
    assert "the report stands inside another message" in report.remarks
    assert "conflict   " + INSIDE in verdict.explain(verbose=True)


def test_a_complaint_inside_a_message_suppresses_nobody() -> None:
    report = parse(around(FEEDBACK))
    assert report.kind is Kind.COMPLAINT
    assert said(report) == [("kim@example.org", "None", "review")]


def test_what_arrived_inside_a_message_remains_what_it_is() -> None:
    report = parse(around(REPORT.replace(b"failed\nStatus: 5.1.1", b"delivered\nStatus: 2.0.0")))
    assert said(report) == [("kim@example.org", "None", "None")]


def test_a_multipart_around_a_report_is_not_another_message() -> None:
    """A gateway adds a footer by putting a multipart around everything."""
    head, _, body = REPORT.partition(b"\n\n")
    header, kind = head.split(b"\nContent-Type: ")
    raw = (
        header
        + b'\nContent-Type: multipart/mixed; boundary="outer"\n\n--outer\nContent-Type: '
        + kind
        + b"\n\n"
        + body
        + b"\n--outer\nContent-Type: text/plain\n\nScanned.\n\n--outer--\n"
    )
    report = parse(raw)
    assert said(report) == [("kim@example.org", "hard", "suppress")]
    assert report.verdicts[0].conflicts == ()


@pytest.mark.parametrize("subject", ["Fwd: Undelivered Mail", "WG: Undelivered Mail", "RV: Undelivered Mail"])
def test_a_person_who_forwards_a_report_inline(subject: str) -> None:
    raw = REPORT.replace(b"MAILER-DAEMON@mx", b"lee@mail").replace(
        b"Undelivered Mail Returned to Sender", subject.encode()
    )
    assert said(parse(raw)) == [("kim@example.org", "undetermined", "review")]


def test_fields_behind_the_returned_message_are_a_part_of_it() -> None:
    """The attacker's report has the boundary of the one that returns it."""
    own = REPORT.replace(b"kim@example.org", b"bounces@example.com").replace(b"--inner--\n", b"")
    report = parse(own.replace(b"hello\n", REPORT.replace(b"5.1.1", b"5.1.2")))
    assert [verdict.recipient for verdict in report.verdicts] == ["bounces@example.com"]
    assert any("passed over" in remark for remark in report.remarks)


def test_who_reads_a_message_has_received_it() -> None:
    raw = REPORT.replace(
        b"--inner\nContent-Type: message/rfc822",
        b"--inner\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; kim@example.org\n"
        b"Disposition: manual-action/MDN-sent-manually; displayed\n\n--inner\nContent-Type: message/rfc822",
    )
    assert parse(raw).kind is Kind.DISPOSITION


def test_attached_messages_are_handed_out_in_order() -> None:
    inner = attached(around(REPORT, FEEDBACK))
    assert [one.strip() for one in inner] == [REPORT.strip(), FEEDBACK.strip()]
    assert [str(parse(one).kind) for one in inner] == ["bounce", "complaint"]
    assert parse(inner[0]).verdicts[0].bounce_type is BounceType.HARD
    (returned,) = attached(inner[0])
    assert returned.startswith(b"From: news@example.com")
    assert attached(returned) == ()


def test_an_encoded_inner_message_is_decoded() -> None:
    from base64 import encodebytes

    raw = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + encodebytes(REPORT)
    assert attached(raw) == (REPORT,)


def test_attached_takes_what_parse_takes() -> None:
    import email

    assert attached(email.message_from_bytes(around(REPORT)))
    with pytest.raises(TypeError):
        attached("text")  # type: ignore[arg-type] # that is what is tested


@pytest.mark.parametrize(
    ("options", "kinds", "types", "summary"),
    [
        ([], ["bounce", "bounce", "other"], ["undetermined", "hard"], "1 report    inside another message"),
        (["--attached"], ["bounce", "complaint", "bounce", "other"], ["hard", None, "hard"], ""),
        (["--attached", "--jobs", "2"], ["bounce", "complaint", "bounce", "other"], ["hard", None, "hard"], ""),
    ],
)
def test_classify_attached(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    kinds: list[str],
    types: list[str | None],
    summary: str,
) -> None:
    (tmp_path / "1.eml").write_bytes(around(REPORT, FEEDBACK))
    (tmp_path / "2.eml").write_bytes(REPORT)
    (tmp_path / "3.eml").write_bytes(b"From: lee@example.org\nSubject: lunch\n\nAt noon?\n")
    assert main(["classify", "--format", "jsonl", *options, str(tmp_path)]) == 0
    shown = capsys.readouterr()
    found = [json.loads(line) for line in shown.out.splitlines()]
    assert [record["kind"] for record in found] == kinds
    assert [verdict["bounce_type"] for record in found for verdict in record["verdicts"]] == types
    assert summary in shown.err
    assert ("inside another" in shown.err) is bool(summary)
    if options:
        assert [Path(record["source"]).name for record in found[:2]] == ["1", "2"]
        assert found[0]["source"] == f"{tmp_path / '1.eml'}/1"
