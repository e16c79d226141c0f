"""Replies in many wordings and languages, each with the reason that it means: `fixtures/replies.txt`."""

from __future__ import annotations

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
        line.partition("\t") for line in (FIXTURES / "replies.txt").read_text(encoding="utf-8").splitlines()
    )
)
NEVER_HARD: Final = (FIXTURES / "replies-never-hard.txt").read_text(encoding="utf-8").splitlines()
AT_LEAST: Final = 1_300
EACH: Final = 6


def test_there_are_enough_of_each_reason() -> None:
    counts = Counter(reason for reason, _ in ROWS)
    assert len(set(ROWS)) == len(ROWS) >= AT_LEAST
    assert not {reason: counts[reason] for reason in Reason if counts[reason] < EACH and reason is not Reason.UNDEFINED}


@pytest.mark.parametrize(("reason", "reply"), ROWS, ids=[reply[:60] for _, reply in ROWS])
def test_reason(reason: Reason, reply: str) -> None:
    assert classify(reply).reason is reason


def expected_type(reason: Reason, reply: str) -> BounceType:
    """By the default policy: only what is wrong with an address is hard, and only where the failure is permanent."""
    if reason is Reason.UNDEFINED:
        return BounceType.UNDETERMINED
    verdict = classify(reply)
    first = verdict.reply_code or (verdict.status.class_ if verdict.status else 5)
    return BounceType.HARD if reason.fault is Fault.ADDRESS and str(int(first))[0] == "5" else BounceType.SOFT


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
