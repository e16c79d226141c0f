"""The state machine: vectors of every policy, and the order of arrival that does not matter."""

from __future__ import annotations

import ast
import itertools
import json
import pickle
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import undeliverable
from tests.suppression_words import BEGIN, WORDS, event, history
from undeliverable import suppression
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

FOLDER = Path(undeliverable.__file__).parent / "data" / "suppression"
POLICIES = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))}
VECTORS = [(name, vector) for name, document in POLICIES.items() for vector in document["vector"]]


def test_the_ready_policies_are_there() -> None:
    assert set(Policy.names()) == set(POLICIES)
    assert {"default", "mailman3", "listmonk", "discourse", "mailchimp", "sendgrid", "klaviyo", "acellemail"} <= set(
        POLICIES
    )


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_names_its_source_and_has_vectors(name: str) -> None:
    policy = Policy.builtin(name)
    assert policy.name == name
    assert policy.title, f"{name}.toml has no title"
    assert (policy.source or "").startswith("https://"), f"the source of {name}.toml is no address of a page"
    assert len(POLICIES[name]["vector"]) >= 3, f"{name}.toml needs three vectors or more"


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_survives_its_own_record(name: str) -> None:
    policy = Policy.builtin(name)
    assert Policy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy


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


# --- any order, any duplication -------------------------------------------------------------------------------------

events_strategy = st.lists(
    st.builds(
        lambda minute, word, key: event(minute / 1440, word, f"k{key}"),
        st.integers(0, 60 * 1440),
        st.sampled_from(sorted(WORDS)),
        st.integers(0, 12),
    ),
    max_size=25,
)


@given(events=events_strategy, data=st.data(), name=st.sampled_from(sorted(POLICIES)))
def test_any_order_and_any_duplication_gives_the_same_state(
    events: list[ListEvent], data: st.DataObject, name: str
) -> None:
    policy = Policy.builtin(name)
    expected = fold(events, policy)
    again = data.draw(
        st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=8) if events else st.just([])))
    )
    assert fold(again, policy) == expected


@given(events=events_strategy, name=st.sampled_from(sorted(POLICIES)))
def test_one_at_a_time_with_folds_when_late_is_the_same(events: list[ListEvent], name: str) -> None:
    policy = Policy.builtin(name)
    known: dict[str, ListEvent] = {}
    state = AddressState()
    for item in events:
        other = known.get(item.key)
        if other is not None and other.precedence <= item.precedence:
            continue
        known[item.key] = item
        decision = apply(state, item, policy)
        refold = other is not None or decision.effect is Effect.LATE
        state = fold(known.values(), policy) if refold else decision.state
    assert state == fold(events, policy)


@given(events=events_strategy, name=st.sampled_from(sorted(POLICIES)))
def test_a_state_survives_json_and_pickle(events: list[ListEvent], name: str) -> None:
    state = fold(events, Policy.builtin(name))
    assert AddressState.from_dict(json.loads(json.dumps(state.to_dict()))) == state
    assert pickle.loads(pickle.dumps(state)) == state
    assert len(state.points) <= 64


@given(
    events=st.lists(
        st.builds(
            lambda hour, word: event(hour / 24, word, f"{hour}{word}"),
            st.integers(0, 9000),
            st.sampled_from(["sender", "content"]),
        ),
        max_size=40,
    ),
    name=st.sampled_from(sorted(POLICIES)),
)
def test_what_is_not_the_address_fault_never_harms(events: list[ListEvent], name: str) -> None:
    assert fold(events, Policy.builtin(name)).standing is Standing.CLEAR


@given(
    event_=st.sampled_from(sorted(WORDS)).flatmap(
        lambda word: st.builds(lambda day: event(day, word), st.integers(0, 99))
    )
)
def test_an_event_survives_json(event_: ListEvent) -> None:
    assert ListEvent.from_dict(json.loads(json.dumps(event_.to_dict()))) == event_


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


