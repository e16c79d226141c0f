"""The proof that a list requires: kept with the list, and events without it change nothing but numbers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.suppression_words import BEGIN, WORDS, event
from undeliverable import Proof
from undeliverable.store import Outcome, StoreError, SuppressionList
from undeliverable.store._engine import reading
from undeliverable.store._records import stamp
from undeliverable.store._schema import ADDRESSES, IGNORED, PROOFS, TRAFFIC
from undeliverable.suppression import ListEvent, RequireProof, fold

KIM, LEE = "kim@example.org", "lee@example.net"
PROOFS_OF_ALL = (None, *Proof)


def numbers(known: SuppressionList, at: datetime = BEGIN) -> dict[str, int]:
    return dict(known.stats(at).ignored)


def rows(known: SuppressionList, table: Any) -> int:
    with reading(known._engine) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


# --- the setting ----------------------------------------------------------------------------------------------------


def test_a_new_list_prefers_proof(place: str) -> None:
    with SuppressionList(place) as known:
        assert known.require_proof is RequireProof.PREFERRED
    for given_ in (None, "preferred", RequireProof.PREFERRED):
        with SuppressionList(place, require_proof=given_) as known:
            assert known.require_proof is RequireProof.PREFERRED


@pytest.mark.parametrize("require", RequireProof)
def test_the_proof_that_is_required_is_kept(require: RequireProof, places: Callable[[], str]) -> None:
    place = places()
    with SuppressionList(place, require_proof=str(require)):
        pass
    with SuppressionList(place) as known:
        assert known.require_proof is require


def test_a_list_is_not_opened_with_another_requirement_than_its_own(place: str) -> None:
    with SuppressionList(place, require_proof="required"):
        pass
    with pytest.raises(StoreError) as error:
        SuppressionList(place, require_proof="off")
    assert "require_proof required, not off" in str(error.value)
    assert "set_require_proof()" in str(error.value)
    with SuppressionList(place) as known:
        assert known.require_proof is RequireProof.REQUIRED


def test_an_unknown_requirement_names_the_known_ones(place: str) -> None:
    with pytest.raises(
        StoreError, match="unknown value 'always' of require_proof; expected one of required, preferred, off"
    ):
        SuppressionList(place, require_proof="always")
    with SuppressionList(place) as known, pytest.raises(StoreError, match="expected one of required, preferred, off"):
        known.set_require_proof("never")


def test_a_changed_requirement_evaluates_all_histories_anew(place: str) -> None:
    with SuppressionList(place, require_proof="off") as known:
        known.record([(KIM, event(0, "hard", proof=Proof.UNPROVED)), (LEE, event(0, "hard", proof=Proof.TOKEN))])
        known.record([("sam@example.org", event(0, "hard"))])
        histories = {address: known.history(address) for address in (KIM, LEE)}
        for require, expected in (
            ("required", {LEE}),
            ("preferred", {LEE, "sam@example.org"}),
            (RequireProof.OFF, {KIM, LEE, "sam@example.org"}),
        ):
            known.set_require_proof(require)
            assert known.require_proof == require
            assert {entry.address for entry in known.entries(suppressed=True, at=BEGIN + timedelta(1))} == expected
        assert {address: known.history(address) for address in (KIM, LEE)} == histories


def test_what_was_ignored_stays_ignored(place: str) -> None:
    with SuppressionList(place, require_proof="required") as known:
        known.record([(KIM, event(0, "delivery", proof=Proof.OWN)), (KIM, event(1, "hard"))])
        known.set_require_proof("off")
        assert not known.is_suppressed(KIM)
        assert len(known.ignored(KIM)) == 1
        # The same report, sent again, counts now.
        assert known.record([(KIM, event(1, "hard"))]).suppressed == (KIM,)


@pytest.mark.parametrize("require", RequireProof)
def test_what_counts_is_what_the_requirement_accepts(require: RequireProof, places: Callable[[], str]) -> None:
    with SuppressionList(places(), require_proof=require) as known:
        for number, proof in enumerate(PROOFS_OF_ALL):
            address = f"a{number}@example.org"
            outcome = known.record([(address, event(0, "hard", proof=proof))])
            accepted = require.accepts(proof)
            assert outcome == Outcome(
                new=int(accepted), ignored=int(not accepted), suppressed=(address,) if accepted else ()
            )
            assert known.is_suppressed(address) is accepted


# --- what is ignored ------------------------------------------------------------------------------------------------


def test_an_address_of_which_only_ignored_events_tell_gets_no_row(place: str) -> None:
    with SuppressionList(place) as known:
        outcome = known.record((f"a{number}@example.org", _forged(0, "hard")) for number in range(50))
        assert outcome == Outcome(ignored=50)
        assert len(known) == 0
        assert (rows(known, ADDRESSES), rows(known, IGNORED), rows(known, TRAFFIC)) == (0, 0, 0)
        assert known.get("a1@example.org") is None
        assert known.ignored("a1@example.org") == ()
        assert numbers(known) == {"unproved": 50}


def test_of_a_known_address_the_first_five_are_kept(place: str) -> None:
    with SuppressionList(place) as known:
        known.record([(KIM, event(0, "soft"))])
        before, history = known.get(KIM), known.history(KIM)
        forged = [_forged(1 + number / 24, "hard", f"f{number}", reply="550 no such user") for number in range(9)]
        assert known.record([("Kim@EXAMPLE.org", forged[0])]).ignored == 1
        assert known.record((KIM, item) for item in forged[1:4]).ignored == 3
        assert known.record((KIM, item) for item in forged[4:]).ignored == 5
        assert known.ignored(KIM) == tuple(forged[:5])
        assert known.get(KIM) == before
        assert known.history(KIM) == history
        assert numbers(known, BEGIN + timedelta(1)) == {"unproved": 9}


def test_ignored_events_are_counted_by_day_and_proof(place: str) -> None:
    with SuppressionList(place, require_proof="required") as known:
        known.record([(KIM, event(0, "soft", proof=Proof.OWN))])
        for day, proof, number in ((1, None, 3), (1, Proof.UNPROVED, 2), (2, Proof.MATCHED, 1), (29, None, 4)):
            known.record((f"s{at}@example.org", event(day, "hard", f"{at}", proof=proof)) for at in range(number))
        with reading(known._engine) as connection:
            found = {(row.day - stamp(BEGIN) // 86_400_000_000, row.proof): (row.taken, row.ignored)
                     for row in connection.execute(select(PROOFS))}  # fmt: skip
        assert found == {
            (0, "own"): (1, 0), (1, "none"): (0, 3), (1, "unproved"): (0, 2), (2, "matched"): (0, 1), (29, "none"): (0, 4),
        }  # fmt: skip
        # The days that are shown are the last 28.
        assert numbers(known, BEGIN + timedelta(1)) == {"none": 3, "unproved": 2}
        assert numbers(known, BEGIN + timedelta(28)) == {"none": 3, "unproved": 2, "matched": 1}
        assert numbers(known, BEGIN + timedelta(29)) == {"none": 4, "matched": 1}


def test_a_kept_event_that_comes_again_is_counted_once(place: str) -> None:
    with SuppressionList(place) as known:
        known.record([(KIM, event(0, "soft"))])
        forged = (KIM, _forged(0, "hard"))
        assert known.record([forged, forged]).ignored == 2
        assert known.record([forged]).ignored == 1
        assert len(known.ignored(KIM)) == 1
        assert numbers(known) == {"unproved": 1}


@pytest.mark.parametrize("is_first", [True, False])
def test_an_ignored_event_never_takes_the_place_of_a_genuine_one(is_first: bool, place: str) -> None:
    genuine, forged = event(1, "soft", "k", proof=Proof.TOKEN), _forged(0, "hard", "k")
    with SuppressionList(place) as known:
        known.record([(KIM, event(0, "delivery"))])
        for item in (forged, genuine) if is_first else (genuine, forged):
            known.record([(KIM, item)])
        assert known.history(KIM)[1:] == (genuine,)
        assert known.ignored(KIM) == (forged,)
        assert known.state(KIM) == fold([event(0, "delivery"), genuine], known.policy)


def test_scopes_ignore_for_themselves(place: str) -> None:
    with SuppressionList(place, scope="acme") as acme, SuppressionList(place, scope="other") as other:
        for known in (acme, other):
            known.record([(KIM, event(0, "soft"))])
        acme.record([(KIM, _forged(1, "hard"))])
        assert (len(acme.ignored(KIM)), len(other.ignored(KIM))) == (1, 0)
        assert (numbers(acme, BEGIN + timedelta(1)), numbers(other, BEGIN + timedelta(1))) == ({"unproved": 1}, {})


def test_a_forgotten_address_is_forgotten_with_what_was_ignored(place: str) -> None:
    with SuppressionList(place) as known:
        known.record([(KIM, event(0, "soft")), (KIM, _forged(1, "hard")), (LEE, event(0, "soft"))])
        known.record([(LEE, _forged(1, "hard"))])
        assert known.forget(KIM)
        assert rows(known, IGNORED) == 1
        assert known.ignored(KIM) == ()


def test_tidying_drops_what_was_ignored_after_sixty_days(place: str) -> None:
    with SuppressionList(place) as known:
        known.record([(KIM, event(0, "soft"))])
        known.record([(KIM, _forged(1, "hard")), (KIM, _forged(30, "hard"))])
        known.tidy(BEGIN + timedelta(60))
        assert rows(known, IGNORED) == 2
        known.tidy(BEGIN + timedelta(62))
        assert [item.time for item in known.ignored(KIM)] == [BEGIN + timedelta(30)]
        assert rows(known, PROOFS) == 1


# --- the warning ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "today", "is_warned"),
    [
        ((0, 0), (0, 0), False),
        ((0, 0), (100, 0), False),
        ((0, 0), (0, 19), False),  # too few to mean something
        ((0, 0), (0, 20), True),
        ((0, 0), (29, 30), True),  # most of all
        ((600, 6), (200, 20), False),
        ((600, 6), (200, 60), True),  # a jump
        ((140, 60), (140, 60), False),  # as usual
    ],
)
def test_a_jump_of_what_is_ignored_is_warned_of(
    before: tuple[int, int], today: tuple[int, int], is_warned: bool, tmp_path: Path
) -> None:
    with SuppressionList(tmp_path / "list.db") as known:
        for day, (taken, ignored) in ((3, before), (5, today)):
            known.record((f"t{at}@example.org", event(day, "delivery", f"{day}")) for at in range(taken))
            known.record((f"i{at}@example.org", _forged(day, "hard", f"{day}")) for at in range(ignored))
        text = next(iter(known.stats(BEGIN + timedelta(5)).warnings), None)
        assert (text is not None) is is_warned
        if text is not None:
            assert f"{today[1]:,} of {sum(today):,} events today had no proof and were ignored" in text
        assert known.stats(BEGIN + timedelta(60)).warnings == ()


# --- the law --------------------------------------------------------------------------------------------------------

_UNACCEPTED = {"required": (None, Proof.MATCHED, Proof.UNPROVED), "preferred": (Proof.UNPROVED,)}
_ITEM = st.tuples(
    st.booleans(),
    st.sampled_from([KIM, LEE]),
    st.integers(0, 24 * 60),
    st.sampled_from(sorted(WORDS)),
    st.integers(0, 5),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), require=st.sampled_from(sorted(_UNACCEPTED)))
def test_no_mix_of_unaccepted_events_changes_entries_states_or_histories(
    data: st.DataObject, require: str, lists: dict[str, SuppressionList]
) -> None:
    drawn = data.draw(st.lists(_ITEM, max_size=20))
    run, proofs = secrets.token_hex(8), st.sampled_from(_UNACCEPTED[require])
    mixed: list[tuple[str, ListEvent]] = []
    for is_forged, address, hour, word, key in drawn:
        proof = data.draw(proofs) if is_forged else data.draw(st.sampled_from([Proof.TOKEN, Proof.OWN, Proof.SIGNED]))
        mixed.append((address, event(hour / 24, word, f"k{key}", proof=proof)))
    genuine = [row for row, (is_forged, *_) in zip(mixed, drawn, strict=True) if not is_forged]
    cut = data.draw(st.integers(0, len(mixed)))
    known = lists[require]
    known.record((f"g{run}{address}", item) for address, item in genuine)
    ignored = 0
    for part in (mixed[:cut], mixed[cut:]):
        ignored += known.record((f"m{run}{address}", item) for address, item in part).ignored
    assert ignored == len(mixed) - len(genuine)
    for address in (KIM, LEE):
        pure, mix = known.get(f"g{run}{address}"), known.get(f"m{run}{address}")
        assert known.history(f"m{run}{address}") == known.history(f"g{run}{address}")
        assert len(known.ignored(f"m{run}{address}")) <= 5
        assert (pure is None) == (mix is None)
        if pure is not None and mix is not None:
            assert (mix.state, mix.trigger) == (pure.state, pure.trigger)
            at = BEGIN + timedelta(days=90)
            assert known.is_suppressed(mix.address, at) == known.is_suppressed(pure.address, at)


@pytest.fixture
def lists(places: Callable[[], str]) -> Iterator[dict[str, SuppressionList]]:
    """One list for each requirement, for all examples: each has names of its own."""
    found = {require: SuppressionList(places(), require_proof=require) for require in sorted(_UNACCEPTED)}
    yield found
    for known in found.values():
        known.close()


def _forged(day: float, word: str, key: str = "", **more: Any) -> ListEvent:
    return event(day, word, key, proof=Proof.UNPROVED, **more)
