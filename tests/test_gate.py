"""Which unknown mail is a notification, a challenge, a service's event, or nothing of the kind."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

import pytest

from undeliverable import Report, parse
from undeliverable.model import Feedback
from undeliverable.verdict import GUESSED, UNSURE, Kind

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


DESK: Final = {"subject": "[Desk #7] Mail not delivered", "sender": "Desk <desk@sender.example>"}


@pytest.mark.parametrize(
    "text",
    [
        FAILED,
        f"Dear colleague,\n\n{FAILED}",
        f"Sender: news@sender.example\nRecipient: {KIM}\nReply: 550 5.1.1 unknown\nThe message was not delivered.\n",
    ],
)
def test_a_tag_before_the_subject_may_be_the_readers_own(text: str) -> None:
    assert recipients(mail(text, Return_Path="<>", **DESK)) == [KIM]
    assert mail(text, Auto_Submitted="auto-generated", **DESK).kind is Kind.OTHER
    elsewhere = {**DESK, "sender": "Desk <desk@mx.example>"}
    assert mail(text, Return_Path="<>", **elsewhere).kind is Kind.OTHER


@pytest.mark.parametrize(
    "before",
    ["We have received your request:", "Kim has opened a new ticket for you:", "Dear colleague,\n\nthank you!"],
)
def test_what_a_help_desk_passes_on_is_not_its_own(before: str) -> None:
    assert mail(f"{before}\n\n{FAILED}", Return_Path="<>", **DESK).kind is Kind.OTHER


def test_who_was_refused_in_a_transcript_stands_in_the_text() -> None:
    transcript = "\n  -> RCPT TO\n  <- 550 5.1.1 No such user\n"
    named = mail(f"Your message to {KIM} was not delivered.\n{transcript}", Return_Path="<>")
    assert [(one.recipient, one.bounce_type) for one in named.verdicts] == [(KIM, "hard")]
    both = mail(f"Your message to {KIM} and lee@example.org was not delivered.\n{transcript}", Return_Path="<>")
    assert recipients(both) == [None]
    nobody = mail(f"Your message was not delivered. Questions? Write to {KIM}\n{transcript}", Return_Path="<>")
    assert recipients(nobody) == [None]


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


@pytest.mark.parametrize(
    ("sender", "words", "kind"),
    [
        # a mail system, or software of the sender's own domain, needs no phrase of a list
        ("Post <post@sender.example>", "The server of example.org says that the user kim@example.org is unknown.", Kind.BOUNCE),
        ("MAILER-DAEMON@mx.example", "The user kim@example.org is unknown.", Kind.BOUNCE),
        # other software has to speak of the reader's mail where it names the address
        ("Filter <filter@mx.example>", "Your mail to kim@example.org was blocked: spam.", Kind.BOUNCE),
        ("Filter <filter@mx.example>", "Your mail arrived. Kim (kim@example.org) is not available.", Kind.OTHER),
        ("Portal <portal@sender.example>", "The user kim@example.org is unknown.", Kind.BOUNCE),
        # members of a list, people who moved, and automatic replies are something else
        ("Lists <lists@sender.example>", "The member kim@example.org is unknown to your mail list.", Kind.OTHER),
        ("Kim <kim@sender.example>", "Your mail has an invalid address. It is now kim@example.org, kim@sender.example is unknown.", Kind.OTHER),
    ],
)  # fmt: skip
def test_concepts_beside_an_address(sender: str, words: str, kind: Kind) -> None:
    report = mail(words + "\n", sender, subject="Your mail", Return_Path="<>")
    assert (report.kind, recipients(report)) == (kind, [KIM] if kind is Kind.BOUNCE else [])


@pytest.mark.parametrize(
    ("subject", "path", "kind"),
    [("An error", "<>", Kind.BOUNCE), ("An error", "<kim@x.example>", Kind.OTHER), ("A note", "<>", Kind.BOUNCE)],
)
def test_a_mail_system_may_fill_in_a_form(subject: str, path: str, kind: Kind) -> None:
    report = mail(f"Recipient: {KIM}\nReason: xyzzy\n", subject=subject, Return_Path=path)
    assert (report.kind, recipients(report)) == (kind, [KIM] if kind is Kind.BOUNCE else [])


FORM = "Sender: {sender}\nRecipient: kim@example.org\nSubject: offer\nReason: the domain does not exist\n"


@pytest.mark.parametrize(
    ("sender", "fields", "kind"),
    [
        ("news@sender.example", {}, Kind.BOUNCE),
        ("news@sender.example", {"Subject": "[Postie] message 3 not delivered"}, Kind.BOUNCE),
        ("postie@sender.example", {}, Kind.OTHER),  # a person passes on what came back to them
        ("lee@other.example", {}, Kind.OTHER),
        ("news@sender.example", {"Subject": "a question"}, Kind.OTHER),
        ("news@sender.example", {"Subject": "Fwd: message 3 not delivered"}, Kind.OTHER),
        ("news@sender.example", {"In_Reply_To": "<1@sender.example>"}, Kind.OTHER),
        ("news@sender.example", {"List_Unsubscribe": "<mailto:x@sender.example>"}, Kind.OTHER),
    ],
)
def test_small_software_sends_forms_to_the_sender(sender: str, fields: dict[str, str], kind: Kind) -> None:
    fields = {"Subject": "message 3 not delivered"} | fields
    report = mail(FORM.format(sender=sender), "Postie <postie@sender.example>", **fields)
    assert report.kind is kind
    for verdict in report.verdicts:
        assert (verdict.recipient, str(verdict.bounce_type), verdict.conflicts) == (KIM, "undetermined", (UNSURE,))


def test_words_of_automatic_replies_outweigh_concepts() -> None:
    words = "This is an automatic reply. The user kim@example.org is unknown, your mail is not read.\n"
    report = mail(words, "Lee <lee@sender.example>", subject="Your mail", Return_Path="<>")
    assert (report.kind, recipients(report)) == (Kind.AUTO_REPLY, ["lee@sender.example"])


def test_what_only_concepts_say_is_never_final() -> None:
    words = "The server of example.org says that the user kim@example.org is unknown.\n"
    (little,) = mail(words, "Post <post@sender.example>", subject="Your mail", Return_Path="<>").verdicts
    (full,) = mail(words, subject="Your mail", Return_Path="<>").verdicts
    assert (str(little.bounce_type), str(little.reason), little.conflicts) == (
        "undetermined",
        "user_unknown",
        (UNSURE,),
    )
    assert (str(full.bounce_type), str(full.reason), full.conflicts) == ("hard", "user_unknown", ())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('Your message "Invoice 5" to kim@example.org was not delivered.', Kind.BOUNCE),
        ("Invoice 5 for kim@example.org could not be delivered.", Kind.OTHER),
        ("Your mail to kim@example.org was not delivered.\n\n-- \nfax 555\nPost <help@other.example>", Kind.BOUNCE),
        ("Your parcel could not be delivered to kim@example.org. You get another message.", Kind.OTHER),
    ],
)
def test_goods_are_what_failed_and_no_title(text: str, kind: Kind) -> None:
    report = mail(text + "\n", Return_Path="<>")
    assert (report.kind, recipients(report)) == (kind, [KIM] if kind is Kind.BOUNCE else [])


@pytest.mark.parametrize(("subject", "kind"), [("An error", Kind.BOUNCE), ("A question", Kind.OTHER)])
def test_a_postmaster_is_believed_where_the_subject_is_an_error(subject: str, kind: Kind) -> None:
    assert mail(f"{KIM}\n550 5.1.1 no such user\n", "postmaster@mx.example", subject=subject).kind is kind


def test_a_list_of_a_queue_is_no_notification() -> None:
    listed = "A1B2C3 (host mx.example.org said: 451 4.7.1 later)\n  kim@example.org\n"
    assert mail(listed, subject="mailq").kind is Kind.OTHER
    assert mail(listed, subject="Undelivered").kind is Kind.BOUNCE


@pytest.mark.parametrize("word", ["an unknown address", "eine unbekannte Adresse"])
def test_a_mark_opens_in_any_language(word: str) -> None:
    report = mail(f"Nuntius tuus:\n\n{KIM}\n{word}\n", "Post <post@mx.example>", X_MS_Exchange_Message_Is_Ndr="")
    assert (report.kind, recipients(report)) == (Kind.BOUNCE, [KIM])


COPY = "--b\nContent-Type: {kind}\n\nFrom: {sender}\nTo: {to}\nSubject: x\nMessage-ID: <1@sender.example>\n\n--b--\n"


def about_nobody(
    words: str, kind: str = "message/rfc822", sender: str = "News <news@sender.example>", **more: str
) -> Report:
    copy = COPY.format(kind=kind, sender=sender, to=more.pop("to", KIM))
    parts = f"--b\nContent-Type: text/plain\n\n{words}\n\n{copy}"
    fields = {"Return_Path": "<>", "MIME_Version": "1.0", "Content_Type": "multipart/mixed; boundary=b"}
    return mail(parts, **(fields | more))


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_who_is_not_named_is_guessed_by_the_returned_message(kind: str) -> None:
    report = about_nobody("Your message could not be delivered: 550 5.1.1 no such user", kind)
    (verdict,) = report.verdicts
    assert (report.kind, verdict.recipient, str(verdict.bounce_type)) == (Kind.BOUNCE, KIM, "undetermined")
    assert (str(verdict.reason), str(verdict.advice), verdict.conflicts) == ("user_unknown", "review", (GUESSED,))
    assert "the notification names nobody" in report.remarks


def test_who_is_not_named_may_stay_unknown() -> None:
    report = about_nobody("Your message could not be delivered.", to=f"{KIM}, lee@example.org")
    assert recipients(report) == [None]


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ("Your message could not be delivered.", {"sender": "Lee <lee@other.example>"}),
        ("Your parcel could not be delivered.", {}),
        ("Your message is attached.", {}),
        ("Your message could not be delivered.", {"Subject": "Automatic reply: x"}),
        ("Your message could not be delivered.", {"Return_Path": "<kim@x.example>", "Reply_To": "", "In_Reply_To": "<2@x>"}),
        ("Your message could not be delivered to lee@example.org.", {"Return_Path": "<>"}),
    ],
)  # fmt: skip
def test_nobody_is_guessed_from_other_mail(words: str, fields: dict[str, str]) -> None:
    assert GUESSED not in [why for verdict in about_nobody(words, **fields).verdicts for why in verdict.conflicts]


SES = """MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