# --- policies from files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[policy]\nname = 'x'\ncolour = 1", "unknown key"),
        ("[policy]\nname = 'x'\nsoft = 'much'", "a number"),
        ("[policy]\nname = 'x'\nsoft = -1", "a number"),
        ("[policy]\nname = 'x'\nlimit = 0", "more than 0"),
        ("[policy]\nname = 1", "expected a string"),
        ("[policy]\nname = 'x'\nonce_a_day = 1", "true or false"),
        ("[policy]\nname = 'x'\nfull = { count = 1 }", "count and days"),
        ("[policy]\nname = 'x'\nignored_faults = 'flow'", "a list"),
        ("[policy]\nname = 'x'\nignored_faults = ['weather']", "weather"),
        ("[policy]\nname = 'x'\ncomplaint = 'shrug'", "shrug"),
        ("[policy]\nname = 'x'\nexpiry_days = { boredom = 1 }", "boredom"),
        ("[policy]\nsoft = 1", "needs a name"),
        ("[rule]\nname = 'x'", "unknown table"),
        ("", "is missing"),
        ("[policy", "not TOML"),
    ],
)
def test_what_a_policy_cannot_say(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(undeliverable.KnowledgeError, match=words) as caught:
        Policy.from_file(path)
    assert caught.value.file == str(path)


def test_no_such_policy(tmp_path: Path) -> None:
    with pytest.raises(undeliverable.KnowledgeError, match="expected one of acellemail, default"):
        Policy.builtin("kindness")
    with pytest.raises(undeliverable.KnowledgeError, match="No such file"):
        Policy.from_file(tmp_path / "none.toml")


def test_a_policy_is_utf_8(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes("[policy]\nname = 'größer'".encode("latin-1"))
    with pytest.raises(undeliverable.KnowledgeError, match="not TOML: 'utf-8'"):
        Policy.from_file(tmp_path / "mine.toml")


# --- from reports ---------------------------------------------------------------------------------------------------

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


def test_a_bounce_gives_an_event_for_each_recipient() -> None:
    received = datetime(2026, 11, 21, tzinfo=UTC)
    for path in sorted((FIXTURES / "bounces").glob("*.eml"))[:20]:
        report = undeliverable.parse(path.read_bytes())
        failed = [
            verdict
            for verdict in report.verdicts
            if verdict.action is undeliverable.Action.FAILED and verdict.recipient
        ]
        found = suppression.events_of(report, received)
        assert [address for address, event in found if event.kind is EventKind.BOUNCE] == [v.recipient for v in failed]
        assert all(event.time <= received for _, event in found)
        assert [event.reply for _, event in found if event.kind is EventKind.BOUNCE] == [v.reply for v in failed]


def test_a_reply_gives_an_event_with_a_key_of_ones_own() -> None:
    verdict = undeliverable.classify("550 5.1.1 no such user", recipient="kim@example.org")
    made = ListEvent.of(verdict, BEGIN, key="campaign 7")
    assert (made.key, made.status, made.rule) == ("campaign 7", "5.1.1", verdict.rule.id if verdict.rule else None)
    assert fold([made], Policy.builtin()).cause is Cause.HARD_BOUNCE


def _report(kind: undeliverable.Kind, action: undeliverable.Action | None, **more: Any) -> undeliverable.Report:
    verdict = undeliverable.classify("550 5.1.1 no such user", recipient="kim@example.org")
    return undeliverable.Report(kind=kind, verdicts=(replace(verdict, action=action, **more),))


@pytest.mark.parametrize(
    ("kind", "action", "expected"),
    [
        (undeliverable.Kind.COMPLAINT, None, EventKind.COMPLAINT),
        (undeliverable.Kind.SUPPRESSED, None, EventKind.SUPPRESSION),
        (undeliverable.Kind.UNSUBSCRIBED, None, EventKind.SUPPRESSION),
        (undeliverable.Kind.DELIVERED, undeliverable.Action.DELIVERED, EventKind.DELIVERY),
        (undeliverable.Kind.DELIVERED, undeliverable.Action.RELAYED, None),
        (undeliverable.Kind.DELAY, undeliverable.Action.DELAYED, None),
        (undeliverable.Kind.AUTO_REPLY, None, None),
        (undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED, EventKind.BOUNCE),
    ],
)
def test_kinds_of_reports(
    kind: undeliverable.Kind, action: undeliverable.Action | None, expected: EventKind | None
) -> None:
    found = suppression.events_of(_report(kind, action), BEGIN)
    assert [event.kind for _, event in found] == ([] if expected is None else [expected])


def test_a_complaint_and_an_unsubscription_about_one_message_are_two_events() -> None:
    keys = {
        suppression.events_of(_report(kind, None), BEGIN)[0][1].key
        for kind in (undeliverable.Kind.COMPLAINT, undeliverable.Kind.UNSUBSCRIBED)
    }
    assert len(keys) == 2


def test_a_service_is_named_with_its_own_words() -> None:
    told = undeliverable.Event(id="1", service="example", type="bounce", class_="Permanent")
    report = replace(_report(undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED), event=told)
    ((_, made),) = suppression.events_of(report, BEGIN)
    assert (made.who, made.vendor) == ("example", "bounce Permanent")


def test_dates_of_strangers_do_not_reach_into_the_future() -> None:
    report = _report(
        undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED, last_attempt_date=BEGIN + timedelta(days=99)
    )
    assert suppression.events_of(report, BEGIN)[0][1].time == BEGIN


def test_a_recipient_without_a_name_has_no_event() -> None:
    assert not suppression.events_of(
        _report(undeliverable.Kind.BOUNCE, undeliverable.Action.FAILED, recipient=None), BEGIN
    )


def test_the_machine_reads_no_clock_and_imports_the_public_core_only() -> None:
    for path in Path(suppression.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not {
            name
            for name in called
            if name.endswith((".now", ".utcnow", ".today")) or name in {"time.time", "time.monotonic"}
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("undeliverable"):
                module = node.module or ""
                assert module in {"undeliverable", "undeliverable.data"} or module.startswith(
                    "undeliverable.suppression"
                )
