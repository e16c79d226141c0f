"""What holds for every history: order, duplication and events without proof do not matter."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.suppression_words import BEGIN, WORDS, event
from undeliverable import Proof
from undeliverable.suppression import (
    AddressState,
    Effect,
    EventKind,
    ListEvent,
    Policy,
    RequireProof,
    Standing,
    apply,
    fold,
    in_order,
)

DAYS: Final = 60
MINUTES: Final = 1440
# Some from before the first event, so that they are stale after a reactivation, and several of one day.
TOKENS: Final = (None, None, "a/2025-12-30/1", "a/2026-01-20/1", "a/2026-01-20/2", "b/2026-02-10/1", "not a token")
BELIEVED: Final = (Proof.TOKEN, Proof.SIGNED, Proof.OWN)
names = st.sampled_from(Policy.names())
requirements = st.sampled_from(RequireProof)
providers = st.sampled_from([None, "google", "example.org"])
moments = st.integers(0, DAYS * MINUTES)


def made(
    minute: int,
    word: str,
    key: int,
    proof: Proof | None,
    token: str | None,
    provider: str | None,
    span: tuple[int, int],
) -> ListEvent:
    since, until = (BEGIN + timedelta(minutes=edge) for edge in sorted(span))
    more = {"since": since, "until": until} if word == "release" and span[0] % 3 else {}
    return event(minute / MINUTES, word, f"k{key}", proof=proof, token=token, provider=provider, **more)


def histories(*proofs: Proof | None, size: int = 25) -> st.SearchStrategy[list[ListEvent]]:
    single = st.builds(
        made,
        moments,
        st.sampled_from(sorted(WORDS)),
        st.integers(0, 12),
        st.sampled_from(proofs),
        st.sampled_from(TOKENS),
        providers,
        st.tuples(moments, moments),
    )
    return st.lists(single, max_size=size)


def crowds() -> st.SearchStrategy[list[ListEvent]]:
    """Return histories of few days, keys and tokens, in which much is the same, held, confirmed or void."""
    words = ["hard", "held", "soft", "delivery", "release", "confirmation", "reactivation", "hearsay"]
    hours = st.integers(0, 120).map(lambda hour: hour * 60)
    tokens = st.sampled_from([None, "a/2026-01-02/1", "a/2026-01-04/1"])
    proofs = st.sampled_from([Proof.TOKEN, None])
    whole = st.just((0, DAYS * MINUTES))
    single = st.builds(
        made,
        hours,
        st.sampled_from(words),
        st.integers(0, 5),
        proofs,
        tokens,
        st.none(),
        whole | st.tuples(hours, hours),
    )
    return st.lists(single, max_size=10)


ANY: Final = histories(*Proof, None) | crowds()


@given(events=ANY, data=st.data(), name=names, require=requirements)
def test_any_order_and_any_duplication_gives_the_same_state(
    events: list[ListEvent], data: st.DataObject, name: str, require: RequireProof
) -> None:
    policy = Policy.builtin(name)
    twice = data.draw(st.lists(st.sampled_from(events), max_size=8)) if events else []
    again = data.draw(st.permutations(events + twice))
    assert fold(again, policy, require) == fold(events, policy, require)


@given(events=ANY, name=names, require=requirements)
def test_one_at_a_time_with_folds_where_needed_is_the_same(
    events: list[ListEvent], name: str, require: RequireProof
) -> None:
    """The way of a list in a database, which keeps one event per key."""
    policy = Policy.builtin(name)
    known: dict[str, ListEvent] = {}
    state = AddressState()
    for item in events:
        if not require.accepts(item.proof):
            decision = apply(state, item, policy, require)
            assert (decision.state, decision.effect) == (state, Effect.IGNORE)
            continue
        other = known.get(item.key)
        if other is not None and other.precedence <= item.precedence:
            continue
        known[item.key] = item
        decision = apply(state, item, policy, require)
        if other is not None or decision.anew:
            assert other is not None or decision.state == state
            state = fold(known.values(), policy, require)
        else:
            state = decision.state
    assert state == fold(events, policy, require)


FEW: Final = (
    ("hard", TOKENS[3]), ("held", None), ("held", TOKENS[3]), ("soft", TOKENS[3]), ("soft", TOKENS[2]), ("delivery", None),
    ("release", None), ("confirmation", None), ("reactivation", None),
)  # fmt: skip


@pytest.mark.parametrize("name", ["default", "discourse"])
def test_all_short_histories_are_the_same_one_at_a_time(name: str) -> None:
    """Every history of up to four of these events, an hour apart: what is seldom found at random stands among them."""
    policy = Policy.builtin(name)
    rows = [[event(hour / 24, word, f"{hour}", token=token) for word, token in FEW] for hour in range(4)]

    def visit(state: AddressState, events: tuple[ListEvent, ...]) -> None:
        for item in rows[len(events)]:
            longer = (*events, item)
            decision, folded = apply(state, item, policy), fold(longer, policy)
            assert decision.anew or decision.state == folded, longer
            if len(longer) < len(rows):
                visit(folded, longer)

    visit(AddressState(), ())


@given(events=ANY, name=names, require=requirements)
def test_events_in_order_need_a_fold_only_after_releases_and_old_tokens(
    events: list[ListEvent], name: str, require: RequireProof
) -> None:
    policy = Policy.builtin(name)
    ordered = in_order(events, require)
    state = AddressState()
    for number, item in enumerate(ordered, 1):
        decision = apply(state, item, policy, require)
        if decision.anew:
            is_older = item.token is not None and state.token_day is not None and item.token_day < state.token_day
            assert item.kind is EventKind.RELEASE or is_older
            state = fold(ordered[:number], policy, require)
        else:
            state = decision.state
        assert state == fold(ordered[:number], policy, require)


@given(events=histories(*BELIEVED), others=histories(None, Proof.MATCHED, Proof.UNPROVED), name=names)
def test_where_proof_is_required_nothing_else_changes_a_state(
    events: list[ListEvent], others: list[ListEvent], name: str
) -> None:
    policy = Policy.builtin(name)
    alone = fold(events, policy, RequireProof.REQUIRED)
    assert fold(others + events, policy, RequireProof.REQUIRED) == alone
    assert fold(others, policy, RequireProof.REQUIRED) == AddressState()


@given(
    events=histories(*BELIEVED, Proof.MATCHED, None),
    others=histories(Proof.UNPROVED),
    require=st.sampled_from([RequireProof.REQUIRED, RequireProof.PREFERRED]),
    name=names,
)
def test_what_was_asked_for_proof_and_has_none_changes_no_state(
    events: list[ListEvent], others: list[ListEvent], require: RequireProof, name: str
) -> None:
    policy = Policy.builtin(name)
    assert fold(others + events, policy, require) == fold(events, policy, require)


@given(events=histories(*BELIEVED), name=names)
def test_a_better_proof_only_matters_where_events_are_the_same(events: list[ListEvent], name: str) -> None:
    policy = Policy.builtin(name)
    states = {json.dumps(fold(events, policy, require).to_dict()) for require in RequireProof}
    assert len(states) == 1


@given(events=ANY, name=names, require=requirements)
def test_a_release_makes_what_it_voids_as_if_it_had_never_been(
    events: list[ListEvent], name: str, require: RequireProof
) -> None:
    policy = Policy.builtin(name)
    ordered = in_order(events, require)
    left = [one for one in ordered if not any(other.voids(one) for other in ordered)]
    without, state = fold(left, policy, require), fold(events, policy, require)
    assert without == replace(state, tokens=without.tokens, token_day=without.token_day)


@given(events=ANY, ats=st.lists(moments, min_size=3, max_size=12), name=names)
def test_an_address_is_suppressed_in_one_span_of_time(events: list[ListEvent], ats: list[int], name: str) -> None:
    state = fold(events, Policy.builtin(name))
    shown = [state.is_suppressed(BEGIN + timedelta(minutes=at)) for at in sorted(ats)]
    changes = [after for before, after in pairwise(shown) if before is not after]
    if state.standing is Standing.HELD:
        assert changes in ([], [True], [False], [True, False])
    else:
        assert changes in ([], [False])
        assert any(shown) <= (state.standing is Standing.SUPPRESSED)


@given(events=ANY, minutes=st.integers(1, 40 * MINUTES), name=names)
def test_a_state_knows_what_time_will_bring(events: list[ListEvent], minutes: int, name: str) -> None:
    """A later event without a meaning of its own shows what has become of what was held and of what runs out."""
    policy = Policy.builtin(name)
    state = fold(events, policy)
    at = DAYS + minutes / MINUTES
    later = fold([*events, event(at, "sender", "later")], policy)
    assert state.is_suppressed(BEGIN + timedelta(days=at)) is (later.standing is Standing.SUPPRESSED)


@given(events=ANY, at=moments)
def test_a_hold_suppresses_nobody_who_would_not_be_otherwise(events: list[ListEvent], at: int) -> None:
    policy = Policy.builtin()
    time = BEGIN + timedelta(minutes=at)
    plain = [event((one.time - BEGIN) / timedelta(days=1), "hard", one.key) if one.is_held else one for one in events]
    held = [event((one.time - BEGIN) / timedelta(days=1), "held", one.key) if one.is_held else one for one in events]
    assert fold(held, policy).is_suppressed(time) <= fold(plain, policy).is_suppressed(time)


@given(events=ANY, name=names)
def test_a_state_survives_json_and_pickle(events: list[ListEvent], name: str) -> None:
    state = fold(events, Policy.builtin(name))
    assert AddressState.from_dict(json.loads(json.dumps(state.to_dict()))) == state
    assert pickle.loads(pickle.dumps(state)) == state
    assert len(state.points) <= 64


@given(events=ANY)
def test_an_event_survives_json(events: list[ListEvent]) -> None:
    for one in events:
        assert ListEvent.from_dict(json.loads(json.dumps(one.to_dict()))) == one


@given(
    events=st.lists(
        st.builds(
            lambda hour, word: event(hour / 24, word, f"{hour}{word}"),
            st.integers(0, 9000),
            st.sampled_from(["sender", "content"]),
        ),
        max_size=40,
    ),
    name=names,
)
def test_what_is_not_the_address_fault_never_harms(events: list[ListEvent], name: str) -> None:
    assert fold(events, Policy.builtin(name)).standing is Standing.CLEAR
