"""Replies in many wordings and languages, each with the reason that it means: `fixtures/replies.txt`.

`fixtures/replies-neighbours.txt` has what stands next to a kind of fault that was mended, and was right before: it must stay so, and
the second opinion is not trained on it.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from undeliverable import Reason, classify
from undeliverable.reasons import Advice, BounceType, Fault

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
REASONS: Final = {str(reason): reason for reason in Reason}
ROWS: Final = tuple(
    (REASONS[reason], reply)
    for reason, _, reply in (
        line.partition("\t")
        for name in ("replies.txt", "replies-neighbours.txt")
        for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines()
    )
)
NEVER_HARD: Final = (FIXTURES / "replies-never-hard.txt").read_text(encoding="utf-8").splitlines()


def test_every_reason_has_its_replies_and_each_stands_once() -> None:
    assert {reason for reason, _ in ROWS} >= set(Reason) - {Reason.UNDEFINED}
    assert [row for row, times in Counter(ROWS).items() if times > 1] == []


@pytest.mark.parametrize(("reason", "reply"), ROWS, ids=[reply[:60] for _, reply in ROWS])
def test_reason(reason: Reason, reply: str) -> None:
    verdict = classify(reply)
    rule = verdict.rule.id if verdict.rule else "no rule"
    assert verdict.reason is reason, f"{rule} makes it {verdict.reason}, not {reason}: {reply}"


TIME: Final = re.compile(r"\btemporar(?:y|ily)\b")


def expected_type(reason: Reason, reply: str) -> BounceType:
    """By the default policy: only what is wrong with an address is hard, and only where nothing says that it may pass."""
    verdict = classify(reply)
    codes = [str(int(code))[0] for code in (verdict.reply_code, verdict.status and verdict.status.class_) if code]
    transient = "4" in codes or TIME.search(reply.lower()) is not None
    if reason is Reason.UNDEFINED:
        return BounceType.SOFT if transient else BounceType.UNDETERMINED
    return BounceType.HARD if reason.fault is Fault.ADDRESS and not transient else BounceType.SOFT


def test_consequences() -> None:
    wrong = [
        (reason, reply) for reason, reply in ROWS if classify(reply).bounce_type is not expected_type(reason, reply)
    ]
    assert not wrong
    assert {classify(reply).advice for reason, reply in ROWS if reason is Reason.USER_UNKNOWN} == {
        Advice.SUPPRESS,
        Advice.RETRY,
    }


@pytest.mark.parametrize("reply", NEVER_HARD)
def test_what_is_said_of_users_and_domains_that_are_not_the_recipients(reply: str) -> None:
    """The words "user", "address", "unknown" and "does not exist" alone make nothing hard."""
    assert classify(reply).bounce_type is not BounceType.HARD


SENDERS_SIDE: Final = (
    "your account", "your e-mail account", "your mailbox", "your address", "your email address", "your domain", "your user",
    "the sender account", "the sender's account", "sender's mailbox", "the sender's address", "the sender's email address",
    "the sending account", "the sending domain", "the sender domain", "sender's domain", "the from address", "the From: domain",
    "the from header domain", "the return-path", "the return path address", "the return address", "the reply-to address",
    "the reply-to domain", "the envelope sender", "MAIL FROM domain", "MAIL FROM address", "the originator", "the submitting account",
    "your hostname", "HELO host", "the HELO domain", "the client hostname",
)  # fmt: skip
WHAT_IS_SAID: Final = (
    "is unknown", "does not exist", "not found", "is invalid", "is disabled", "has been suspended", "is blocked", "has expired",
    "is closed", "is inactive", "is no longer valid", "could not be verified", "was rejected", "is malformed", "is not valid",
    "has been deleted", "is not registered", "cannot be resolved", "has no MX", "is locked", "doesn't exist", "is frozen",
    "could not be found", "is not active", "has been terminated", "is not known", "is no longer active", "non-existent",
    "has been deactivated", "is temporarily disabled",
)  # fmt: skip


@pytest.mark.parametrize("subject", SENDERS_SIDE)
def test_what_is_said_of_the_senders_side_is_never_hard(subject: str) -> None:
    replies = [f"{head} {subject} {said}" for head in ("550", "550 5.7.1") for said in WHAT_IS_SAID]
    assert not [reply for reply in replies if classify(reply).bounce_type is BounceType.HARD]


THINGS: Final = (
    "content-type", "charset", "character set", "encoding", "header", "key", "selector", "certificate", "attachment", "file",
    "folder", "table", "column", "service", "command", "option", "extension", "parameter", "mechanism", "reason", "cause",
    "error", "licence", "license", "message", "e-mail", "email", "server", "IP", "IP address", "HELO", "EHLO", "cipher", "protocol",
    "device", "socket", "URL", "link", "policy", "rule", "signature", "feature", "content", "date", "version", "format",
)  # fmt: skip
NOT_THERE: Final = ("does not exist", "is unknown", "no longer exists", "is a nonexistent one")


@pytest.mark.parametrize("thing", THINGS)
def test_what_is_said_of_a_part_of_a_message_or_a_server_is_never_hard(thing: str) -> None:
    replies = [f"550 the {thing} {said}" for said in NOT_THERE]
    assert not [reply for reply in replies if classify(reply).bounce_type is BounceType.HARD]


RECIPIENTS_SIDE: Final = (
    "the recipient", "this user", "the mailbox", "this account", "recipient's mailbox", "the recipient's account", "the destination address",
    "the recipient address", "<kim@example.org>", "user kim", "user <kim@example.org>", "this email address",
)  # fmt: skip
HARD_WHEN_SAID: Final = (
    "is unknown", "does not exist", "not found", "is invalid", "is disabled", "has been suspended", "has expired", "is closed",
    "is inactive", "is no longer valid", "has been deleted", "is not registered", "doesn't exist", "is frozen", "could not be found",
    "is not active", "has been terminated", "is not known", "is no longer active", "has been deactivated",
)  # fmt: skip


@pytest.mark.parametrize("subject", RECIPIENTS_SIDE)
def test_the_same_said_of_the_recipient_is_hard(subject: str) -> None:
    replies = [f"550 {subject} {said}" for said in HARD_WHEN_SAID]
    assert not [reply for reply in replies if classify(reply).bounce_type is not BounceType.HARD]


@pytest.mark.parametrize(
    "said", ["User unknown", "<lee@example.net> does not exist", "Invalid domain", "Mailbox unavailable"]
)
def test_before_a_recipient_was_named_none_is_at_fault(said: str) -> None:
    """RFC 5321 section 3.3: MAIL comes before RCPT."""
    assert classify(f"550 5.1.0 {said}", command="mail").bounce_type is not BounceType.HARD
