"""One SMTP reply in the many shapes in which servers relay it, and what it answered."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Knowledge, Reason, classify
from undeliverable._smtp.grammar import EXPIRED_STEMS, EXPIRED_WORDS, STEP
from undeliverable._smtp.replies import _first_step, answered_command, is_expired, last_attempt, parse_reply
from undeliverable.model import Command

# text as relayed, code, status, the reply's own text
SHAPES: list[tuple[str, int | None, str | None, str]] = [
    ("550 5.1.1 <kim@example.org>: User unknown", 550, "5.1.1", "550 5.1.1 <kim@example.org>: User unknown"),
    ("550 User unknown", 550, None, "550 User unknown"),
    ("550", 550, None, "550"),
    ("smtp; 550 5.1.1 no", 550, "5.1.1", "550 5.1.1 no"),
    ("smtp;550", 550, None, "smtp;550"),
    ("LMTP; 452 4.2.2 full", 452, "4.2.2", "452 4.2.2 full"),
    ("550: 5.1.8 no", 550, "5.1.8", "550: 5.1.8 no"),
    ("450 450 4.2.2 full", 450, "4.2.2", "450 450 4.2.2 full"),
    ("550 550 no", 550, None, "550 550 no"),
    ("host said: 450 450 4.2.2 full", 450, "4.2.2", "450 450 4.2.2 full"),
    ("MAIL+RCPT 550 No such user", 550, None, "550 No such user"),
    ("all failed (last: DATA 452 4.3.1 full)", 452, "4.3.1", "452 4.3.1 full)"),
    ("RCPT TO: 550 no", 550, None, "550 no"),
    ("your data 550 kB", None, None, "your data 550 kB"),
    ("ResponseCode 421, , no host", 421, None, "421, , no host"),
    ("550 mx7.example.net 5.1.2 no host", 550, "5.1.2", "550 mx7.example.net 5.1.2 no host"),
    ("550 word 5.1.1", 550, "5.1.1", "550 word 5.1.1"),
    ("550-word 5.7.26 no", 550, "5.7.26", "550-word 5.7.26 no"),
    ("550 Version 5.2.1 of Daemon", 550, None, "550 Version 5.2.1 of Daemon"),
    ("550 Daemon 5.2.19 rejects", 550, None, "550 Daemon 5.2.19 rejects"),
    ("550 word 4.1.1 no", 550, None, "550 word 4.1.1 no"),
    ("550 no\nGiving up on 192.0.2.1.", 550, None, "550 no"),
    ("<550 5.1.1 no>", 550, "5.1.1", "550 5.1.1 no>"),
    ("[550] 5.1.1 no", 550, "5.1.1", "550] 5.1.1 no"),
    ("#550 5.1.1 not found##", 550, "5.1.1", "550 5.1.1 not found##"),
    ("550-5.1.1-no", 550, "5.1.1", "550-5.1.1-no"),
    ("550 #5.1.0 rejected", 550, "5.1.0", "550 #5.1.0 rejected"),
    ("550 [5.1.0] rejected", 550, "5.1.0", "550 [5.1.0] rejected"),
    ("550 no mailbox here (#5.1.1)", 550, "5.1.1", "550 no mailbox here (#5.1.1)"),
    ("550 no (#5.1.1 - chk)", 550, "5.1.1", "550 no (#5.1.1 - chk)"),
    ("550 not allowed - 5.7.1 [X]", 550, "5.7.1", "550 not allowed - 5.7.1 [X]"),
    ("550 no such user 5.1.1", 550, "5.1.1", "550 no such user 5.1.1"),
    ("550 no such user 4.1.1", 550, None, "550 no such user 4.1.1"),
    ("571 5.7.1 not from you", 571, "5.7.1", "571 5.7.1 not from you"),
    ("220 ready (#4.3.2)", 220, None, "220 ready (#4.3.2)"),
    # said by somebody
    ("host mx.example.org[192.0.2.1] said: 550 5.1.1 no", 550, "5.1.1", "550 5.1.1 no"),
    ("host mx.example.org[192.0.2.1] said:\n    571\n    not from you", 571, None, "571 not from you"),
    ("host mx.example.org[192.0.2.1] said:\n    550 not from you", 550, None, "550 not from you"),
    ("Remote host said: 550-no\n550 never (#5.2.2)", 550, "5.2.2", "550-no 550 never (#5.2.2)"),
    ("SMTP error 550 no", 550, None, "550 no"),
    ("did not like our RCPT TO:550 5.2.1 no", 550, "5.2.1", "550 5.2.1 no"),
    ("failed with 4504 errors, then 550 5.1.1 no", 550, "5.1.1", "550 5.1.1 no"),
    ("#< #5.1.1 smtp;550 5.1.2 no> #SMTP#", 550, "5.1.2", "550 5.1.2 no> #SMTP#"),
    ("5.1.0 - Unknown address error 550-'5.1.1 no'", 550, "5.1.1", "550-'5.1.1 no'"),
    ("5.3.0 - Other problem 550-'Unknown user' (attempts: 0)", 550, None, "550-'Unknown user' (attempts: 0)"),
    # several lines
    ("550-5.1.1 a\n550-5.1.1 b\n550 5.1.1 c", 550, "5.1.1", "550-5.1.1 a 550-5.1.1 b 550 5.1.1 c"),
    ("550-5.1.1 a 550-5.1.1 b 550 5.1.1 c", 550, "5.1.1", "550-5.1.1 a 550-5.1.1 b 550 5.1.1 c"),
    ("550-5.1.1 a b\n  c 550 5.1.1 d", 550, "5.1.1", "550-5.1.1 a b c 550 5.1.1 d"),
    ("550-a\\n550 5.1.1 b", 550, "5.1.1", "550-a 550 5.1.1 b"),
    ("550-a\\r\\n550 5.1.1 b", 550, "5.1.1", "550-a 550 5.1.1 b"),
    (
        "550-first line\nsecond without a code\n550 5.2.1 third",
        550,
        "5.2.1",
        "550-first line second without a code 550 5.2.1 third",
    ),
    ("550-5.1.1 only the first line", 550, "5.1.1", "550-5.1.1 only the first line"),
    ("550 first\nsecond (#5.1.1)", 550, "5.1.1", "550 first second (#5.1.1)"),
    ("\n550 5.1.1 a", 550, "5.1.1", "550 5.1.1 a"),
    # lines that differ: the last decides
    ("550-5.1.1 a\n550 5.2.2 b", 550, "5.2.2", "550-5.1.1 a 550 5.2.2 b"),
    ("550-5.1.1 a\n554 5.7.1 b", 554, "5.7.1", "550-5.1.1 a 554 5.7.1 b"),
    ("550-5.1.1 a 554 5.7.1 b", 554, "5.7.1", "550-5.1.1 a 554 5.7.1 b"),
    ("550-a\n554 b", 554, None, "550-a 554 b"),
    ("550-5.1.1 a\n550 b", 550, "5.1.1", "550-5.1.1 a 550 b"),
    ("550-5.1.1 a\n550-b\n550 c", 550, "5.1.1", "550-5.1.1 a 550-b 550 c"),
    ("550-a (#5.1.1)\n550 b", 550, "5.1.1", "550-a (#5.1.1) 550 b"),
    # texts quote other codes
    ("550-a 450 messages an hour\n550 5.1.1 b", 550, "5.1.1", "550-a 450 messages an hour 550 5.1.1 b"),
    ("554 5.7.1 refused: host said 550 5.1.1 no", 554, "5.7.1", "554 5.7.1 refused: host said 550 5.1.1 no"),
    ("550-a\n221 2.0.0 bye", 550, None, "550-a 221 2.0.0 bye"),
    ("550-a x550-5.1.1 b x550 5.1.1", 550, "5.1.1", "550-a x550-5.1.1 b x550 5.1.1"),
    # what is no code, and what is no status
    ("550 192.0.2.1 is listed", 550, None, "550 192.0.2.1 is listed"),
    ("550 4.3.2.1 is listed", 550, None, "550 4.3.2.1 is listed"),
    ("550 [4.3.2.1] is listed", 550, None, "550 [4.3.2.1] is listed"),
    ("550 see http://example.org/5.1.1/help", 550, None, "550 see http://example.org/5.1.1/help"),
    ("451 busy [#4.16.5].", 451, None, "451 busy [#4.16.5]."),
    ("DNS Error: 12345 lookup failed", None, None, "DNS Error: 12345 lookup failed"),
    ("waited for 450 seconds", None, None, "waited for 450 seconds"),
    ("550.1 apples", None, None, "550.1 apples"),
    ("5.1.1 User unknown", None, "5.1.1", "5.1.1 User unknown"),
    ("No mailbox here (#5.1.1)", None, "5.1.1", "No mailbox here (#5.1.1)"),
    ("", None, None, ""),
]


@pytest.mark.parametrize(("text", "code", "status", "own"), SHAPES)
def test_shapes(text: str, code: int | None, status: str | None, own: str) -> None:
    reply = parse_reply(text)
    assert (reply.code, reply.status and str(reply.status), reply.text) == (code, status, own)


def test_the_note_on_the_command_is_read_and_taken_off() -> None:
    reply = parse_reply("host mx.example.org said: 550 5.1.1 no (in\n    reply to RCPT TO command)")
    assert (reply.text, reply.command) == ("550 5.1.1 no", Command.RCPT)


def test_the_caller_knows_the_command_better() -> None:
    reply = parse_reply("550 no (in reply to RCPT TO command)", Command.DATA)
    assert (reply.text, reply.command) == ("550 no", Command.DATA)


def test_another_bracket_is_no_note() -> None:
    reply = parse_reply("550 no (in short)")
    assert (reply.text, reply.command) == ("550 no (in short)", None)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("(in reply to RCPT TO command)", Command.RCPT),
        ("(in reply to\n    MAIL FROM command)", Command.MAIL),
        ("(in reply to end of DATA command)", Command.END_OF_DATA),
        ("(in reply to DATA command)", Command.DATA),
        ("(in reply to EHLO command)", Command.EHLO),
        ("SMTP error from remote mail server after RCPT TO:<kim@example.org>:", Command.RCPT),
        ("after pipelined MAIL FROM:<x@example.net> SIZE=1000:", Command.MAIL),
        ("after initial connection:", Command.CONNECT),
        ("after end of data:", Command.END_OF_DATA),
        ("after pipelined DATA:", Command.DATA),
        ("after HELO mx.example.net:", Command.EHLO),
        ("after STARTTLS:", Command.STARTTLS),
        ("while performing the EHLO handshake", Command.EHLO),
        ("while receiving the initial server greeting", Command.CONNECT),
        ("while sending end of data -- message may be sent more than once", Command.END_OF_DATA),
        ("while sending message body", Command.END_OF_DATA),
        ("host mx.example.org refused to talk to me: 550 no", Command.CONNECT),
        ("mx.example.org does not like recipient.", Command.RCPT),
        ("mx.example.org did not like our final DATA:550", Command.END_OF_DATA),
        ("failed after I sent the message.", Command.END_OF_DATA),
        ("Connected but sender was rejected.", Command.MAIL),
        ("Connected but greeting failed.", Command.CONNECT),
        ("after AUTH PLAIN", Command.AUTH),
        (">>> RCPT TO:<kim@example.org>", Command.RCPT),
        ("said: 550 sent after RCPT TO:<x> (in reply to end of DATA command)", Command.END_OF_DATA),
        ("550 after RCPT TO:<x> (in vain)", Command.RCPT),
        ("said: 550 no", None),
        ("after all, recipients come and go", None),
        ("", None),
    ],
)
def test_answered_command(text: str, command: Command | None) -> None:
    assert answered_command(text) is command


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("451 4.3.0 try later: retry timeout exceeded", True),
        ("550 4.4.7 gone", True),
        ("Message could not be delivered for 5 days", True),
        ("550 5.2.1 your password expired", False),
        ("550 from 192.4.4.7", False),
        ("550 5.4.71", False),
    ],
)
def test_is_expired(text: str, *, expected: bool) -> None:
    assert is_expired(text) is expected


def test_the_words_of_a_queue_that_gave_up_are_those_of_their_rule() -> None:
    (rule,) = (rule for rule in Knowledge.builtin().rules if rule.id == "wording.expired.queue")
    assert rule.when.any_words == EXPIRED_WORDS
    assert [words for words in EXPIRED_WORDS if not any(stem in words for stem in EXPIRED_STEMS)] == []


@pytest.mark.parametrize("words", EXPIRED_WORDS)
def test_what_says_that_a_queue_gave_up_has_that_reason(words: str) -> None:
    verdict = classify(f"554 5.0.0 {words}")
    assert is_expired(verdict.reply or "")
    assert (verdict.reason, verdict.expired) == (Reason.EXPIRED, True)


@given(st.text(max_size=300))
def test_any_text_gives_a_reply(text: str) -> None:
    reply = parse_reply(text)
    assert reply.code is None or 200 <= reply.code < 600
    assert parse_reply(text) == reply
    answered_command(text)
    is_expired(text)


@given(
    st.sampled_from(["550", "451", "554"]),
    st.lists(st.text(alphabet="abc <>:@", max_size=30), min_size=1, max_size=6),
    st.sampled_from(["\n", "\n ", " "]),
)
def test_a_reply_of_many_lines_is_read_the_same_however_its_lines_are_joined(
    code: str, lines: list[str], by: str
) -> None:
    """RFC 5321 4.2.1: a hyphen behind the code on every line but the last, the same code on all."""
    whole = by.join([*(f"{code}-{code[0]}.1.1 {line}" for line in lines), f"{code} {code[0]}.2.2 end"])
    reply = parse_reply(whole)
    assert (reply.code, str(reply.status)) == (int(code), f"{code[0]}.2.2")


@pytest.mark.parametrize(
    "unit", ["550-", "550 ", "(in ", "a\n", "said: 5", "#5.1.", "\\n550 ", "after the ", "((", " 550-5.1.1 x"]
)
def test_long_text_is_no_burden(unit: str) -> None:
    text = "550-" + unit * (1_000_000 // len(unit))
    assert parse_reply(text).code == 550
    answered_command(text)


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        ("554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.2 Connection timed out>", 421, "4.4.2"),
        ("554 5.4.7 [internal] message timeout (last transfail: 454 4.7.1 Greylisted)", 454, "4.7.1"),
        ("550 4.4.7 QUEUE.Expired; message expired", 550, "4.4.7"),
        ("554 5.4.7 gave up after <550 5.1.1 no such user>", 554, "5.4.7"),
        ("421-4.7.0 wait 421 4.7.0 - gsmtp: retry timeout exceeded", 421, "4.7.0"),
    ],
)
def test_a_server_that_gave_up_quotes_the_last_attempt(text: str, code: int, status: str) -> None:
    reply = last_attempt(parse_reply(text))
    assert (reply.code, str(reply.status)) == (code, status)


STEP_WORDS: Final = [
    "in",
    "reply",
    "response",
    "to",
    "after",
    "while",
    "sending",
    "during",
    "like",
    "does",
    "did",
    "not",
    "failed",
    "on",
    "at",
    "error",
    "with",
    "but",
    "sender",
    "was",
    "rejected",
    "greeting",
    "refused",
    "talk",
    ">>>",
    "RCPT",
    "TO",
    "MAIL",
    "FROM",
    "DATA",
    "end",
    "of",
    "data",
    "the",
    "our",
    "final",
    "command",
    ".",
    '"',
    "<",
    "(",
    "I",
    "sent",
    "the",
    "message",
    "name",
    "recipient",
]


@given(st.lists(st.sampled_from([*STEP_WORDS, "İ", "\n"]), max_size=14))
def test_a_step_is_found_where_its_pattern_finds_it(words: list[str]) -> None:
    text = " ".join(words)
    expected, found = STEP.search(text), _first_step(text)
    assert (expected and expected.span()) == (found and found.span())


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("refused to talk to me after RCPT TO:<kim@example.org>", Command.CONNECT),
        ("after RCPT TO:<kim@example.org> refused to talk to me", Command.RCPT),
        ("while sending MAIL FROM:<kim@example.org> after DATA", Command.MAIL),
        ("after DATA while sending MAIL FROM:<kim@example.org>", Command.DATA),
    ],
)
def test_of_two_steps_the_first_was_answered(text: str, command: Command) -> None:
    assert answered_command(text) is command
