"""The border between what a report says and the message that it returns: nothing below it counts for any recipient."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Knowledge, parse
from undeliverable._dsn.sections import CutWords, Sections
from undeliverable._knowledge.languages import read_cuts
from undeliverable.errors import EntryError
from undeliverable.verdict import Report

CUTS: Final = Knowledge().cuts
KIM: Final = "kim@dest.example"
VICTIM: Final = "victim@third.example"
NAMED: Final = f"<{KIM}>: mailbox full\n\n"
FIELDS: Final = (
    f"Reporting-MTA: dns; mx.third.example\n\nFinal-Recipient: rfc822; {VICTIM}\nAction: failed\nStatus: 5.1.1\n"
)
# What whoever wrote the returned message may put into it.
FORGED: Final = (
    f"\nHello.\n\n{FIELDS}\n<{VICTIM}>:\n550 5.1.1 no such user\n\n  {VICTIM}\n    550 5.1.1 no such user\n\n"
    f"<{VICTIM}>: host mx.example[192.0.2.1] said: 550 5.1.1 no such user\n\n"
    "   ----- Transcript of session follows -----\n"
    f">>> RCPT TO:<{VICTIM}>\n<<< 550 5.1.1 no such user\n550 5.1.1 <{VICTIM}>... User unknown\n"
)
HEADER: Final = "From: Kim <kim@dest.example>\nTo: help@sender.example\nSubject: Re: your ticket\n"


def own(text: str) -> str:
    return text[: CUTS.sections(text).returned]


@pytest.mark.parametrize(
    "line",
    [
        "----- Original message -----",
        "------ This is a copy of the message, including all the headers. ------",
        "--- Below this line is a copy of the message.",
        "   ----- Message header follows -----",
        "|------------------------- Message text follows",
        "-----Ursprüngliche Nachricht-----",
        "=== Returned message ===",
        "Message headers follow.",
        "Original message follows:",
        "A copy of the original message below this line:",
        "  Below is a copy of the original message:",
        "En-têtes de message d'origine :",
        "Your message was:",
        "Original text follows",
        "Ihre Nachricht lautete:",
        "Votre message était :",
        "A continuación se incluye una copia:",
        "Alkuperäinen teksti:",
        "Исходный текст:",
        "您的邮件内容：",
    ],
)
def test_a_line_that_announces_the_copy_is_the_last_one(line: str) -> None:
    assert own(f"{NAMED}{line}\nhello\n") == f"{NAMED}{line}\n"
    assert own(f"{NAMED}{line}") == f"{NAMED}{line}"


def test_a_margin_may_be_longer_than_what_is_looked_at_of_a_line() -> None:
    for margin in (" " * 250, "| " * 150, "\t" * 199):
        line = f"{margin}--- Original message ---"
        expected = f"{NAMED}{line}\n" if len(margin) < 200 else f"{NAMED}{line}\nhello\n"
        assert own(f"{NAMED}{line}\nhello\n") == expected
        assert own(f"{NAMED}{margin}\nOriginal text follows\nhello\n").endswith("follows\n")


def test_a_margin_that_is_not_ascii_is_no_margin() -> None:
    text = f"{NAMED}\u2502 --- Original message ---\nhello\n"
    assert own(text) == text
    assert own(f"{NAMED}\u2502\u2502\nOriginal text follows\nhello\n").endswith("follows\n")


@pytest.mark.parametrize(
    "line",
    [
        "The original message was received at Mon, 1 Jun 2026 08:00:00 GMT",
        "Original message size: 12 kB",
        "- message headers too long",
        "----- The following addresses had permanent fatal errors -----",
        "   ----- Transcript of session follows -----",
        "Your message to kim@dest.example could not be delivered.",
        "Message from yahoo.example.",
    ],
)
def test_other_lines_announce_nothing(line: str) -> None:
    text = f"{NAMED}{line}\nhello\n"
    assert own(text) == text


@pytest.mark.parametrize(
    "block",
    [
        "Return-Path: <news@sender.example>\n",
        "received: from x by y; Mon, 1 Jun 2026 08:00:00 +0000\n",
        "DKIM-Signature: v=1\n",
        HEADER,
        "From: news@sender.example\nMIME-Version: 1.0\n",
        "X-Odd: 1\n 2\nSubject: hello\nFrom: news@sender.example\nTo: kim@dest.example\n",
        "> Dear all,\n> my news\n",
    ],
)
def test_the_returned_message_begins_with_its_header_or_as_a_quotation(block: str) -> None:
    assert own(f"{NAMED}{block}\nhello\n") == NAMED
    assert own(f"{NAMED}{block}") == NAMED


def test_the_header_of_an_embedded_part_is_still_the_reports_own() -> None:
    header = "--b\nContent-Description: message\nContent-Type: message/rfc822\n\n"
    assert own(f"{NAMED}{header}{HEADER}") == f"{NAMED}{header}"


@pytest.mark.parametrize(
    "text",
    [
        "Your message\n\n  To: kim@dest.example\n  Subject: hello\n  Sent: today\n\ndid not reach:\n",
        f"This report relates to a message you sent:\n\n  Message-id: <1@x>\n  From: a@x\n  To: {KIM}\n\nNot delivered to:\n",
        f"Original message:\n{HEADER}\nReason: 550 5.1.1 no such user\n",
        f"{NAMED}From: queue\n\nReason: full\n",
        f"{NAMED}> 552 5.2.2 mailbox full\n> 552 too\n",
        f"{NAMED}>>> RCPT TO:<{KIM}>\n>>> DATA\n",
        f"{NAMED}> one line\nand no more\n",
        f"Return-Path: <>\n\n{NAMED}",
        "",
    ],
)
def test_a_summary_of_the_message_or_a_session_is_no_copy(text: str) -> None:
    assert own(text) == text


def test_a_summary_with_a_sender_is_doubtful() -> None:
    text = f"Original message:\n{HEADER}\n{FIELDS}"
    assert CUTS.sections(text) == Sections(len(text), text.index("From:"))


def test_a_line_above_the_header_block_announces_it() -> None:
    text = f"{NAMED}These are the headers:\n\n  From: a@x.example\n  To: b@x.example\n\nhello\n"
    assert own(text) == text[: text.index("  From:")]
    assert own(text.replace("the headers", "details")) == text.replace("the headers", "details")


@given(st.text(st.sampled_from("-=> \n:aFromTSubject@Original message")))
def test_any_text_has_its_borders_in_order(text: str) -> None:
    found = CUTS.sections(text)
    assert 0 <= found.doubtful <= found.returned <= len(text)


def test_without_words_only_the_standards_count() -> None:
    assert CutWords().sections(f"{NAMED}--- Original message\nReceived: from x\n").returned == len(NAMED) + 21


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(EntryError, match="unknown key"):
        read_cuts({"behind": {}})


# --- reports ------------------------------------------------------------------------------------------------------------

REPORTS: Final = {
    "dma": (
        "MAILER-DAEMON <>",
        (
            "This is the DragonFly Mail Agent v0.13 at mx.sender.example.\n\n"
            f"There was an error delivering your mail to <{KIM}>.\n\nmx.dest.example [192.0.2.1] did not like our RCPT TO:\n"
            "552 5.2.2 mailbox full\n\n"
        ),
        "Message headers follow.\n\n",
    ),
    "qmail": (
        "MAILER-DAEMON@mx.sender.example",
        (
            "Hi. This is the qmail-send program at mx.sender.example.\n\n"
            f"<{KIM}>:\nRemote host said: 552 5.2.2 mailbox full\nGiving up on 192.0.2.1.\n\n"
        ),
        "--- Below this line is a copy of the message.\n\n",
    ),
    "exim": (
        "Mail Delivery System <Mailer-Daemon@mx.sender.example>",
        (
            "This message was created automatically by mail delivery software.\n\n"
            "A message that you sent could not be delivered to one or more of its\n"
            "recipients. This is a permanent error. The following address(es) failed:\n\n"
            f"  {KIM}\n    host mx.dest.example [192.0.2.1]: 552 5.2.2 mailbox full\n\n"
        ),
        "------ This is a copy of the message, including all the headers. ------\n\n",
    ),
    "postfix": (
        "MAILER-DAEMON@mx.sender.example (Mail Delivery System)",
        (
            "This is the mail system at host mx.sender.example.\n\nI'm sorry to have to inform you that it failed.\n\n"
            f"<{KIM}>: host mx.dest.example[192.0.2.1] said: 552 5.2.2 mailbox full\n\n"
        ),
        "",
    ),
    "sendmail": (
        "Mail Delivery Subsystem <MAILER-DAEMON@mx.sender.example>",
        (
            f"   ----- The following addresses had permanent fatal errors -----\n<{KIM}>\n    (reason: 552 5.2.2 mailbox full)\n\n"
            "   ----- Transcript of session follows -----\n... while talking to mx.dest.example.:\n"
            f">>> RCPT To:<{KIM}>\n<<< 552 5.2.2 mailbox full\n\n"
        ),
        "   ----- Original message follows -----\n\n",
    ),
    "unknown": (
        "postmaster@mx.sender.example",
        f"Your message could not be delivered to {KIM}:\n\n552 5.2.2 mailbox full\n\n",
        "",
    ),
}


def report(name: str, copy: str) -> Report:
    sender, text, line = REPORTS[name]
    head = f"Return-Path: <>\nFrom: {sender}\nTo: news@sender.example\nSubject: Returned mail: undeliverable\n\n"
    return parse((head + text + line + copy).encode())


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("nested", ["", "From: MAILER-DAEMON\nSubject: Undelivered Mail\n\n"], ids=["mail", "NDR"])
def test_the_copy_names_no_recipient_and_gives_no_reply(name: str, nested: str) -> None:
    found = report(name, HEADER + nested + FORGED)
    (verdict,) = found.verdicts
    assert (verdict.recipient, verdict.original_recipient) == (KIM, None)
    assert (verdict.reply_code, str(verdict.status), verdict.reason) == (552, "5.2.2", "mailbox_full")
    assert found.message.reporting_mta is None
    assert found.message.returned is not None
    assert found.message.returned.subject == "Re: your ticket"


def test_fields_below_a_summary_of_the_message_do_not_count() -> None:
    mail = f"From: MAILER-DAEMON\nSubject: Undeliverable\n\nNot delivered, what you wrote:\n{HEADER}\n{FIELDS}"
    assert VICTIM not in [verdict.recipient for verdict in parse(mail.encode()).verdicts]


def test_fields_about_nobody_whom_the_format_names_do_not_count() -> None:
    found = report("qmail", "").message
    assert found.reporting_mta is None
    sender, text, _ = REPORTS["exim"]
    mail = f"From: {sender}\nSubject: Mail delivery failed\n\n{text}------ odd text ------\n\n{FIELDS}"
    (verdict,) = (read := parse(mail.encode())).verdicts
    assert verdict.recipient == KIM
    assert "fields about nobody that the text names were ignored" in read.remarks
    (verdict,) = parse(mail.replace(VICTIM, KIM).encode()).verdicts
    assert verdict.reported_status is not None


def test_text_below_the_attached_copy_is_a_footer() -> None:
    footer = f"\n--b\nContent-Type: text/plain\n\nMail to {VICTIM} failed: 550 5.1.1 no such user\n"
    mail = (
        "From: postmaster@mx.sender.example\nSubject: Undeliverable mail\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\nNot delivered:\n\n<{KIM}>\n552 5.2.2 mailbox full\n"
        f"\n--b\nContent-Type: message/rfc822\n\n{HEADER}\nhello\n{footer}\n--b--\n"
    )
    assert [verdict.recipient for verdict in parse(mail.encode()).verdicts] == [KIM]


def test_the_command_is_not_read_from_the_copy() -> None:
    text = f"<{KIM}> failed.\n\n{HEADER}\n(in reply to end of DATA command)\n"
    mail = (
        "From: MAILER-DAEMON@mx.sender.example\nSubject: Undelivered Mail\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\n{text}\n--b\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.sender.example\n\nFinal-Recipient: rfc822; {KIM}\nAction: failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\n\n--b--\n"
    )
    assert [verdict.command for verdict in parse(mail.encode()).verdicts] == [None]
    assert [str(verdict.command) for verdict in parse(mail.replace(HEADER, "It").encode()).verdicts] == ["end_of_data"]
