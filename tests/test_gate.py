"""Which unknown mail is a notification, a challenge, a service's event, or nothing of the kind."""

from __future__ import annotations

import json

import pytest

from undeliverable import Report, parse
from undeliverable.verdict import Kind

KIM = "kim@example.org"
FAILED = f"Your message could not be delivered.\n\n<{KIM}>: 550 5.1.1 no such user\n"


def mail(text: str, sender: str = "MAILER-DAEMON@mx.example", subject: str = "hello", **fields: str) -> Report:
    head = {"From": sender, "To": "news@sender.example", "Subject": subject}
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    return parse("".join(f"{name}: {value}\n" for name, value in head.items()).encode() + f"\n{text}".encode())


def recipients(report: Report) -> list[str | None]:
    return [verdict.recipient for verdict in report.verdicts]


@pytest.mark.parametrize(
    ("sender", "fields"),
    [
        ("MAILER-DAEMON@mx.example", {"Return_Path": "<>"}),
        ("MAILER-DAEMON@mx.example", {}),
        ("Post <post@mx.example>", {"Return_Path": "<>"}),
        ("Post <post@mx.example>", {"Return_Path": "<MAILER-DAEMON>"}),
        ("Post <post@mx.example>", {"X_MS_Exchange_Message_Is_Ndr": ""}),
        ("noreply@mx.example", {"Subject": "Mail not delivered"}),
    ],
)
def test_signs_of_origin(sender: str, fields: dict[str, str]) -> None:
    assert recipients(mail(FAILED, sender, **fields)) == [KIM]


@pytest.mark.parametrize(
    ("sender", "fields"),
    [
        ("Kim <kim@mx.example>", {"Subject": "Mail not delivered"}),
        ("Kim <kim@mx.example>", {"Return_Path": "<>", "In_Reply_To": "<1@sender.example>"}),
        ("Kim <kim@mx.example>", {"Return_Path": "<>", "List_Post": "<mailto:list@mx.example>"}),
        ("postmaster@mx.example", {"In_Reply_To": "<1@sender.example>"}),
        ("postmaster@mx.example", {"Subject": "Re: Mail not delivered", "Return_Path": "<kim@mx.example>"}),
        ("noreply@mx.example", {"Subject": "[Bug 7] Mail not delivered"}),
    ],
)
def test_people_and_trackers_are_not_believed(sender: str, fields: dict[str, str]) -> None:
    assert mail(FAILED, sender, **fields).kind is Kind.OTHER


@pytest.mark.parametrize(
    "text",
    [
        "Delivered 900, bounced 2:\n\nkim@example.org 550 5.1.1 no such user\n",
        "A message from spam@bad.example to kim@example.org was not delivered: virus.\n",
        "The parcel could not be delivered.\n\nRecipient: kim@example.org\n",
        "kim@example.org\n",
        "The mailbox kim@example.org is over quota; mail will be rejected with 552 5.2.2.\n",
        "Could not be delivered.\n\nQuestions? Write to kim@example.org\n",
        "Could not be delivered.\n\nContact:\n\nkim@example.org\n",
    ],
)
def test_a_mail_system_speaks_of_other_things(text: str) -> None:
    assert mail(text, Return_Path="<>").kind is Kind.OTHER


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kim@example.org宛のメールは配信できませんでした。\n", [KIM]),
        ("A kim@example.org-ra küldött levelét nem tudtuk kézbesíteni.\n", [KIM]),
        ("Nicht zugestellt:\n\nEmpfänger: kim@example.org\nAbsender: lee@example.net\n", [KIM]),
        ("Not delivered:\n\n1. kim@example.org\n2. lee@example.org\n", [KIM, "lee@example.org"]),
        ("Not delivered:\n\nkim@example.org (expanded from: <team@example.org>)\n", [KIM]),
        ("Not delivered:\n\nKim <mailto:kim@example.org>\n", [KIM]),
        ("Your mail to kim@example.org and lee@example.org was refused.\n", [KIM, "lee@example.org"]),
        ("Your mail was not delivered.\n\nFrom: a@example.net\nTo: kim@example.org\nSubject: x\n", [KIM]),
        ("Your mail was not delivered.\n\n> kim@example.org\n", []),
        ("Your mail was not delivered to Kim.\n", []),
        ("Your mail was not delivered.\n\nabuse@mx.example\n", []),
    ],
)
def test_recipients(text: str, found: list[str]) -> None:
    assert recipients(mail(text, Return_Path="<>")) == found


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("We will try again.", Kind.DELAY),
        ("It is still in the queue.", Kind.DELAY),
        ("It was delayed, and we have given up.", Kind.BOUNCE),
        ("Please try again later.", Kind.BOUNCE),
    ],
)
def test_delay(words: str, kind: Kind) -> None:
    assert mail(f"Your mail to {KIM} was not delivered. {words}\n", Return_Path="<>").kind is kind


