"""What a reply can mean where it stands: each guard at each step, its exceptions, and what a policy makes of it."""

from __future__ import annotations

from typing import Final

import pytest

from undeliverable import Command, Knowledge, Verdict, classify, parse, parse_log_line
from undeliverable.model import Protocol

EARLY: Final = "cannot be the cause before RCPT"
NULL_MX: Final = "domain_no_mail is about the sender's domain after RCPT was accepted"
STATUS: Final = "alone does not blame the recipient at the end of DATA"
RELAY: Final = "domain_unknown is not meant: the client could not find its own relay"
HEDGED: Final = "is one of several causes that the reply says it may have"


def outcome(verdict: Verdict) -> tuple[str, str, str]:
    return str(verdict.reason), str(verdict.bounce_type), str(verdict.advice)


def guards_of(verdict: Verdict) -> list[str]:
    known = (EARLY, NULL_MX, STATUS, RELAY, HEDGED, BAD_SEQUENCE, DENIED)
    return [one for one in verdict.conflicts if one.endswith(known) or NOUN in one]


NOUN: Final = "is not said of a recipient: it is about the"
DENIED: Final = "is not said: the reply denies it"
BAD_SEQUENCE: Final = "was not said now: 503 follows from what was refused before"

# Reply, command, what is decided, and the conflict that names the guard, or None if none objects.
ROWS: Final[tuple[tuple[str, str | None, tuple[str, str, str], str | None], ...]] = (
    # RFC 5321 3.3: before RCPT no recipient has been named.
    ("550 5.1.1 User unknown", "connect", ("policy_rejected", "soft", "review"), f"user_unknown {EARLY}"),
    ("550 5.1.1 User unknown", "ehlo", ("policy_rejected", "soft", "review"), f"user_unknown {EARLY}"),
    ("550 5.1.1 User unknown", "starttls", ("policy_rejected", "soft", "review"), f"user_unknown {EARLY}"),
    ("535 5.1.1", "auth", ("security_required", "soft", "fix_sender"), None),
    ("550 5.1.1 User unknown", "auth", ("security_required", "soft", "fix_sender"), f"user_unknown {EARLY}"),
    ("550 5.1.1", "mail", ("sender_rejected", "soft", "fix_sender"), f"user_unknown {EARLY}"),
    ("550 5.2.1", "mail", ("sender_rejected", "soft", "fix_sender"), f"mailbox_disabled {EARLY}"),
    ("552 5.2.2 over quota", "mail", ("sender_rejected", "soft", "fix_sender"), f"mailbox_full {EARLY}"),
    ("552 5.3.4 message too large", "mail", ("message_too_large", "soft", "fix_message"), None),
    ("451 4.7.1 Greylisted, try again later", "mail", ("greylisted", "soft", "retry"), None),
    ("554 5.7.1 blocked using zen.spamhaus.org", "mail", ("blocklisted", "soft", "fix_sender"), None),
    ("550 5.1.1 <kim@example.org>: your IP is blacklisted, no such user", "ehlo", ("blocklisted", "soft", "fix_sender"), None),
    # RFC 7504: words of a greeting may refuse all mail for a host, the code alone may not.
    ("521 5.3.2 host does not accept mail", "connect", ("domain_no_mail", "hard", "suppress"), None),
    ("521 5.3.2", "connect", ("policy_rejected", "soft", "review"), f"domain_no_mail {EARLY}"),
    # What carries no code is no reply: a client's own statement.
    ("Domain not found: NXDOMAIN", "connect", ("domain_unknown", "hard", "suppress"), None),
    # At RCPT all of it stands.
    ("550 5.1.1 User unknown", "rcpt", ("user_unknown", "hard", "suppress"), None),
    ("550 5.1.1 User unknown", None, ("user_unknown", "hard", "suppress"), None),
    # What a filter quotes from a message says nothing of a recipient; what it quotes from a reply does.
    ('550 Blocked: body contains "account has been disabled"', "rcpt", ("content_rejected", "soft", "fix_message"), f"mailbox_disabled {NOUN} content"),
    ("554 Rejected: phrase 'mailbox is disabled' in body", "data", ("content_rejected", "soft", "fix_message"), f"mailbox_disabled {NOUN} content"),
    ('550 Rejected: "mailbox is disabled"', "rcpt", ("mailbox_disabled", "hard", "suppress"), None),
    # RFC 7505 4.2: a null MX said later is the sender's domain's.
    ("550 5.7.27 domain has a null MX record", "end_of_data", ("sender_rejected", "soft", "fix_sender"), NULL_MX),
    ("554 5.7.1 Domain published RFC 7505 Null MX", "data", ("sender_rejected", "soft", "fix_sender"), NULL_MX),
    ("554 5.7.1 Domain published RFC 7505 Null MX", "rcpt", ("domain_no_mail", "hard", "suppress"), None),
    # At the end of DATA a status about addresses is weak.
    ("550 5.1.1 message rejected", "end_of_data", ("policy_rejected", "soft", "review"), f"status 5.1.1 {STATUS}"),
    ("550 5.1.1 content not allowed", "end_of_data", ("spam_content", "soft", "fix_message"), f"status 5.1.1 {STATUS}"),
    ("550 5.1.1", "end_of_data", ("undefined", "undetermined", "review"), f"status 5.1.1 {STATUS}"),
    ("556", "end_of_data", ("undefined", "undetermined", "review"), f"code 556 {STATUS}"),
    ("550 5.2.1", "end_of_data", ("undefined", "undetermined", "review"), f"code 550 {STATUS}"),
    ("550 5.1.1 User unknown", "end_of_data", ("user_unknown", "hard", "suppress"), None),
    # Unless it follows from a refused RCPT (RFC 2920 3.1).
    ("550 5.1.1 User unknown 503 5.5.1 need RCPT", "data", ("user_unknown", "hard", "suppress"), None),
    # A client cannot find its own relay.
    ("[Errno -2] Name or service not known", None, ("dns_error", "soft", "retry"), RELAY),
    # Several causes name none, unless the status does or another clause is certain.
    ("550 The account may not exist, or it may be full", "rcpt", ("undefined", "undetermined", "review"), f"user_unknown {HEDGED}"),
    ("550 5.1.1 The account may not exist, or it may be full", "rcpt", ("user_unknown", "hard", "suppress"), None),
    ("550 User unknown. It may be misspelled or removed.", "rcpt", ("user_unknown", "hard", "suppress"), None),
    # Two causes at both sides of an "or" name none either, unless both blame the address.
    ("550 user unknown or mailbox full", "rcpt", ("mailbox_full", "soft", "retry"), None),
    ("550 invalid user or access denied", "rcpt", ("undefined", "undetermined", "review"), f"user_unknown {HEDGED}"),
    ("550 utilisateur inconnu ou accès refusé", "rcpt", ("undefined", "undetermined", "review"), f"user_unknown {HEDGED}"),
    ("550 5.1.1 invalid user or access denied", "rcpt", ("user_unknown", "hard", "suppress"), None),
    ("550 Das Konto wurde deaktiviert oder gelöscht", "rcpt", ("mailbox_disabled", "hard", "suppress"), None),
    ("550 The account is blocked or inactive", "rcpt", ("mailbox_disabled", "hard", "suppress"), None),
    ("554 The address might be wrong, or you might be blacklisted", "rcpt", ("undefined", "undetermined", "review"), f"blocklisted {HEDGED}"),
    # The noun decides: whoever the reply speaks of instead of a recipient.
    ("550 The from address does not match a verified identity", "rcpt", ("sender_rejected", "soft", "fix_sender"), f"user_unknown {NOUN} sender"),
    ("550 Login credentials no longer valid", "rcpt", ("security_required", "soft", "fix_sender"), f"user_unknown {NOUN} authentication"),
    ("550 5.7.1 Address lookup failed", "rcpt", ("undefined", "undetermined", "review"), f"user_unknown {NOUN} lookup"),
    ("550 5.1.1 Address lookup failed", "rcpt", ("user_unknown", "hard", "suppress"), None),
    ("5.1.2 no MX could be reached: connect timeout", None, ("network_error", "soft", "retry"), f"domain_unknown {NOUN} connection"),
    ("501 5.5.4 Unknown domain name", None, ("protocol_error", "soft", "review"), f"domain_unknown {NOUN} command"),
    ("501 5.5.4 Unknown domain name", "rcpt", ("domain_unknown", "hard", "suppress"), None),
    ("501 5.7.1 DSN support is deactivated", None, ("protocol_error", "soft", "review"), f"mailbox_disabled {NOUN} command"),
    ("550 5.7.13 User account unfortunately disabled", "rcpt", ("security_required", "soft", "fix_sender"), f"mailbox_disabled {NOUN} authentication"),
    ("550 5.7.13 Disabled recipient address", "rcpt", ("mailbox_disabled", "hard", "suppress"), None),
    ("503 5.1.1 no valid recipients", "data", ("protocol_error", "soft", "review"), f"user_unknown {BAD_SEQUENCE}"),
    # A state that the reply denies is none.
    ("550 The user is not disabled", "rcpt", ("undefined", "undetermined", "review"), f"mailbox_disabled {DENIED}"),
    ("550 5.2.1 The account isn't closed", "rcpt", ("undefined", "undetermined", "review"), f"mailbox_disabled {DENIED}"),
    ("550 The mailbox has never been suspended", "rcpt", ("undefined", "undetermined", "review"), f"mailbox_disabled {DENIED}"),
    ("550 Mailbox is neither disabled nor closed", "rcpt", ("undefined", "undetermined", "review"), f"mailbox_disabled {DENIED}"),
    ("550 Address not expired", "rcpt", ("undefined", "undetermined", "review"), f"mailbox_disabled {DENIED}"),
    ("550 The account is not blocked", "rcpt", ("policy_rejected", "soft", "review"), f"mailbox_disabled {DENIED}"),
    ("550 The account is not blocked but disabled", "rcpt", ("mailbox_disabled", "hard", "suppress"), None),
    ("550 Mail was not delivered because the user is disabled", "rcpt", ("mailbox_disabled", "hard", "suppress"), None),
    ("550 The user is no longer active", "rcpt", ("mailbox_disabled", "hard", "suppress"), None),
    ("550 The account is not active", "rcpt", ("mailbox_disabled", "hard", "suppress"), None),
    # RFC 5321's own words for 550 yield to what stands beside them.
    ("550 mailbox unavailable: mail from your address is not accepted", "rcpt", ("sender_rejected", "soft", "fix_sender"), None),
    ("550 Requested action not taken: mailbox unavailable", "rcpt", ("user_unknown", "hard", "suppress"), None),
    ("550 5.1.1 mailbox unavailable, policy restrictions", "rcpt", ("user_unknown", "hard", "suppress"), None),
)  # fmt: skip