An error occurred.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; {host}

Action: failed
Final-Recipient: rfc822; kim@example.org
{said}Status: 5.1.1

--b--
"""
LISTED = "Diagnostic-Code: {}Amazon SES did not send it because it is on the suppression list for your account\n"


@pytest.mark.parametrize(
    ("sender", "host", "said", "kind"),
    [
        ("MAILER-DAEMON@amazonses.com", "a1.amazonses.com", LISTED.format(""), Kind.SUPPRESSED),
        ("MAILER-DAEMON@amazonses.com", "a1.amazonses.com", LISTED.format("smtp; 550 5.1.1 "), Kind.BOUNCE),
        ("MAILER-DAEMON@amazonses.com", "mx.example.org", LISTED.format(""), Kind.BOUNCE),
        ("MAILER-DAEMON@mx.example.org", "a1.amazonses.com", LISTED.format(""), Kind.BOUNCE),
        ("MAILER-DAEMON@amazonses.com", "a1.notamazonses.com", LISTED.format(""), Kind.BOUNCE),
        ("MAILER-DAEMON@amazonses.com", "a1.amazonses.com", "Diagnostic-Code: It was refused\n", Kind.BOUNCE),
        ("MAILER-DAEMON@amazonses.com", "a1.amazonses.com", "", Kind.BOUNCE),
    ],
)
def test_only_a_service_itself_says_that_it_suppresses(sender: str, host: str, said: str, kind: Kind) -> None:
    report = parse(f"From: {sender}\nSubject: x\n{SES.format(host=host, said=said)}".encode())
    assert report.kind is kind
    if kind is Kind.SUPPRESSED:
        (verdict,) = report.verdicts
        assert (verdict.bounce_type, verdict.reason, str(verdict.advice)) == (None, None, "suppress")


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
    report = mail("Hello.\n", "News <news@sender.example>", X_HmXmrOriginalRecipient=KIM, Feedback_ID="a:b:c")
    assert (report.kind, recipients(report)) == (Kind.COMPLAINT, [KIM])
    assert report.message.feedback == Feedback(
        type="abuse", feedback_id="a:b:c", fields=(("x-hmxmroriginalrecipient", KIM),)
    )


def test_a_form_says_who_sent_the_message_and_from_where() -> None:
    report = parse(
        b"From: staff@hotmail.com\nSubject: complaint about message from 192.0.2.9\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
        b"Return-Path: <bounce-7@sender.example>\nFrom: news@sender.example\nTo: kim@example.org\n\nHello.\n--b--\n"
    )
    assert (report.kind, recipients(report)) == (Kind.COMPLAINT, [KIM])
    assert report.message.feedback == Feedback(
        type="abuse", source_ip="192.0.2.9", original_mail_from="bounce-7@sender.example", fields=(("to", KIM),)
    )


def test_an_event_says_what_the_receiver_reported() -> None:
    said = {
        "complainedRecipients": [{"emailAddress": KIM}],
        "complaintFeedbackType": "abuse",
        "arrivalDate": "2026-11-03T08:00:11.000Z",
        "userAgent": "ExampleLoop/2.1",
    }
    text = event("Complaint", complaint=said, mail={"source": "news@sender.example", "sourceIp": "192.0.2.9"})
    report = mail(text, "no-reply@events.example", "Notification")
    assert report.message.feedback == Feedback(
        type="abuse",
        source_ip="192.0.2.9",
        original_mail_from="news@sender.example",
        arrival_date=datetime(2026, 11, 3, 8, 0, 11, tzinfo=UTC),
        user_agent="ExampleLoop/2.1",
    )
