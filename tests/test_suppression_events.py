"""Events: what proves them, what makes two of them one, and what a release voids."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import undeliverable
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

PROVED = (Proof.TOKEN, Proof.SIGNED, Proof.OWN)


@pytest.mark.parametrize(
    ("require", "accepted"),
    [
        (RequireProof.REQUIRED, {*PROVED}),
        (RequireProof.PREFERRED, {*PROVED, Proof.MATCHED, None}),
        (RequireProof.OFF, {*Proof, None}),
    ],
)
def test_which_proofs_are_accepted(require: RequireProof, accepted: set[Proof | None]) -> None:
    assert {proof for proof in (*Proof, None) if require.accepts(proof)} == accepted


# --- two events that are the same -----------------------------------------------------------------------------------

# The best first. Those of one group are equally good, but for what is received first.
RANKED = [
    [event(day, word, "k", proof=proof) for proof in proofs]
    for proofs in (PROVED, (Proof.MATCHED,), (None,), (Proof.UNPROVED,))
    for word in ("complaint", "suppression", "hard", "soft", "undetermined", "delivery")
    for day in (1, 2)
]


def test_the_better_proof_counts_then_the_harder_event_then_the_earlier_receipt() -> None:
    flat = [one for group in RANKED for one in group]
    for number, group in enumerate(RANKED):
        for one, other in itertools.product(group, flat[sum(map(len, RANKED[: number + 1])) :]):
            assert in_order([one, other]) == in_order([other, one]) == [one]


@pytest.mark.parametrize(("proof", "forged"), [(None, None), (Proof.TOKEN, Proof.TOKEN), (Proof.TOKEN, None)])
@pytest.mark.parametrize("word", ["soft", "undetermined", "delivery"])
def test_a_softer_event_with_the_key_of_a_hard_one_frees_nobody(
    word: str, proof: Proof | None, forged: Proof | None
) -> None:
    genuine = event(5, "hard", "k", proof=proof)
    for day in (1, 5, 9):
        events = [genuine, event(day, word, "k", proof=forged)]
        for require in RequireProof:
            assert fold(events, Policy.builtin(), require) == fold([genuine], Policy.builtin(), require)


def test_a_better_proof_counts_though_it_says_less_and_comes_later() -> None:
    first, second = event(1, "hard", "k"), event(2, "soft", "k", proof=Proof.TOKEN)
    assert in_order([first, second]) == [second]


def test_of_one_event_held_and_not_held_the_latter_counts() -> None:
    held, plain = event(1, "held", "k"), event(1, "hard", "k")
    assert held.precedence == plain.precedence
    assert in_order([held, plain]) == [plain] == in_order([plain, held])


TOKEN = "a/2026-01-05/42"  # no secret


def proved(day: float, word: str, key: str = "", token: str | None = TOKEN, **more: Any) -> ListEvent:
    return event(day, word, key, proof=Proof.TOKEN, token=token, **more)


def test_a_token_that_is_used_again_is_a_repeat() -> None:
    policy = Policy.builtin("klaviyo")
    many = [proved(6 + day, "soft", f"{day}") for day in range(20)]
    assert in_order(many) == many[:1]
    assert fold(many, policy).score == 1
    others = [proved(6 + day, "soft", f"{day}", f"a/2026-01-05/{day}") for day in range(3)]
    assert fold(others, policy).score == 3


def test_of_repeats_the_better_one_counts() -> None:
    soft, hard = proved(6, "soft"), proved(7, "hard")
    assert in_order([soft, hard]) == [hard] == in_order([hard, soft])


def test_one_token_may_prove_a_failure_and_a_complaint() -> None:
    assert len(in_order([proved(6, "soft"), proved(7, "complaint")])) == 2


def test_a_repeat_that_comes_in_order_asks_for_a_fold() -> None:
    policy = Policy.builtin()
    state = fold([proved(6, "soft")], policy)
    assert (state.token_day, state.tokens) == (date(2026, 1, 5), (f"bounce:{TOKEN}",))
    assert apply(state, proved(7, "soft"), policy).effect is Effect.LATE
    assert apply(state, proved(7, "soft", token="a/2026-01-04/1"), policy).anew, "it may have been forgotten"
    assert not apply(state, proved(7, "soft", token="a/2026-01-05/1"), policy).anew
    second = apply(state, proved(7, "soft", token="a/2026-01-05/1"), policy).state
    assert apply(second, proved(8, "soft"), policy).anew, "both of this day are known"
    newer = apply(state, proved(7, "soft", token="a/2026-01-06/1"), policy).state
    assert newer.tokens == ("bounce:a/2026-01-06/1",)


@pytest.mark.parametrize(
    ("token", "standing"),
    [
        ("a/2026-01-05/1", Standing.CLEAR),
        ("a/2026-01-06/1", Standing.SUPPRESSED),
        ("a/2026-01-07/1", Standing.SUPPRESSED),
        (None, Standing.SUPPRESSED),
        ("no day", Standing.CLEAR),
        ("a/2026-13-77/1", Standing.CLEAR),
    ],
)
def test_a_message_from_before_the_reactivation_suppresses_no_more(token: str | None, standing: Standing) -> None:
    events = [proved(1, "hard", token="a/2026-01-01/1"), event(5, "reactivation"), proved(8, "hard", token=token)]
    assert fold(events, Policy.builtin()).standing is standing
    assert fold(events[::2], Policy.builtin()).standing is Standing.SUPPRESSED


# --- releases -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "voids"),
    [
        ({}, True),
        ({"provider": "google"}, True),
        ({"provider": "example.org"}, False),
        ({"reason": undeliverable.Reason.USER_UNKNOWN}, True),
        ({"reason": undeliverable.Reason.MAILBOX_FULL}, False),
        ({"since": BEGIN + timedelta(days=3)}, True),
        ({"since": BEGIN + timedelta(days=3, seconds=1)}, False),
        ({"until": BEGIN + timedelta(days=3)}, True),
        ({"until": BEGIN + timedelta(days=3, seconds=-1)}, False),
        ({"until": BEGIN + timedelta(days=99)}, True),
    ],
)
def test_a_release_voids_the_failures_that_it_describes(more: dict[str, Any], voids: bool) -> None:
    failure = event(3, "hard", provider="google")
    release = event(5, "release", **more)
    assert release.voids(failure) is voids
    for events in ([failure, release], [release, failure]):
        assert fold(events, Policy.builtin()).standing is (Standing.CLEAR if voids else Standing.SUPPRESSED)


def test_what_a_release_does_not_void() -> None:
    release = event(5, "release", until=BEGIN + timedelta(days=99))
    assert not release.voids(event(6, "hard")), "nothing that comes after it"
    at_once = {key: release.voids(event(5, "hard", key)) for key in ("5", "6")}
    assert at_once == {"5": True, "6": False}, "the order of events at one time is that of their keys"
    assert not any(release.voids(event(3, word)) for word in WORDS if word not in ("hard", "held"))
    assert not event(5, "reactivation").voids(event(3, "hard"))


def test_a_release_without_the_proof_that_is_required_is_ignored() -> None:
    events = [event(3, "hard", proof=Proof.OWN), event(5, "release")]
    assert fold(events, Policy.builtin(), RequireProof.REQUIRED).standing is Standing.SUPPRESSED
    events = [*events, event(5, "release", proof=Proof.OWN)]
    assert fold(events, Policy.builtin(), RequireProof.REQUIRED).standing is Standing.CLEAR


# --- records --------------------------------------------------------------------------------------------------------


def test_a_record_has_what_differs_from_the_default() -> None:
    one = proved(3, "hard", "k", provider="google", reported=BEGIN, held_until=BEGIN + timedelta(days=4))
    record = one.to_dict()
    assert (record["proof"], record["token"], record["provider"]) == ("token", TOKEN, "google")
    assert (record["reported"], record["held_until"]) == (BEGIN.isoformat(), "2026-01-05T00:00:00+00:00")
    assert not {"since", "until", "hearsay"} & record.keys()
    assert event(1, "hearsay").to_dict()["hearsay"] is True


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