@pytest.mark.parametrize(("reply", "command", "expected", "conflict"), ROWS)
def test_what_a_guard_decides(
    reply: str, command: str | None, expected: tuple[str, str, str], conflict: str | None
) -> None:
    verdict = classify(reply, command=command)
    assert outcome(verdict) == expected
    assert guards_of(verdict) == ([] if conflict is None else [conflict])
    assert (verdict.rule is None) is (conflict is not None)


@pytest.mark.parametrize(("reply", "command", "expected", "conflict"), ROWS)
def test_a_trace_sees_the_same_and_shows_what_was_overruled(
    reply: str, command: str | None, expected: tuple[str, str, str], conflict: str | None
) -> None:
    verdict = classify(reply, command=command, trace=True)
    assert outcome(verdict) == expected
    if conflict is not None:
        assert verdict.shadowed
        assert f"conflict   {conflict}" in verdict.explain(verbose=True)
        assert "rule       none that may decide" in verdict.explain(verbose=True)


def test_a_policy_decides_last() -> None:
    own = Knowledge.builtin().with_rules(
        [{"when": {"reason": "sender_rejected"}, "then": {"advice": "none", "label": "x"}}]
    )
    verdict = classify("550 5.1.1 User unknown", command="mail", knowledge=own)
    assert (verdict.advice, verdict.label) == ("none", "x")


