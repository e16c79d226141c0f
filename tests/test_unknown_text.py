"""Notices of software that nobody described: who failed, and which reply is whose."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import parse
from undeliverable._formats.attribution import SAID_LIMIT
from undeliverable._formats.statement import Sentence, kinds_at, last_begun
from undeliverable._reading import flufl as _flufl
from undeliverable.model import Action
from undeliverable.verdict import Kind, Report

UNKNOWN = "550 5.1.1 no such user"
FULL = "552 5.2.2 mailbox full"
FIXTURES = Path(__file__).parent.parent / "fixtures"
KIM, LEE, MAX = "kim@example.org", "lee@example.org", "max@example.org"


def notice(text: str, subject: str = "Mail not delivered", to: str = "news@sender.example") -> Report:
    return parse(f"From: Postmaster <postmaster@mx.example>\nTo: {to}\nSubject: {subject}\n\n{text}".encode())


def replies(report: Report) -> dict[str | None, str | None]:
    return {verdict.recipient: verdict.reply for verdict in report.verdicts}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"Not delivered.\n\n{KIM}\n{UNKNOWN}\n\n{LEE}\n{FULL}\n", {KIM: UNKNOWN, LEE: FULL}),
        (f"Not delivered.\n\n{UNKNOWN}\n   {KIM}\n\n{FULL}\n   {LEE}\n", {KIM: UNKNOWN, LEE: FULL}),
        (f"Not delivered.\n\n1) {KIM}\n2) {LEE}\n\n1) {UNKNOWN}\n2) {FULL}\n", {KIM: UNKNOWN, LEE: FULL}),
        (f"Not delivered.\n\n{KIM}\n{LEE}\n\nThe reason:\n{UNKNOWN}\n", {KIM: UNKNOWN, LEE: UNKNOWN}),
        (f"Not delivered.\n\n{UNKNOWN}\n\n{KIM}\n{LEE}\n", {KIM: UNKNOWN, LEE: UNKNOWN}),
        (f"Mail was not delivered to: {KIM}, <{LEE}> and {MAX}.\n\n{UNKNOWN}\n", dict.fromkeys((KIM, LEE, MAX), UNKNOWN)),
        (
            f"Not delivered.\n\n{KIM}\n{LEE}\n\n*** 550 <{LEE}>... no such user\n*** 552 <{KIM}>... full\n",
            {KIM: f"552 <{KIM}>... full", LEE: f"550 <{LEE}>... no such user"},
        ),
        (
            f"Not delivered.\n\n{KIM}\n{LEE}\n\n*** 550 <{LEE}>... no such user\n",
            {KIM: None, LEE: f"550 <{LEE}>... no such user"},
        ),
        (
            f"Not delivered.\n\n{KIM}\n{UNKNOWN}\n{FULL}\n\n{LEE}\n",  # an earlier attempt is told below the last one
            {KIM: UNKNOWN},  # of whom nothing is said below an answer, nothing is known
        ),
        (f"Not delivered.\n\n{KIM}\n{UNKNOWN}\n\n-- \nExample Ltd, {LEE}\n", {KIM: UNKNOWN}),
        (
            f"Not delivered.\n\n{KIM}\n{LEE}\n{MAX}\n\n{UNKNOWN}\n{FULL}\n",  # nobody can tell whose each is
            dict.fromkeys((KIM, LEE, MAX), "Not delivered."),
        ),
        (
            f"Not delivered.\n\n{KIM}\n550-5.1.1 no such\n550 5.1.1 user\n",
            {KIM: "550-5.1.1 no such 550 5.1.1 user"},
        ),
        (f"Not delivered.\n\n550 <{KIM}>: no such user\n", {KIM: f"550 <{KIM}>: no such user"}),
        (f"Not delivered.\n\nName       Result\n{KIM}    Failed   {UNKNOWN}\n", {KIM: UNKNOWN}),
        (f"Not delivered.\n\n<{KIM}>  mx.example.org said: {UNKNOWN}\n", {KIM: UNKNOWN}),
        (f"Not delivered.\n\nRecipient {KIM}\nReason {UNKNOWN}\n", {KIM: UNKNOWN}),
        (f"Sorry, the user {KIM} does not exist,\nso it cannot be delivered.\n", {KIM: "Sorry, the user kim@example.org does not exist, so it cannot be delivered."}),
        (
            f"Non remis.\n\nDestinataire  : {KIM}\nRéponse       : 550 5.2.1 Désactivé par l'usager\nDécision      : fin\n",
            {KIM: "550 5.2.1 Désactivé par l'usager"},
        ),
        (
            f"Non remis.\n\nDestinataire : {KIM}\nLe serveur a dit : 550 5.2.1 Désactivé par l'usager\nVoir : fin\n",
            {KIM: "550 5.2.1 Désactivé par l'usager Voir : fin"},
        ),
        (f"Not delivered: mailbox full.\n\nRecipient: {KIM}\nTitle: lunch\nSize: 5 MB\n", {KIM: "Not delivered: mailbox full."}),
        (f"{FULL} for:\n    {KIM}\nand so it was not delivered.\n", {KIM: FULL + " for:"}),
    ],
)  # fmt: skip
def test_each_reply_is_given_to_its_recipient(text: str, found: dict[str, str | None]) -> None:
    assert replies(notice(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "Not delivered.\n\n550 5.7.1 <news@sender.example>: Sender address rejected\n",  # who sent it received nothing
        f"Not delivered.\n\n550 5.7.1 mail from {KIM} to {LEE} is not wanted\n",
        "To: news@sender.example\nSubject: mail\nNot delivered: sorry, mailbox full.\n",
        "a" * 998 + f"\n{KIM}\n" + "b\n" * 500 + "Not delivered: sorry, mailbox full.\n",
    ],
)
def test_nobody_is_named_by_a_guess_too_wild(text: str) -> None:
    assert KIM not in replies(notice(text))
    assert "news@sender.example" not in replies(notice(text))


@pytest.mark.parametrize(
    ("words", "action"),
    [
        ("It will be retried.", Action.DELAYED),
        ("Die Zustellung wird weiter versucht.", Action.DELAYED),
        ("This is a permanent error; I've given up.", Action.FAILED),
        ("", Action.FAILED),
    ],
)
def test_who_will_try_again_has_not_failed(words: str, action: Action) -> None:
    report = notice(f"Your mail was not delivered to:\n\n  {KIM}\n  451 4.4.1 no answer\n\n{words}\n")
    assert [verdict.action for verdict in report.verdicts] == [action]


@pytest.mark.parametrize(
    "words",
    [
        "You do not need to resend it to others.",
        "> I will try again on Monday.",
        "Others have been successfully delivered.",
    ],
)
def test_what_is_said_elsewhere_does_not_undo_a_permanent_reply(words: str) -> None:
    report = notice(f"Not delivered.\n\n{KIM}\n{UNKNOWN}\n\n{words}\n")
    assert report.kind is Kind.BOUNCE
    assert [verdict.action for verdict in report.verdicts] == [Action.FAILED]


def test_of_two_recipients_one_may_be_tried_again() -> None:
    report = notice(f"Not delivered.\n\n{KIM}\n{UNKNOWN}\n\nIt will be retried for:\n{LEE}\n451 4.3.0 later\n")
    assert [verdict.action for verdict in report.verdicts] == [Action.FAILED, Action.DELAYED]


@pytest.mark.parametrize(
    "reply",
    [
        "550 5.7.1 blocked, contact unblock@list.example",
        "550 5.7.1 Sender <desk@sender.example> rejected",
        "550 5.1.8 <desk@sender.example>: Sender address rejected",
    ],
)
def test_whom_a_reply_names_besides_is_no_recipient(reply: str) -> None:
    assert replies(notice(f"Not delivered.\n\n{reply}\n\n{KIM}\n{LEE}\n")) == {KIM: reply, LEE: reply}


@pytest.mark.parametrize(
    "text",
    [
        "{many}\n\n{said}\n",
        "{said}\n\nNot delivered:\n\n{many}\n",
        "\n{many}\n\n" + "550-5.1.1 no such user\n" * 500 + UNKNOWN,
    ],
)
def test_what_is_said_of_many_is_kept_to_a_limit(text: str) -> None:
    many = "\n".join(f"kim{number}@example.org" for number in range(50))
    said = "The mailbox is full, as many others are.\n" * 500
    report = notice("Not delivered: unknown user.\n" + text.format(many=many, said=said))
    assert len(report.verdicts) == 50
    assert {len(verdict.reply or "") <= SAID_LIMIT + 998 for verdict in report.verdicts} == {True}


def test_of_a_single_recipient_all_is_kept() -> None:
    said = "550-5.1.1 no such user\n" * 500 + UNKNOWN
    (verdict,) = notice(f"Not delivered.\n\n{KIM}\n{said}\n").verdicts
    assert (verdict.reply or "").count("no such user") == 501


def test_success_is_told_in_words() -> None:
    report = notice(f"Your message has been successfully delivered to:\n\n  {KIM}\n", "Delivery notification")
    assert (report.kind, report.verdicts[0].action) == (Kind.DELIVERED, Action.DELIVERED)


def test_time_is_linear_in_the_replies() -> None:
    report = notice("Not delivered.\n\n" + f"{KIM}\n{LEE}\n{UNKNOWN}\n" * 3000)
    assert replies(report) == {KIM: UNKNOWN, LEE: UNKNOWN}


def report_without_reason(text: str, *, to: str = KIM, diagnostic: str = "") -> Report:
    return parse(
        f"""From: postmaster@mx.example
