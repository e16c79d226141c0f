"""The state machine: vectors of every policy, the table of transitions, and single steps."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.suppression_words import BEGIN, POLICIES, event, history
from undeliverable.suppression import (
    TRANSITIONS,
    AddressState,
    Cause,
    Effect,
    EventKind,
    ListEvent,
    Policy,
    Reactivation,
    Signal,
    Standing,
    apply,
    fold,
    in_order,
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


def test_of_two_events_with_one_key_the_earlier_counts() -> None:
    first, second = event(1, "soft", "k"), event(2, "hard", "k")
    assert in_order([second, first]) == [first] == in_order([first, second])


def test_a_time_without_a_zone_is_utc() -> None:
    naive = ListEvent(kind=EventKind.DELIVERY, time=datetime(2026, 1, 1), key="k", until=datetime(2026, 1, 2))  # noqa: DTZ001
    assert naive.time == datetime(2026, 1, 1, tzinfo=UTC)
    assert naive.until == datetime(2026, 1, 2, tzinfo=UTC)


def test_what_is_null_in_a_record_is_absent() -> None:
    one = event(1, "hard", "k")
    assert ListEvent.from_dict({**one.to_dict(), "why": None}) == one


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"kind": "bounce", "time": "2026-01-01", "key": "k", "colour": "red"},
        {"kind": "sneeze", "time": "2026-01-01", "key": "k"},
    ],
)
def test_what_is_no_event(record: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 # the sentence differs
        ListEvent.from_dict(record)


def test_what_is_no_state() -> None:
    with pytest.raises(ValueError, match="colour"):
        AddressState.from_dict({"colour": "red"})