def test_every_step_before_rcpt_is_guarded() -> None:
    steps = [*Command]
    for step in steps[: steps.index(Command.RCPT)]:
        assert classify("550 5.1.1 User unknown", command=step).bounce_type == "soft"


# --- DECISIONS on time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("550 4.1.1 User unknown", ("user_unknown", "soft", "retry")),
        ("450 5.1.1 User unknown", ("user_unknown", "soft", "retry")),
        ("450 nope", ("undefined", "soft", "retry")),
        ("421 4.7.0 Relaying denied", ("relay_denied", "soft", "retry")),
        ("550 mailbox temporarily disabled", ("mailbox_disabled", "soft", "retry")),
        ("550 Konto vorübergehend gesperrt", ("mailbox_disabled", "soft", "retry")),
        ("550 5.1.1 User unknown. This is not a temporary failure.", ("user_unknown", "hard", "suppress")),
        ("550 5.1.1 User unknown. Please check the address and try again.", ("user_unknown", "hard", "suppress")),
        ("550 5.1.1 User unknown. Please try again later.", ("user_unknown", "soft", "retry")),
    ],
)
def test_what_may_pass_is_soft(reply: str, expected: tuple[str, str, str]) -> None:
    assert outcome(classify(reply, command="rcpt")) == expected