Subject: Undeliverable: hello
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

{text}
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {to}
Action: failed
Status: 5.0.0
{diagnostic}
--b--
""".encode()
    )


@pytest.mark.parametrize(("words", "status"), [(UNKNOWN, "5.1.1"), ("no such user", "5.0.0")])
def test_fields_that_do_not_say_why_are_explained_by_the_text(words: str, status: str) -> None:
    report = report_without_reason(f"Not delivered:\n\n{KIM}: {words}\n{LEE}: {FULL}\n")
    assert replies(report) == {KIM: words}
    assert [str(verdict.status) for verdict in report.verdicts] == [status]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"Hello.\n\n{KIM}: {UNKNOWN}\n", UNKNOWN),
        (f"Hello.\n\n  <{KIM}>\n    Unknown user\n", "Unknown user"),
        (f"Hello.\n\n* {KIM} (Unknown user)\n", "(Unknown user)"),
        (f"{KIM}\n\n{KIM}: no such\nuser\n________\nNo spam.\n", "no such user"),
        (f"{KIM}\nSubject: hello\nno such user\n", "no such user"),
        (
            f"<{KIM}>: host mx.example.org said: 550 5.1.1\n    <{LEE}>: no such user (in reply to\n    RCPT TO command)\n",
            f"550 5.1.1 <{LEE}>: no such user",
        ),
        (f"{KIM}\n{LEE}: {FULL}\n", None),
        ("Hello.\n", None),
    ],
)
def test_what_stands_behind_the_address_explains_fields_in_any_text(text: str, words: str | None) -> None:
    (verdict,) = report_without_reason(text).verdicts
    assert (verdict.recipient, verdict.reply) == (KIM, words)


@pytest.mark.parametrize(
    ("text", "diagnostic"),
    [
        (f"Not delivered:\n\n{LEE}: {FULL}\n", ""),
        (f"Not delivered:\n\n{KIM}\n", ""),
        (f"Not delivered:\n\n{KIM}: {UNKNOWN}\n", "Diagnostic-Code: smtp; 554 5.7.1 no"),
    ],
)
def test_fields_are_not_explained_by_other_words(text: str, diagnostic: str) -> None:
    (verdict,) = report_without_reason(text, diagnostic=diagnostic).verdicts
    assert verdict.recipient == KIM
    assert verdict.reply in (None, "554 5.7.1 no")


def test_the_words_that_open_a_notice_explain_it_where_nothing_else_does() -> None:
    report = notice(f"Your mail was not delivered. The mailbox is full.\n\n<{KIM}>\n")
    assert replies(report) == {KIM: "Your mail was not delivered. The mailbox is full."}


def test_what_stands_behind_the_address_is_read() -> None:
    report = notice(f"Message to {KIM} has been delayed. We will keep trying.\n\n451 4.4.1 no answer\n")
    assert [(verdict.recipient, verdict.action) for verdict in report.verdicts] == [(KIM, Action.DELAYED)]


@pytest.mark.parametrize(("text", "reply"), [(UNKNOWN, UNKNOWN), ("The mailbox is full.", None)])
def test_a_header_that_lists_the_recipients_is_enough(text: str, reply: str | None) -> None:
    report = parse(
        f"From: mail-daemon@mx.example\nSubject: Re: hello\nX-Failed-Recipients: {KIM},\n {LEE}\n\n{text}\n".encode()
    )
    assert replies(report) == {KIM: reply, LEE: reply}


def test_a_header_that_lists_recipients_counts_only_in_mail_of_software() -> None:
    report = parse(f"From: Kim <kim@mx.example>\nSubject: hello\nX-Failed-Recipients: {LEE}\n\nHello.\n".encode())
    assert (report.kind, report.verdicts) == (Kind.OTHER, ())


EXIM = """From: Mail Delivery System <Mailer-Daemon@mx.example>
To: news@sender.example
Subject: Mail delivery failed
{header}
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