def test_automatic_replies_speak_of_failures_too() -> None:
    words = f"The address {KIM} is closed. Messages to lee@example.org cannot be delivered.\n"
    assert (
        mail(words, subject="Automatic reply", Return_Path="<>", Auto_Submitted="auto-replied").kind is Kind.AUTO_REPLY
    )
    assert (
        mail(FAILED, subject="Automatic reply: x", Return_Path="<>", Auto_Submitted="auto-replied").kind is Kind.BOUNCE
    )


DSN = """MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Hello.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; kim@example.org
Action: failed
Status: 5.7.1
Diagnostic-Code: {said}

--b--
"""


@pytest.mark.parametrize(
    ("said", "kind"), [("X-Boxbe-Notice; Sender not pre-approved", Kind.CHALLENGE), ("x-local; no", Kind.BOUNCE)]
)
def test_a_challenge_in_the_form_of_a_report(said: str, kind: Kind) -> None:
    report = parse(f"From: noreply@mx.example\nSubject: x\n{DSN.format(said=said)}".encode())
    assert (report.kind, recipients(report)) == (kind, [KIM])


@pytest.mark.parametrize(
    ("subject", "text", "kind"),
    [
        ("DMARC failure report", "A message failed the DMARC policy.\n", Kind.OTHER),
        ("Report", "SPF result: fail\nDKIM result: fail\n", Kind.OTHER),
        ("Undeliverable: DMARC", FAILED + "SPF: fail\nDMARC: fail\n", Kind.BOUNCE),
    ],
)
def test_reports_on_authentication(subject: str, text: str, kind: Kind) -> None:
    assert mail(text, subject=subject, Return_Path="<>", Auto_Submitted="auto-replied").kind is kind


def event(type_: str, **sections: object) -> str:
    return json.dumps({"eventType": type_, **sections})


COMPLAINT = event("Complaint", complaint={"complainedRecipients": [{"emailAddress": KIM}]})


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        (COMPLAINT + "\n--\nunsubscribe\n", Kind.COMPLAINT, [KIM]),
        (json.dumps({"Type": "Notification", "Message": COMPLAINT}), Kind.COMPLAINT, [KIM]),
        (event("Bounce", bounce={"bouncedRecipients": [{"emailAddress": KIM, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no"}]}), Kind.BOUNCE, [KIM]),
        (event("Bounce", bounce={"bouncedRecipients": [{"emailAddress": KIM, "status": "x"}]}), Kind.BOUNCE, [KIM]),
        (event("DeliveryDelay", deliveryDelay={"delayedRecipients": [{"emailAddress": KIM}]}), Kind.DELAY, [KIM]),
        (event("Delivery", delivery={"recipients": [KIM, "kim", 1]}), Kind.DELIVERED, [KIM]),
        (event("Open", open={}), Kind.OTHER, []),
        (event("Bounce", bounce=[]), Kind.OTHER, []),
        ('{"eventType": ["Bounce"]}', Kind.OTHER, []),
        ("{", Kind.OTHER, []),
        ('{"Message": "no"}', Kind.OTHER, []),
    ],
)  # fmt: skip
def test_events_of_a_service_that_come_by_mail(text: str, kind: Kind, found: list[str]) -> None:
    report = mail(text, "no-reply@events.example", "Notification")
    assert (report.kind, recipients(report)) == (kind, found)


def test_a_message_forwarded_as_a_complaint() -> None:
    report = mail("Hello.\n", "News <news@sender.example>", X_HmXmrOriginalRecipient=KIM)
    assert (report.kind, recipients(report)) == (Kind.COMPLAINT, [KIM])