@pytest.mark.parametrize("reply", ["250 2.1.5 user unknown forwarded", "354 go on", "352 5.2.2 mailbox is stuffed"])
def test_a_positive_reply_is_no_failure(reply: str) -> None:
    verdict = classify(reply)
    assert (verdict.reason, verdict.bounce_type, verdict.advice) == (None, None, "none")


# --- LMTP answers the end of DATA for each recipient (RFC 2033 4.2) ----------------------------------------------------

REFUSED: Final = "550 5.1.1 message rejected"


def test_lmtp_by_argument() -> None:
    assert classify(REFUSED, command="end_of_data", protocol="smtp").bounce_type == "soft"
    for protocol in ("lmtp", Protocol.LMTP):
        verdict = classify(REFUSED, command="end_of_data", protocol=protocol)
        assert (verdict.reason, verdict.bounce_type, verdict.command) == ("user_unknown", "hard", "end_of_data")
        traced = classify(REFUSED, command="end_of_data", protocol=protocol, trace=True)
        assert traced.bounce_type == "hard"
    assert classify("550 5.1.1 User unknown", command="mail", protocol="lmtp").reason == "sender_rejected"
    with pytest.raises(ValueError, match="uucp"):
        classify(REFUSED, protocol="uucp")


@pytest.mark.parametrize(
    ("program", "hard"), [("postfix/smtp", False), ("postfix/lmtp", True), ("postfix-out/lmtp", True)]
)
def test_lmtp_in_the_log_of_postfix(program: str, hard: bool) -> None:  # a column of the table
    line = (
        f"Nov 21 21:16:19 mx {program}[15281]: 81B7B25C9D4: to=<kim@example.org>, relay=mx.example.org[private/lmtp], "
        f"delay=0.01, delays=0/0/0/0.01, dsn=5.1.1, status=bounced (host mx.example.org[private/lmtp] said: {REFUSED} "
        "(in reply to end of DATA command))"
    )
    journal = (
        '{"__REALTIME_TIMESTAMP":"1763759779000000","_HOSTNAME":"mx","SYSLOG_IDENTIFIER":"'
        + program + '","MESSAGE":"' + line.partition("]: ")[2] + '"}'
    )  # fmt: skip
    structured = f"<22>1 2026-11-21T21:16:18Z mx {program} 15281 - - {line.partition(']: ')[2]}"
    for text in (line, journal, structured, line.partition("mx ")[2]):
        report = parse_log_line(text)
        assert report is not None
        (verdict,) = report.verdicts
        assert (verdict.command, verdict.bounce_type == "hard") == ("end_of_data", hard), text


@pytest.mark.parametrize(("greeting", "hard"), [("LHLO", True), ("EHLO", False)])
def test_lmtp_in_a_transcript(greeting: str, hard: bool) -> None:  # a column of the table
    report = parse(
        f"""Return-Path: <>
From: MAILER-DAEMON@mx.example.net
To: news@example.com
Subject: Returned mail: see transcript for details

   ----- The following addresses had permanent fatal errors -----
<kim@example.org>

   ----- Transcript of session follows -----
... while talking to [/var/run/lmtp.sock]:
>>> {greeting} mx.example.net
<<< 250 mx.example.org
>>> MAIL FROM:<news@example.com>
<<< 250 2.1.0 Ok
>>> RCPT TO:<kim@example.org>
<<< 250 2.1.5 Ok
>>> DATA
<<< 354 go on
>>> .
<<< {REFUSED}
554 5.0.0 Service unavailable
""".encode()
    )
    (verdict,) = report.verdicts
    assert (verdict.command, verdict.bounce_type == "hard") == ("end_of_data", hard), verdict.explain(verbose=True)


@pytest.mark.parametrize(
    "negation", ["is not", "isn't", "was not", "wasn't", "has not been", "hasn't been", "was never"]
)
@pytest.mark.parametrize("state", ["deleted", "removed", "disabled", "suspended", "locked"])
@pytest.mark.parametrize("who", ["user", "mailbox", "account"])
def test_no_state_that_is_denied_is_hard(who: str, negation: str, state: str) -> None:
    assert classify(f"550 The {who} {negation} {state}", command="rcpt").bounce_type != "hard"
    said = negation.replace("never", "now").replace(" not", "").replace("n't", "")
    assert classify(f"550 The {who} {said} {state}", command="rcpt").bounce_type == "hard"