{text}
"""


@pytest.mark.parametrize("header", ["", f"X-Failed-Recipients: {KIM}\n"])
def test_a_described_notice_whose_indentation_was_lost_is_read(header: str) -> None:
    text = (
        f"{KIM}\nhost mx.example.org [192.0.2.1]\nSMTP error from remote mail server after RCPT TO:<{KIM}>:\n{UNKNOWN}"
    )
    report = parse(EXIM.format(header=header, text=text).encode())
    assert report.message.generator == "exim"
    assert replies(report) == {KIM: UNKNOWN}
    assert (
        "the notice is not as its software writes it; read by the generic description" in report.remarks
    ) is not bool(header)


def test_a_described_notice_that_names_nobody_is_left_as_it_is() -> None:
    report = parse(EXIM.format(header="", text="(nobody)").encode())
    assert [verdict.recipient for verdict in report.verdicts] == [None]


def test_the_reader_of_a_notice_is_none_of_those_who_failed() -> None:
    report = notice(f"Not delivered:\n\nnews@sender.example\n{KIM}\n{UNKNOWN}\n")
    assert replies(report) == {KIM: UNKNOWN}
    report = notice(f"Not delivered:\n\nnews@sender.example\n{UNKNOWN}\n")
    assert replies(report) == {"news@sender.example": UNKNOWN}  # nobody else


QMAIL = f"""From: MAILER-DAEMON@mx.example
Subject: failure notice

Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<{KIM}>:
192.0.2.1 does not like recipient.
Remote host said: {UNKNOWN}
"""


@pytest.mark.parametrize(
    ("sender", "inside", "found"),
    [
        ("postmaster@gw.example", QMAIL, {KIM: UNKNOWN}),
        ("Lee <lee@sender.example>", QMAIL, {}),
        ("postmaster@gw.example", "From: lee@sender.example\n\nHello.\n", {}),
        ("postmaster@gw.example", "From: postmaster@mx.example\n\nHello.\n", {}),
    ],
)
def test_a_notice_in_words_is_found_inside_a_message_that_says_nothing(
    sender: str, inside: str, found: dict[str, str]
) -> None:
    head = f"From: {sender}\nSubject: for you\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    body = f"--b\nContent-Type: text/plain\n\nSee below.\n--b\nContent-Type: message/rfc822\n\n{inside}\n--b--\n"
    report = parse((head + body).encode())
    assert replies(report) == found
    assert ("the report stands inside another message" in report.remarks) is bool(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"It could not be delivered, for the server said:\n\n  550 <{KIM}>: no such user\n\nBye.\nhelp@mx.example\n", [KIM]),
        (f"It could not be delivered:\n\n{KIM}\n{UNKNOWN}\n\nBye.\nsupport@mx.example\n", [KIM]),
        (f"It could not be delivered, mailbox full:\n\n{KIM}\n\nBye.\n\nsupport@example\n", [KIM]),
        (f"It could not be delivered:\n\nsupport@mx.example\n{UNKNOWN}\n", ["support@mx.example"]),
        ("Mail could not be delivered for an hour (451).\n\nAsk:\n\nhelpdesk@mx.example\n", []),
    ],
)  # fmt: skip
def test_who_offers_help_is_none_of_those_who_failed(text: str, found: list[str]) -> None:
    assert [verdict.recipient for verdict in notice(text).verdicts] == found


def test_a_reason_in_a_paragraph_of_its_own_is_read() -> None:
    report = notice(f"Undeliverable for this reason:\n\nThe user's mailbox is over quota.\n\nRecipient: {KIM}\n")
    assert [verdict.reason for verdict in report.verdicts] == ["mailbox_full"]


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Undeliverable mail: a new rule", "Mail that could not be delivered (550) is returned at once.\n\nAsk: info@mx.example\n"),
        ("Your mailbox is almost full", f"The mailbox {KIM} is nearly full; mail will be rejected with 552 5.2.2.\n"),
        ("3 messages not delivered", "They were not delivered to you:\n\n From: a@spam.example  Subject: 550 prizes\n"),
        ("A virus in mail to you", f"Mail from a@spam.example to {KIM} was not delivered: virus.\n"),
        ("Delivery problems are over", "Mail could not be delivered (421 4.7.0).\n\nAsk:\n\nhelpdesk@mx.example\n"),
    ],
)  # fmt: skip
def test_what_a_mail_system_says_besides_is_no_bounce(subject: str, text: str) -> None:
    report = notice(text, subject)
    assert (report.kind, report.verdicts) == (Kind.OTHER, ())


def test_a_status_on_a_line_of_its_own_is_read() -> None:
    report = notice(
        f"Failed to deliver to:\n\nTo: {KIM}\nStatus: 5.2.2\nInfo: Mailbox full\n\nTo: {LEE}\nStatus: 5.1.1\n"
    )
    assert {str(verdict.recipient): str(verdict.status) for verdict in report.verdicts} == {KIM: "5.2.2", LEE: "5.1.1"}


@pytest.mark.parametrize(
    "text",
    [
        f"Message from news@sender.example to {KIM} failed.\n\n{UNKNOWN}\n",
        f"Your message to {KIM} expired after 5 days and was not delivered.\n\n{UNKNOWN}\n",
        f"{KIM}    {UNKNOWN}\n\nYour message could not be delivered to those above.\n",
    ],
)
def test_the_recipient_may_stand_in_a_sentence_or_above_it(text: str) -> None:
    assert replies(notice(text, "Message failed")) == {KIM: UNKNOWN}


def test_the_fallback_names_nobody_who_did_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    suspects = frozenset({KIM, LEE, MAX, "1@sender.example", "news@sender.example"})
    monkeypatch.setattr(
        _flufl, "ask", lambda shown: _flufl.Suspicion(frozenset(one for one in suspects if one.encode() in shown))
    )
    head = "From: postmaster@mx.example\nTo: news@sender.example\nSubject: hello\nMIME-Version: 1.0\n"
    body = (
        f'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nNot delivered: it is about {KIM} and '
        f"news@sender.example and 1@sender.example and, {MAX}, others.\n"
        f"--b\nContent-Type: message/rfc822\n\nMessage-ID: <1@sender.example>\nTo: {LEE}\n\nHello.\n--b--\n"
    )
    report = parse((head + body).encode())
    assert [verdict.recipient for verdict in report.verdicts] == [KIM]


@pytest.mark.parametrize("path", ["<>", "<MAILER-DAEMON@mx.example>"])
def test_a_reverse_path_may_tell_a_mail_system(path: str) -> None:
    head = f"Return-Path: {path}\nFrom: Mail Machine <machine@mx.example>\nSubject: hello\n"
    text = f"Final-Recipient: rfc822; {KIM}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; {UNKNOWN}\n"
    assert replies(parse(f"{head}\n{text}".encode())) == {KIM: UNKNOWN}


def test_a_recipient_that_replies_name_again_counts_once() -> None:
    reply = f"550 5.1.1 <{KIM}> no such user"
    assert replies(notice(f"Not delivered.\n\n{reply}\n552 <{KIM}> full\n")) == {KIM: reply}


def test_a_line_that_begins_with_other_words_lists_nobody() -> None:
    assert not notice(f"Not delivered: unknown.\n\nmoved {KIM}, {LEE}\n").verdicts


@pytest.mark.parametrize(
    ("file", "reply"),
    [
        ("exim-delay-dropped", None),  # the host stands there, and why nothing: no cause is known
        ("sendmail-delay-dropped", "Deferred"),
        ("sendmail-delay", "452 Recipient kim.r202@mail.ru mailbox is full"),
    ],
)
def test_a_delay_that_was_read_is_not_read_once_more_as_unknown_text(
    file: str, reply: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("undeliverable._formats.unknown.read_unknown", fail)
    report = parse((FIXTURES / "delays" / f"{file}.eml").read_bytes())
    assert report.kind is Kind.DELAY
    assert [verdict.reply for verdict in report.verdicts] == [reply]
    assert not report.remarks


def test_a_recipient_without_a_cause_is_explained_by_the_text_although_another_one_has_its_own() -> None:
    report = parse(
        f"""From: Postmaster <postmaster@mx.example>
