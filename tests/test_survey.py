"""Parts that a gateway gave a type which says nothing of what they hold."""

from __future__ import annotations

from base64 import encodebytes

import pytest

from undeliverable import parse
from undeliverable._mime.repairs import TEXT_LIMIT
from undeliverable.reasons import Reason
from undeliverable.verdict import Kind, Report

FIELDS = """\
Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; kim@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user
"""
ORIGINAL = """\
Received: from app.sender.example by mx.example.net; Fri, 20 Nov 2026 08:59:00 +0000
From: News <news@sender.example>
To: kim@example.org
Subject: hello
Message-ID: <1@sender.example>

Final-Recipient: rfc822; lee@example.org
Action: failed
Status: 5.1.1
"""
COMPLAINT = """\
Feedback-Type: abuse
User-Agent: Loop/1.0
Version: 1
Original-Rcpt-To: <kim@example.org>
"""
DISPOSITION = """\
Reporting-UA: agent; mail
Final-Recipient: rfc822; kim@example.org
Disposition: manual-action/MDN-sent-manually; displayed
"""
REMARK = "a part is not of the type that it is declared to be"
ROBOT = "MAILER-DAEMON@mx.example.net"
PERSON = "Lee <lee@sender.example>"


def part(content_type: str, body: str, *, coded: bool = False) -> str:
    encoding = "Content-Transfer-Encoding: base64\n" if coded else ""
    return f"Content-Type: {content_type}\n{encoding}\n{encodebytes(body.encode()).decode() if coded else body}"


def mail(*parts: str, sender: str = ROBOT, subject: str = "Mail not delivered", kind: str = "mixed") -> Report:
    head = f'From: {sender}\nSubject: {subject}\nMIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary="b"\n\n'
    return parse((head + "".join(f"--b\n{one}\n" for one in parts) + "--b--\n").encode())


TEXT = part("text/plain", "See below.\n")


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize(
    "label",
    [
        "application/octet-stream",
        'application/octet-stream; name="details.txt"',
        "application/x-report",
        "text/plain",
        "message/rfc822",
        "message/delivery-status",
    ],
)
def test_fields_are_read_whatever_their_label(label: str, coded: bool) -> None:
    report = mail(TEXT, part(label, FIELDS, coded=coded and label != "message/rfc822"))
    (verdict,) = report.verdicts
    assert (report.kind, verdict.recipient, verdict.reason) == (Kind.BOUNCE, "kim@example.org", Reason.USER_UNKNOWN)
    assert (REMARK in report.remarks) is (label != "message/delivery-status")


def test_fields_in_html_are_read() -> None:
    report = mail(TEXT, part("text/html", f"<html><body><pre>{FIELDS}</pre></body></html>"))
    assert [verdict.recipient for verdict in report.verdicts] == ["kim@example.org"]


@pytest.mark.parametrize("label", ["application/octet-stream", "text/plain", "text/html"])
def test_a_returned_message_says_nothing_of_this_report_whatever_its_label(label: str) -> None:
    report = mail(TEXT, part("application/octet-stream", FIELDS), part(label, ORIGINAL))
    assert [verdict.recipient for verdict in report.verdicts] == ["kim@example.org"]
    returned = report.message.returned
    assert (returned and returned.message_id) == (None if label == "text/html" else "<1@sender.example>")


def test_fields_in_their_own_part_are_enough() -> None:
    copy = part("application/octet-stream", FIELDS.replace("kim@", "lee@"))
    report = mail(TEXT, part("message/delivery-status", FIELDS), copy)
    assert [verdict.recipient for verdict in report.verdicts] == ["kim@example.org"]


def test_a_complaint_and_a_disposition_are_read_whatever_their_label() -> None:
    complaint = mail(TEXT, part("application/octet-stream", COMPLAINT), sender=PERSON)
    assert (complaint.kind, complaint.verdicts[0].recipient) == (Kind.COMPLAINT, "kim@example.org")
    disposition = mail(TEXT, part("application/octet-stream", DISPOSITION), sender=PERSON, kind="report")
    assert disposition.kind is Kind.DISPOSITION


@pytest.mark.parametrize(
    ("sender", "subject", "body"),
    [
        (PERSON, "a bounce that I do not understand", FIELDS),
        (PERSON, "Fwd: a complaint", COMPLAINT),
        (ROBOT, "Fwd: Mail not delivered", FIELDS),
        (ROBOT, "a file", "no field here\n"),
        (ROBOT, "a file", "not: a field of a report\n"),
        (ROBOT, "a file", "nobody should read: this\nFinal-Recipient: rfc822; kim@example.org\nAction: failed\n"),
    ],
)
def test_what_a_person_passes_on_and_what_holds_no_fields_stays_as_it_is(sender: str, subject: str, body: str) -> None:
    report = mail(TEXT, part("application/octet-stream", body), sender=sender, subject=subject)
    assert (report.kind, report.verdicts) == (Kind.OTHER, ())
    assert REMARK not in report.remarks


