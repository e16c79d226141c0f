"""The state machine: vectors of every policy, the table of transitions, and single steps."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.suppression_words import BEGIN, HELD_FOR, POLICIES, event, history
from undeliverable.suppression import (
    TRANSITIONS,
    AddressState,
    Cause,
    Effect,
    Policy,
    Reactivation,
    Signal,
    Standing,
    apply,
    fold,
)

VECTORS = [(name, vector) for name, document in POLICIES.items() for vector in document["vector"]]


@pytest.mark.parametrize(("name", "vector"), VECTORS, ids=[f"{name}: {vector['title']}" for name, vector in VECTORS])
def test_vectors(name: str, vector: dict[str, Any]) -> None:
    assert set(vector) <= {"title", "events", "at", "standing", "cause", "score"}
    events = history(vector["events"])
    state = fold(events, Policy.builtin(name))
    at = BEGIN + timedelta(days=vector.get("at", vector["events"][-1][0]))
    if "at" in vector:
        assert ("suppressed" if state.is_suppressed(at) else "clear") == vector["standing"]
    else:
        assert state.standing == vector["standing"]
    assert state.cause == vector.get("cause", state.cause)
    assert state.score == vector.get("score", state.score)


def test_the_table_knows_every_signal_in_every_standing() -> None:
    assert set(TRANSITIONS) == set(itertools.product(Standing, Signal))
    assert set(TRANSITIONS.values()) | {Effect.LATE} == set(Effect)


# --- single steps ---------------------------------------------------------------------------------------------------


def test_a_decision_tells_what_happened() -> None:
    policy = Policy.builtin()
    decision = apply(AddressState(), event(0, "hard"), policy)
    assert (decision.signal, decision.effect, decision.before) == (Signal.HARD, Effect.SUPPRESS, Standing.CLEAR)
    assert decision.suppressed
    assert not decision.released
    assert decision.state.trigger == "0:hard"
    back = apply(decision.state, event(1, "reactivation", who="kim", why="they wrote to us"), policy)
    assert back.released
    assert back.state.reactivated == Reactivation(BEGIN + timedelta(days=1), "kim", "they wrote to us")
    again = apply(back.state, event(2, "hard"), policy)
    assert again.suppressed
    assert again.state.hard == 2


def test_a_late_event_changes_nothing() -> None:
    policy = Policy.builtin()
    state = fold(history([(3, "soft")]), policy)
    decision = apply(state, event(1, "hard"), policy)
    assert decision.effect is Effect.LATE
    assert decision.state == state


def test_the_later_end_and_the_heavier_cause_stand() -> None:
    policy = Policy(name="mine", expiry={Cause.MANUAL: timedelta(days=10), Cause.HARD_BOUNCE: timedelta(days=5)})
    state = fold(history([(0, "suppression"), (1, "hard")]), policy)
    assert (state.cause, state.until) == (Cause.MANUAL, BEGIN + timedelta(days=10))
    state = fold(history([(0, "hard"), (1, "suppression")]), policy)
    assert (state.cause, state.until) == (Cause.MANUAL, BEGIN + timedelta(days=11))
    state = fold(history([(0, "suppression"), (1, "complaint")]), policy)
    assert (state.cause, state.until) == (Cause.COMPLAINT, None)


def test_an_end_by_hand_goes_before_the_policy() -> None:
    until = BEGIN + timedelta(days=3)
    state = fold([event(0, "suppression", until=until)], Policy.builtin())
    assert state.until == until
    assert state.is_suppressed(until - timedelta(seconds=1))
    assert not state.is_suppressed(until)


def test_a_suppression_that_has_run_out_counts_no_more() -> None:
    policy = Policy.builtin("discourse")
    state = fold(history([(0, "hard"), (1, "hard"), (40, "soft")]), policy)
    assert (state.standing, state.score) == (Standing.COUNTING, 1)


def test_an_expiry_that_somebody_reports_ends_a_suppression() -> None:
    state = fold(history([(0, "hard"), (5, "expiry")]), Policy.builtin())
    assert state.standing is Standing.CLEAR


def test_complaints_can_be_ignored() -> None:
    policy = replace(Policy.builtin(), complaint=False)
    assert fold(history([(0, "complaint")]), policy).standing is Standing.CLEAR


def test_a_full_mailbox_counts_as_soft_without_a_word_about_it() -> None:
    policy = replace(Policy.builtin(), full=None)
    assert fold(history([(day, "full") for day in range(5)]), policy).cause is Cause.STREAK


def test_a_policy_that_keeps_all_keeps_full_mailboxes_too() -> None:
    policy = replace(Policy.builtin(), delivery=0)
    rows = [(0.0, "full"), (10.0, "full"), (15.0, "delivery"), (20.0, "full"), (28.0, "full")]
    assert fold(history(rows), policy).cause is Cause.MAILBOX_FULL


def test_one_full_day_counts_once() -> None:
    assert fold(history([(0, "full"), (0.1, "full")]), Policy.builtin()).full_count == 1


def test_an_end_beyond_all_calendars_is_no_end() -> None:
    policy = Policy(name="mine", expiry={Cause.HARD_BOUNCE: timedelta(days=999_999)})
    late = replace(event(0, "hard"), time=datetime(9998, 1, 1, tzinfo=UTC))
    assert fold([late], policy).until is None


def test_a_held_failure_says_what_it_would_do() -> None:
    decision = apply(AddressState(), event(0, "held"), Policy.builtin())
    assert (decision.signal, decision.effect, decision.held, decision.suppressed) == (
        Signal.HELD, Effect.HOLD, True, False,
    )  # fmt: skip
    state = decision.state
    assert (state.standing, state.cause, state.trigger) == (Standing.HELD, Cause.HARD_BOUNCE, "0:held")
    assert (state.since, state.held_until) == (BEGIN, BEGIN + HELD_FOR)
    again = apply(state, event(0.5, "held"), Policy.builtin())
    assert not again.held
    assert (again.state.held_until, again.state.hard) == (BEGIN + HELD_FOR, 2)


def test_of_several_holds_the_first_to_end_counts() -> None:
    short = event(0.5, "held", held_until=BEGIN + HELD_FOR * 0.6)
    state = fold([event(0, "held"), short], Policy.builtin())
    assert (state.held_until, state.trigger) == (short.held_until, short.key)


def test_what_was_held_is_suppressed_from_the_end_of_the_hold() -> None:
    policy = replace(Policy.builtin(), expiry={Cause.HARD_BOUNCE: timedelta(days=10)})
    held = fold([event(0, "held")], policy)
    assert (held.held_until, held.until) == (BEGIN + HELD_FOR, BEGIN + HELD_FOR + timedelta(days=10))
    later = fold([event(0, "held"), event(2, "flow")], policy)
    assert (later.standing, later.since, later.until) == (Standing.SUPPRESSED, held.held_until, held.until)
    assert later.held_until is None
    confirmed = fold([event(0, "held"), event(0.5, "confirmation")], policy)
    assert (confirmed.since, confirmed.until) == (BEGIN + HELD_FOR / 2, BEGIN + HELD_FOR / 2 + timedelta(days=10))
    assert fold([event(0, "held"), event(12, "flow")], policy).standing is Standing.CLEAR


def test_a_delivery_at_the_end_of_the_hold_is_too_late() -> None:
    state = fold([event(0, "held")], Policy.builtin())
    end = apply(state, replace(event(0, "delivery"), time=BEGIN + HELD_FOR), Policy.builtin())
    assert (state.is_suppressed(BEGIN + HELD_FOR), end.before, end.state.standing) == (
        True, Standing.SUPPRESSED, Standing.SUPPRESSED,
    )  # fmt: skip


@pytest.mark.parametrize("word", ["delivery", "reactivation", "confirmation", "complaint"])
def test_nothing_is_left_of_a_hold_that_ended(word: str) -> None:
    assert fold([event(0, "held"), event(0.5, word)], Policy.builtin()).held_until is None


def test_a_hold_that_is_over_at_once_is_none() -> None:
    one = event(0, "held", held_until=BEGIN)
    assert not one.is_held
    assert fold([one], Policy.builtin()).standing is Standing.SUPPRESSED
    assert not event(0, "soft", held_until=BEGIN + HELD_FOR).is_held


def test_a_held_failure_that_completes_a_streak_keeps_the_count() -> None:
    policy = Policy.builtin("discourse")
    state = fold(history([(0, "held"), (0.5, "held")]), policy)
    assert (state.standing, state.cause, state.score) == (Standing.HELD, Cause.STREAK, 4)
    assert fold(history([(0, "held"), (0.5, "held"), (0.6, "soft")]), policy).standing is Standing.SUPPRESSED


def test_full_mailboxes_count_while_something_is_held() -> None:
    rows = [(0.0, "full"), (10.0, "full"), (20.0, "full"), (27.9, "held"), (28.5, "full")]
    state = fold(history(rows), Policy.builtin())
    assert (state.standing, state.cause) == (Standing.SUPPRESSED, Cause.MAILBOX_FULL)


def test_a_gap_ends_the_count_and_not_the_hold() -> None:
    long = event(40, "held", held_until=BEGIN + timedelta(days=99))
    state = fold([event(0, "soft"), long, event(41, "soft")], Policy.builtin())
    assert (state.standing, state.score) == (Standing.HELD, 1)


def test_a_delivery_that_becomes_known_later_ends_the_hold() -> None:
    rows = [event(0, "held"), event(3, "soft")]
    assert fold(rows, Policy.builtin()).standing is Standing.SUPPRESSED
    assert fold([*rows, event(0.5, "delivery")], Policy.builtin()).standing is Standing.COUNTING


def test_a_release_asks_for_a_fold() -> None:
    state = fold(history([(0, "hard")]), Policy.builtin())
    decision = apply(state, event(1, "release"), Policy.builtin())
    assert (decision.effect, decision.anew, decision.state) == (Effect.RELEASE, True, state)
    assert not decision.released


def test_hearsay_neither_prolongs_nor_outweighs() -> None:
    policy = replace(Policy.builtin(), expiry={Cause.HARD_BOUNCE: timedelta(days=10)})
    hard = fold([event(0, "hard")], policy)
    found = apply(hard, event(5, "hearsay"), policy)
    assert (found.signal, found.effect) == (Signal.HEARSAY, Effect.IGNORE)
    assert (found.state.until, found.state.cause, found.state.trigger) == (hard.until, hard.cause, hard.trigger)


PREPARED: dict[Standing, list[tuple[float, str]]] = {
    Standing.CLEAR: [],
    Standing.COUNTING: [(0.0, "soft")],
    Standing.HELD: [(0.0, "held")],
    Standing.SUPPRESSED: [(0.0, "hard")],
}
SAID: dict[Signal, str] = {
    Signal.HARMLESS: "flow",
    Signal.NOTED: "soft",  # under a policy without a limit
    Signal.COUNTED: "soft",
    Signal.FULL: "full",
    Signal.HARD: "hard",
    Signal.HELD: "held",
    Signal.COMPLAINT: "complaint",
    Signal.DELIVERY: "delivery",
    Signal.SUPPRESS: "suppression",
    Signal.HEARSAY: "hearsay",
    Signal.REACTIVATE: "reactivation",
    Signal.EXPIRE: "expiry",
    Signal.CONFIRM: "confirmation",
    Signal.RELEASE: "release",
}
AFTER: dict[Effect, Standing | None] = {  # None: as before
    Effect.IGNORE: None,
    Effect.NOTE: None,
    Effect.COUNT: Standing.COUNTING,
    Effect.COUNT_FULL: Standing.COUNTING,
    Effect.HOLD: Standing.HELD,
    Effect.SUPPRESS: Standing.SUPPRESSED,
    Effect.RENEW: Standing.SUPPRESSED,
    Effect.CONFIRM: Standing.SUPPRESSED,
    Effect.RELIEVE: Standing.CLEAR,
    Effect.CLEAR: Standing.CLEAR,
    Effect.EXPIRE: Standing.CLEAR,
    Effect.RELEASE: None,
}


@pytest.mark.parametrize(("before", "signal"), TRANSITIONS, ids=str)
def test_every_row_of_the_table(before: Standing, signal: Signal) -> None:
    policy = Policy.builtin()
    state = fold(history(PREPARED[before]), policy)
    assert state.standing is before
    judge = replace(policy, limit=None) if signal is Signal.NOTED else policy
    decision = apply(state, event(0.5, SAID[signal], "next"), judge)
    expected = AFTER[TRANSITIONS[before, signal]] or before
    if before in (Standing.HELD, Standing.SUPPRESSED) and decision.effect in (Effect.COUNT, Effect.COUNT_FULL):
        expected = before
    if before is Standing.SUPPRESSED and decision.effect is Effect.RELIEVE:
        expected = before
    assert (decision.signal, decision.before, decision.effect) == (signal, before, TRANSITIONS[before, signal])
    assert decision.state.standing is expected


def test_the_time_of_receipt_does_not_choose_between_two_reports() -> None:
    """Reading an archive again tomorrow gives the same list: the digest is of what was reported."""
    first = event(0, "hard", "one")
    assert first.digest == replace(first, time=first.time + timedelta(hours=1)).digest