Subject: Mail not delivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Mail to {KIM} was refused: mailbox full.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {LEE}
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; {UNKNOWN}

Final-Recipient: rfc822; {KIM}
Action: failed
Status: 5.0.0

--b--
""".encode()
    )
    said = replies(report)
    assert said[LEE] == UNKNOWN
    assert "mailbox full" in (said[KIM] or "")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), max_size=6), st.integers(-1, 40))
def test_of_sentences_the_last_that_has_begun_is_found_and_the_one_that_a_place_is_in(
    gaps_and_lengths: list[tuple[int, int]], place: int
) -> None:
    sentences: list[Sentence] = []
    for gap, length in gaps_and_lengths:
        start = (sentences[-1].end if sentences else 0) + gap
        sentences.append(Sentence(start, start + length, "", frozenset({str(start)})))
    begun = [number for number, sentence in enumerate(sentences) if sentence.start <= place]
    assert last_begun(sentences, place) == (begun[-1] if begun else -1)
    around = [sentence.kinds for sentence in sentences if sentence.start <= place < sentence.end]
    assert kinds_at(sentences, place) == (around[0] if around else frozenset())


ARRIVED = "Your message was successfully delivered to these recipients:"
NOT_ARRIVED = "It could not be delivered to these recipients:"


@pytest.mark.parametrize(
    "text",
    [
        f"{ARRIVED}\n\n  {KIM}\n\n{NOT_ARRIVED}\n\n  {LEE}\n\n{UNKNOWN}\n",
        (
            f"--- Delivery to these addresses was successful ---\n<{KIM}> (with code 250)\n\n"
            f"--- Delivery to these addresses failed ---\n<{LEE}> (code 550 (5.1.1) 'no such user')\n"
        ),
    ],
)
def test_the_recipients_of_a_list_that_was_delivered_have_not_failed(text: str) -> None:
    kim, lee = sorted(notice(text).verdicts, key=lambda verdict: verdict.recipient or "")
    assert (kim.action, kim.bounce_type) == (Action.DELIVERED, None)
    assert (lee.recipient, lee.action, lee.bounce_type) == (LEE, Action.FAILED, "hard")


def test_a_reply_beside_an_address_weighs_more_than_the_heading_of_its_list() -> None:
    report = notice(f"{ARRIVED}\n\n  {KIM}: {UNKNOWN}\n\n{NOT_ARRIVED}\n\n  {LEE}: {UNKNOWN}\n")
    assert {str(verdict.action) for verdict in report.verdicts} == {"failed"}