def test_html_is_no_returned_message() -> None:
    notice = part("text/plain", "Your mail was not delivered to:\n\n  kim@example.org\n  550 5.1.1 no such user\n")
    report = mail(notice, part("text/html", "<p>From: Lee<br>Received: by mx.example</p><p>hello</p>\n"))
    assert REMARK not in report.remarks
    assert [verdict.recipient for verdict in report.verdicts] == ["kim@example.org"]


def test_few_further_parts_are_looked_into() -> None:
    report = mail(TEXT, *[part("application/pdf", "%PDF")] * 8, part("application/octet-stream", FIELDS))
    assert report.kind is Kind.OTHER


@pytest.mark.parametrize(
    ("plain", "rich", "named"),
    [
        ("Please read this as HTML.", "<p>Not delivered:</p><p>kim@example.org<br>550 no such user</p>", True),
        ("Not delivered:\n\nkim@example.org\n550 no such user", "<p>lee@example.org</p>", True),
        ("Please read this as HTML.", "<p>Not delivered: 550 no such user</p>", False),
    ],
)
def test_html_speaks_where_only_it_says_who(plain: str, rich: str, named: bool) -> None:
    report = mail(part("text/plain", plain), part("text/html", rich), kind="alternative")
    assert [verdict.recipient for verdict in report.verdicts] == ["kim@example.org"] * named


@pytest.mark.parametrize(
    ("body", "is_decoded"),
    [
        (encodebytes(b"Your mail was not delivered to:\n\n  kim@example.org\n  550 5.1.1 no such user\n"), True),
        (encodebytes(b"Your mail was not delivered to:\n\n  kim@example.org\n  550 5.1.1 no such user\n" * 40), True),
        (
            encodebytes(
                b"Your mail was not delivered to:\n\n  kim@example.org\n  550 5.1.1 no such user\n\n"
                b"--- Original message ---\n" + b"a text of words\n" * (TEXT_LIMIT // 16)
            ),
            True,
        ),
        (b"QUJD" * 19 + b"\nQUJD\n" + b"QUJD" * 19, False),
        (encodebytes(bytes(range(256))), False),
        (b"QUJD\n", False),
        (b"no-blank-and-no-base64-but-a-long-line-of-words-with-hyphens-as-urls-have-them\n", False),
    ],
)
def test_a_text_that_lost_the_name_of_its_encoding_is_decoded(body: bytes, is_decoded: bool) -> None:
    report = parse(f"From: {ROBOT}\nSubject: Mail not delivered\n\n".encode() + body)
    assert ("base64 that is not declared as such" in report.remarks) is is_decoded
    assert [verdict.recipient for verdict in report.verdicts] == ["kim@example.org"] * is_decoded


def test_a_feedback_report_that_lost_its_fields_is_still_a_complaint() -> None:
    report = mail(TEXT, part("message/rfc822", ORIGINAL), sender=PERSON, kind="report; report-type=feedback-report")
    assert report.kind is Kind.COMPLAINT
    assert "a feedback report without its fields" in report.remarks


@pytest.mark.parametrize(
    ("sender", "subject", "inside", "found"),
    [
        ("<staff@hotmail.com>", "complaint about message from 192.0.2.9", f"X-HmXmrOriginalRecipient: {PERSON}\n", "lee@sender.example"),
        ("staff@hotmail.com", "Complaint about message from 192.0.2.9", "", "kim@example.org"),
        ("staff@hotmail.com", "complaint about message from 192.0.2.9", None, None),
    ],
)  # fmt: skip
def test_a_complaint_without_a_report_names_who_complained_inside(
    sender: str, subject: str, inside: str | None, found: str | None
) -> None:
    parts = [TEXT] if inside is None else [TEXT, part("message/rfc822", inside + ORIGINAL)]
    report = mail(*parts, sender=sender, subject=subject)
    assert (report.kind, [verdict.recipient for verdict in report.verdicts]) == (Kind.COMPLAINT, [found])


def test_a_complaint_about_nothing_names_nobody() -> None:
    report = mail(
        TEXT, part("message/rfc822", ""), sender="staff@hotmail.com", subject="complaint about message from x"
    )
    assert (report.kind, [verdict.recipient for verdict in report.verdicts]) == (Kind.COMPLAINT, [None])


def test_other_mail_of_the_same_sender_is_no_complaint() -> None:
    assert mail(TEXT, sender="staff@hotmail.com", subject="News of your account").kind is Kind.OTHER
