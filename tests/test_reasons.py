from __future__ import annotations

import pytest

from undeliverable import Advice, BounceType, Fault, Reason

ADDRESS = {
    "user_unknown",
    "bad_address_syntax",
    "mailbox_moved",
    "mailbox_disabled",
    "domain_unknown",
    "domain_no_mail",
}


@pytest.mark.parametrize("reason", Reason)
def test_a_member_says_all_of_itself(reason: Reason) -> None:
    assert [one for one in Reason if one == str(reason)] == [reason]
    assert reason.value == reason.name.lower()
    assert reason.fault in Fault
    assert reason.bounce_type in BounceType
    assert reason.advice in Advice
    assert reason.meaning.endswith("."), f"the meaning of {reason} is no sentence"


@pytest.mark.parametrize("reason", Reason)
def test_hard_means_that_the_address_is_at_fault(reason: Reason) -> None:
    assert (reason.bounce_type is BounceType.HARD) is (str(reason) in ADDRESS)
    assert (reason.fault is Fault.ADDRESS) is (str(reason) in ADDRESS)
    assert (reason.advice is Advice.SUPPRESS) is (str(reason) in ADDRESS)


def test_only_the_undefined_is_undetermined() -> None:
    assert [reason for reason in Reason if reason.bounce_type is BounceType.UNDETERMINED] == [Reason.UNDEFINED]


def test_meanings_are_different() -> None:
    assert len({reason.meaning for reason in Reason}) == len(Reason)
