"""Where a message comes from: one list of mail systems and one of prefixes, the same for every reader."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from undeliverable import Knowledge, parse
from undeliverable._dsn.origin import OriginWords, auto_submitted, has_null_path, is_automatic
from undeliverable._knowledge.languages import read_origin
from undeliverable.errors import EntryError
from undeliverable.verdict import Kind

WORDS = Knowledge.builtin().origin
PREFIXES = [prefix.upper() if prefix.isascii() else prefix for prefix in sorted(WORDS.prefixes)]
PLAIN = "Your message could not be delivered:\n\n<kim@example.org>: 550 5.1.1 no such user\n"
FIELDS = (
    "Your message could not be delivered.\n\nFinal-Recipient: rfc822; kim@example.org\nAction: failed\nStatus: 5.1.1\n"
)
QMAIL = """Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.

<kim@example.org>:
Sorry, no mailbox here by that name. (#5.1.1)
"""
OLD = "Your message was undeliverable.\n\nFailed addresses follow:\n<kim@example.org> ... unknown user\n"  # for flufl.bounce
NESTED = """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

See below.

--b
Content-Type: message/rfc822

From: MAILER-DAEMON@mx.example.net
Content-Type: multipart/report; report-type=delivery-status; boundary=c

--c
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; kim@example.org
Action: failed
Status: 5.1.1

--c--
--b--
"""
SENDERS = [
    "Mail Delivery Subsystem <MAILER-DAEMON@mx.example.net>",
    "Postmaster <postmaster@corp.example>",
    "Mail System <notices@mx.example.net>",
    "WEB.DE Mailer Daemon <bounce@mx.example.net>",
    "maildaemon@mx.example.net",
    "MDaemon at mx.example.net <x@mx.example.net>",
    "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@corp.example>",
    "邮件系统 <notices@mx.example.cn>",
    "Mail Delivery System",
    "<>",
]


def mail(sender: str, subject: str, text: str, more: str = "") -> bytes:
    """Return a mail with the text, or with a MIME header of its own that begins it."""
    gap = "" if text.startswith("MIME-Version") else "\n"
    return f"From: {sender}\nTo: ann@corp.example\nSubject: {subject}\n{more}{gap}{text}".encode()


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("text", [PLAIN, FIELDS, NESTED], ids=["unknown text", "fields in the text", "nested"])
def test_a_mail_system_is_one_for_every_reader(sender: str, text: str) -> None:
    """One list knew "Mail System", the other "MDaemon", and a report was lost to the reader without the name."""
    report = parse(mail(sender, "Undelivered mail", text))
    assert report.kind is Kind.BOUNCE
    assert [verdict.recipient for verdict in report.verdicts] == ["kim@example.org"]


@pytest.mark.parametrize("sender", SENDERS)
def test_a_mail_system_sends_no_automatic_reply(sender: str) -> None:
    marked = mail(sender, "Pranešimas", "Hello.\n", "Auto-Submitted: auto-replied\n")
    assert parse(marked).kind is Kind.OTHER


@pytest.mark.parametrize("name", WORDS.mail_systems)
def test_each_name_makes_a_mail_system(name: str) -> None:
    assert WORDS.is_mail_system(f"{name.title()} <notices@mx.example.net>")
    assert WORDS.is_mail_system(f"{name.replace(' ', '-').upper()}@mx.example.net")
    assert WORDS.is_mail_system(f"{name.replace(' ', '_')}@mx.example.net")
    assert WORDS.is_from_mail_system(
        {"from": "kim@example.org", "return-path": f"<{name.replace(' ', '-')}@mx.example.net>"}.get
    )


@pytest.mark.parametrize(
    "sender",
    [
        "Kim <kim@example.org>",
        "Postmasters United <info@postmasters.example>",
        "kim@postmaster.example",
        "kim@mx.mailer-daemon.example",
        "Gmail Deliverycheck <kim@example.org>",
        "kim@postmaster",
    ],
)
def test_a_person_is_no_mail_system(sender: str) -> None:
    assert not WORDS.is_mail_system(sender)
    assert not WORDS.is_from_mail_system({"from": sender, "return-path": "<kim@example.org>"}.get)
    assert parse(mail(sender, "Undelivered mail", PLAIN)).kind is Kind.OTHER


def test_a_name_counts_wherever_it_stands() -> None:
    assert WORDS.is_mail_system("x@postmaster.example (postmaster)")


@pytest.mark.parametrize("sender", [None, "", "MAILER-DAEMON", "Mail"])
def test_a_sender_without_address_is_a_mail_system(sender: str | None) -> None:
    assert WORDS.is_mail_system(sender)


def test_other_signs_of_a_mail_system() -> None:
    human = {"from": "kim@example.org"}
    assert WORDS.is_from_mail_system({**human, "return-path": "<>"}.get)
    assert WORDS.is_from_mail_system({**human, "x-failed-recipients": "ann@example.org"}.get)
    assert not WORDS.is_from_mail_system({**human, "return-path": ""}.get)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    "text", [PLAIN, FIELDS, NESTED, OLD], ids=["unknown text", "fields in the text", "nested", "fallback"]
)
def test_a_reply_or_forward_is_one_for_every_reader(prefix: str, text: str) -> None:
    """ "RES: Undelivered mail" was a hard bounce, "Re: Undelivered mail" was not."""
    assert parse(mail(SENDERS[1], f"{prefix}: Undelivered mail", text)).kind is Kind.OTHER


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_reply_or_forward_has_no_subject_of_its_own(prefix: str) -> None:
    """What follows the prefix of an automatic reply is not what its sender says of it."""
    marked = mail(
        "Kim <kim@corp.example>", f"{prefix}: undeliverable", "I am away.\n", "Auto-Submitted: auto-replied\n"
    )
    assert parse(marked).kind is Kind.AUTO_REPLY


def test_a_reply_that_quotes_a_described_report_names_nobody() -> None:
    quoted = QMAIL.replace("<kim@example.org>:", "")
    said = parse(mail("MAILER-DAEMON@mx.example.net", "failure notice", quoted))
    assert [verdict.recipient for verdict in said.verdicts] == [None]
    assert parse(mail("MAILER-DAEMON@mx.example.net", "Antw: failure notice", quoted)).kind is Kind.OTHER


@pytest.mark.parametrize(
    "subject",
    [
        "Re: Minutes", "RE : Minutes", "Re[2]: Minutes", "Re(3): Minutes", "Re^4: Minutes", "Re\u00a0: Minutes",
        "[list] WG: Minutes", "[a] [b]  Fwd: Minutes", "[Fwd: Minutes]", "回复：Minutes", "İLT: Minutes", "ilt: Minutes",
        "\u200fהשב: Minutes", "Trả lời: Minutes", "  sv:Minutes",
    ],
)  # fmt: skip
def test_replies_and_forwards(subject: str) -> None:
    assert WORDS.is_reply_or_forward(subject)


@pytest.mark.parametrize(
    "subject",
    [
        None,
        "",
        "Minutes",
        "Return of the minutes",
        "Report: Minutes",
        "Re Minutes",
        "Undeliverable: Re: Minutes",
        "1: x",
        ": x",
    ],
)
def test_other_subjects(subject: str | None) -> None:
    assert not WORDS.is_reply_or_forward(subject)


@pytest.mark.parametrize(
    ("header", "text", "expected"),
    [
        ({}, "Your message failed.\n", False),
        ({"list-unsubscribe": "<https://example.org>"}, "", True),
        ({"subject": "[PROJ-1] Delivery failed"}, "", False),
        ({"subject": "New comment on #12: delivery failed"}, "", True),
        ({"subject": "Delivery failed"}, "On Monday, Kim wrote:\n> 550 no\n", True),
        ({"subject": "Delivery failed"}, "Kim a écrit :\n", True),
        ({"subject": "Delivery failed"}, "x" * 600 + "\nKim wrote:\n", False),
    ],
)
def test_what_passes_on(header: Mapping[str, str], text: str, expected: bool) -> None:
    assert WORDS.passes_on(header.get, text) is expected


def test_without_words_only_the_standards_hold() -> None:
    nothing = read_origin({})
    assert nothing == OriginWords()
    assert nothing.is_mail_system("postmaster@example.org")
    assert not nothing.is_mail_system("mailer-daemon@example.org")
    assert not nothing.is_reply_or_forward("Re: Minutes")
    assert not nothing.passes_on({"subject": "New reply: x"}.get, "Kim wrote:\n")


@pytest.mark.parametrize(
    ("table", "key"), [({"robots": {}}, "robots"), ({"reply": []}, "reply"), ({"reply": {"en": [1]}}, "reply.en")]
)
def test_words_at_fault_are_refused(table: dict[str, object], key: str) -> None:
    with pytest.raises(EntryError) as caught:
        read_origin(table)
    assert caught.value.key == key


def test_names_are_written_as_they_are_compared() -> None:
    wrong = [
        f"the mail system {name!r} must be in small letters, with blanks for - and _"
        for name in WORDS.mail_systems
        if name != name.lower() or {"-", "_"} & set(name)
    ]
    wrong += [
        f"the prefix {prefix!r} is not recognised in the subject '{prefix}: x'"
        for prefix in WORDS.prefixes
        if not WORDS.is_reply_or_forward(f"{prefix}: x")
    ]
    assert not wrong


def test_automatic_mail() -> None:
    assert has_null_path({"return-path": " <> "}.get)
    assert not has_null_path({"return-path": "<kim@example.org>"}.get)
    assert auto_submitted(dict[str, str]().get) is None
    assert auto_submitted({"auto-submitted": "Auto-Replied (vacation)"}.get) == "auto-replied"
    assert is_automatic({"return-path": "<>"}.get)
    assert is_automatic({"auto-submitted": "auto-generated; type=x"}.get)
    assert not is_automatic({"auto-submitted": "no"}.get)
    assert not is_automatic(dict[str, str]().get)
