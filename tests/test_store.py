"""The list in its database; every test on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
import json
import secrets
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

import undeliverable
from tests.suppression_words import BEGIN, WORDS, event, history
from undeliverable import Proof
from undeliverable.store import AddressIdentity, Outcome, StoreError, SuppressionList
from undeliverable.store._engine import engine_for, reading, writing
from undeliverable.store._migrations import SCHEMA, migrate
from undeliverable.suppression import AddressState, Cause, EventKind, ListEvent, Policy, Standing, fold

LATER = BEGIN + timedelta(days=400)


def test_a_list_begins_empty_and_keeps_what_it_takes(place: str) -> None:
    with SuppressionList(place) as known:
        assert len(known) == 0
        assert known.record([("Kim@Example.ORG", event(0, "hard", reply="550 5.1.1 no such user"))]).new == 1
    with SuppressionList(place, create=False) as known:
        assert known.is_suppressed("kim@example.org")
        entry = known.get("KIM@example.org")
        assert entry is not None
        assert (entry.address, entry.shown, entry.state.cause) == (
            "kim@example.org",
            "Kim@Example.ORG",
            Cause.HARD_BOUNCE,
        )
        assert entry.trigger is not None
        assert entry.trigger.reply == "550 5.1.1 no such user"
        assert known.get("lee@example.org") is None
        assert known.state("lee@example.org") is None
        assert known.history("lee@example.org") == ()
        assert known.policy == Policy.builtin()


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_file_that_another_process_is_just_making_is_waited_for(tmp_path: Path, lock: str) -> None:
    place = tmp_path / "list.db"
    other = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
    other.execute(f"BEGIN {lock}")
    released = threading.Event()

    def release() -> None:
        released.set()
        other.execute("COMMIT")

    timer = threading.Timer(0.2, release)
    timer.start()
    with SuppressionList(place) as known:
        assert released.is_set()
        assert known.record([("kim@example.org", event(0, "hard"))]).new == 1
    timer.join()
    other.close()


def test_an_event_is_kept_once(place: str) -> None:
    with SuppressionList(place) as known:
        same = ("kim@example.org", event(0, "soft"))
        assert known.record([same, same]) == Outcome(new=1, known=1)
        assert known.record([same]) == Outcome(known=1)
        assert known.history("kim@example.org") == (same[1],)


def test_the_same_key_of_two_addresses_is_two_events(place: str) -> None:
    with SuppressionList(place) as known:
        one = event(0, "hard", "k")
        assert known.record([("kim@example.org", one), ("lee@example.org", one)]).new == 2


def test_of_one_key_the_better_proved_harder_and_earlier_event_counts(place: str) -> None:
    with SuppressionList(place) as known:
        known.record([("kim@example.org", event(5, "soft", "k", reply="second"))])
        assert known.record([("kim@example.org", event(2, "hard", "k", reply="harder"))]).suppressed
        assert known.record([("kim@example.org", event(1, "soft", "k", reply="softer"))]) == Outcome(known=1)
        outcome = known.record([("kim@example.org", event(1, "hard", "k", reply="first"))])
        assert outcome == Outcome(known=1)
        (kept,) = known.history("kim@example.org")
        assert (kept.reply, kept.time) == ("first", BEGIN + timedelta(days=1))
        # And in one batch, with the same time.
        one, two = event(9, "hard", "j"), event(9, "soft", "j")
        known.record([("lee@example.org", one), ("lee@example.org", two)])
        assert known.history("lee@example.org") == (min(one, two, key=lambda item: item.precedence),)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_any_duplication_gives_the_same_list(
    data: st.DataObject, places: Callable[[], str], tmp_path: Path
) -> None:
    rows = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(["kim@example.org", "lee@example.net"]),
                st.builds(
                    lambda hour, word, key: event(hour / 24, word, f"k{key}"),
                    st.integers(0, 24 * 60), st.sampled_from(sorted(WORDS)), st.integers(0, 9),
                ),
            ),
            max_size=20,
        )
    )  # fmt: skip
    again = data.draw(st.permutations(rows + rows[: len(rows) // 2]))
    # One database for all examples: each has names of its own.
    run = secrets.token_hex(8)  # Hypothesis seeds `random`
    cuts = sorted(data.draw(st.lists(st.integers(0, len(again)), max_size=3)))
    with SuppressionList(_shared(places, tmp_path)) as known:
        for begin, end in zip([0, *cuts], [*cuts, len(again)], strict=True):
            known.record((f"{run}{address}", item) for address, item in again[begin:end])
        for name in {address for address, _ in rows}:
            events = [item for address, item in rows if address == name]
            assert known.state(f"{run}{name}") == fold(events, known.policy)
            assert len(known.history(f"{run}{name}")) == len({item.key for item in events})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 240), st.sampled_from(["hard", "soft", "full", "delivery"]), st.integers(1, 3)),
        max_size=30,
    ),
    cuts=st.lists(st.integers(0, 30), max_size=3),
)
def test_repeats_of_a_token_give_the_same_list_in_any_order(
    rows: list[tuple[int, str, int]], cuts: list[int], places: Callable[[], str], tmp_path: Path
) -> None:
    events = [
        event(hour / 24, word, f"k{number}", token=f"a/2026-01-0{day}/7", proof=Proof.TOKEN)
        for number, (hour, word, day) in enumerate(rows)
    ]
    name = f"{secrets.token_hex(8)}@example.org"
    with SuppressionList(_shared(places, tmp_path)) as known:
        for begin, end in itertools.pairwise([0, *sorted(cuts), len(events)]):
            known.record((name, item) for item in events[begin:end])
        assert (known.state(name) or AddressState()) == fold(events, known.policy)


def test_little_is_kept_of_what_nothing_proves(place: str) -> None:
    with SuppressionList(place, require_proof="required") as known:
        known.record([("kim@example.org", event(0, "soft", proof=Proof.OWN))])
        forged = [event(day, "hard", proof=Proof.UNPROVED, reply="x" * 60_000) for day in range(9)]
        assert known.record(("kim@example.org", one) for one in forged).ignored == 9
        assert [len(one.reply or "") for one in known.ignored("kim@example.org")] == [1000] * 5


def repeated(second: int, token: str, word: str = "hard", **more: Any) -> tuple[str, ListEvent]:
    key = f"{token} {second}"
    return "attacker@evil.org", event(
        5 + second / 86_400, word, key, token=token, proof=Proof.TOKEN, provider="google", **more
    )


def test_a_token_cannot_fill_the_list(place: str) -> None:
    with SuppressionList(place) as known:
        for token in ("a/2026-01-04/1", "a/2026-01-03/2"):
            for begin in (1_000, 1_100, 1_200):
                outcome = known.record(repeated(second, token) for second in range(begin, begin + 100))
                assert (outcome.new, outcome.known) == ((5, 95) if begin == 1_000 else (0, 100))
            assert known.record([repeated(0, token)]).new == 1  # it was received first, and counts
        assert len(known.history("attacker@evil.org")) == 12


@pytest.mark.parametrize("word", ["hard", "soft", "delivery"])
def test_a_token_says_once_what_was_tried(place: str, word: str) -> None:
    """Neither repeats nor tokens of before a reactivation begin a hold, or end one."""
    with SuppressionList(place) as known:
        known.record([repeated(0, "a/2026-01-03/1")])
        known.reactivate("attacker@evil.org", why="subscribed again", at=BEGIN + timedelta(days=5, hours=1))
        for token in ("a/2026-01-03/1", "a/2026-01-03/2", "a/2026-01-07/3"):
            for part in range(100):
                begin = 4_000 + 900 * part
                known.record(repeated(second, token, word) for second in range(begin, begin + 5))
        assert known.holds(BEGIN + timedelta(days=7)) == ()
        with reading(known._engine) as connection:
            (counts,) = connection.execute(
                text("SELECT counts FROM undeliverable_traffic WHERE provider = 'google'")
            ).one()
        assert sum(sum(slot[1:]) for slot in json.loads(counts)[0]) == 2


def _shared(places: Callable[[], str], tmp_path: Path) -> str:
    mark = tmp_path / "shared"
    if not mark.exists():
        mark.write_text(places())
    return mark.read_text()


def test_filter_keeps_order_and_spelling(place: str) -> None:
    with SuppressionList(place) as known:
        known.record([("kim@example.org", event(0, "hard")), ("lee@example.org", event(0, "soft"))])
        given_ = ["b@example.net", "KIM@EXAMPLE.ORG", "lee@example.org", " a@example.net ", "b@example.net", "", "none"]
        assert list(known.filter(given_)) == [given_[0], *given_[2:]]
        assert [off for _, off in known.check(given_)] == [False, True, False, False, False, False, False]


def test_filter_knows_when_a_suppression_ends(place: str) -> None:
    with SuppressionList(place, policy=Policy.builtin("discourse")) as known:
        known.record(("kim@example.org", item) for item in history([(0, "hard"), (1, "hard")]))
        assert list(known.filter(["kim@example.org"], BEGIN + timedelta(days=30))) == []
        assert list(known.filter(["kim@example.org"], BEGIN + timedelta(days=31))) == ["kim@example.org"]
        assert known.stats(BEGIN + timedelta(days=30)).standings == {"suppressed": 1}
        assert known.stats(BEGIN + timedelta(days=31)).standings == {"clear": 1}


def test_by_hand_with_who_and_why(place: str) -> None:
    with SuppressionList(place) as known:
        assert known.suppress("kim@example.org", who="lee", why="asked for it", at=BEGIN).suppressed == (
            "kim@example.org",
        )
        outcome = known.reactivate("kim@example.org", who="lee", why="changed their mind", at=BEGIN + timedelta(days=1))
        assert outcome.released == ("kim@example.org",)
        state = known.state("kim@example.org")
        assert state is not None
        assert state.reactivated is not None
        assert (state.reactivated.who, state.reactivated.why) == ("lee", "changed their mind")
        assert [item.kind for item in known.history("kim@example.org")] == [
            EventKind.SUPPRESSION,
            EventKind.REACTIVATION,
        ]
        assert known.record([("kim@example.org", event(2, "hard"))]).suppressed == ("kim@example.org",)


def test_what_is_forgotten_stays_suppressed_and_unknown(place: str) -> None:
    with SuppressionList(place) as known:
        known.record([("kim@example.org", event(0, "hard")), ("lee@example.org", event(0, "soft"))])
        assert known.forget("Kim@Example.org")
        assert known.forget("lee@example.org")
        assert not known.forget("kim@example.org")
        assert list(known.entries()) == []
        assert list(known.filter(["kim@example.org", "lee@example.org"])) == ["lee@example.org"]
        assert known.record([("kim@example.org", event(1, "hard"))]) == Outcome(forgotten=1)
        assert known.record([("lee@example.org", event(1, "soft"))]).new == 1
        assert known.stats().forgotten == 1
        engine = engine_for(place, create=False)
        with reading(engine) as connection:
            for table in ("meta", "addresses", "events", "forgotten"):
                rows = connection.execute(text(f"SELECT * FROM undeliverable_{table}")).all()
                assert "kim@" not in repr(rows)
        engine.dispose()
        assert known.reactivate("kim@example.org", why="they are back").new == 1
        assert not known.is_suppressed("kim@example.org")
        assert known.stats().forgotten == 0


def test_a_forgotten_suppression_ends_when_it_would_have(place: str) -> None:
    with SuppressionList(place) as known:
        known.suppress("kim@example.org", until=BEGIN + timedelta(days=2), at=BEGIN)
        known.forget("kim@example.org", BEGIN + timedelta(days=1))
        assert known.is_suppressed("kim@example.org", BEGIN + timedelta(days=1))
        assert not known.is_suppressed("kim@example.org", BEGIN + timedelta(days=2))


def test_another_policy_judges_every_history_anew(place: str) -> None:
    with SuppressionList(place) as known:
        known.record((f"u{number}@example.org", event(0, "hard")) for number in range(30))
        known.set_policy(Policy.builtin("mailman3"))
        assert known.policy == Policy.builtin("mailman3")
        assert known.stats().standings == {"counting": 30}
        known.set_policy(Policy.builtin())
        assert known.stats().standings == {"suppressed": 30}


def test_raw_replies_are_kept_as_long_as_they_may(place: str) -> None:
    with SuppressionList(place) as known:
        assert known.keep_replies is None
        known.record(
            [("kim@example.org", event(0, "hard", reply="old")), ("kim@example.org", event(9, "hard", reply="new"))]
        )
        assert known.tidy(LATER) == 0
        known.keep_replies = timedelta(days=5)
        assert known.keep_replies == timedelta(days=5)
        assert known.tidy(BEGIN + timedelta(days=10)) == 1
        before = known.state("kim@example.org")
        assert [item.reply for item in known.history("kim@example.org")] == [None, "new"]
        # The same event again does not bring the reply back, and folding anew needs none.
        assert known.record([("kim@example.org", event(0, "hard", reply="old"))]).known == 1
        known.set_policy(known.policy)
        assert known.state("kim@example.org") == before
        known.keep_replies = None
        assert known.keep_replies is None


def test_entries_one_after_the_other(place: str) -> None:
    with SuppressionList(place) as known:
        words = ["hard", "soft", "complaint", "delivery"]
        known.record((f"u{number}@example.org", event(0, words[number % 4])) for number in range(2_400))
        assert len(list(known.entries())) == 2_400
        assert {entry.state.cause for entry in known.entries(suppressed=True)} == {Cause.HARD_BOUNCE, Cause.COMPLAINT}
        assert len(list(known.entries(suppressed=False))) == 1_200
        complaints = list(known.entries(cause=Cause.COMPLAINT))
        assert len(complaints) == 600
        assert all(entry.trigger for entry in complaints)
        stats = known.stats()
        assert (stats.addresses, stats.events) == (2_400, 2_400)
        assert stats.standings == {"suppressed": 1_200, "counting": 600, "clear": 600}
        assert stats.causes == {"hard_bounce": 600, "complaint": 600}
        assert stats.reasons == {"user_unknown": 600}


def test_reports_go_in_whole(place: str) -> None:
    raw = (Path(__file__).resolve().parent.parent / "fixtures/bounces/exim-mixed.eml").read_bytes()
    report = undeliverable.parse(raw)
    with SuppressionList(place) as known:
        assert known.record_report(report).new == len(report.verdicts)
        assert known.record_report(report).known == len(report.verdicts)
        for verdict in report.verdicts:
            assert verdict.recipient is not None
            (kept,) = known.history(verdict.recipient)
            assert (kept.reply, kept.rule) == (verdict.reply, verdict.rule.id if verdict.rule else None)


HOSTILE = [
    "a\0b@example.org",
    "\udcff@example.org",
    "x" * 5000 + "@example.org",
    "@",
    "'; DROP TABLE x; --@example.org",
    "é" * 600,
]


@pytest.mark.parametrize("address", HOSTILE, ids=range(len(HOSTILE)))
def test_strange_addresses_and_replies_are_taken(address: str, place: str) -> None:
    strange = event(0, "hard", "k\0\udcff" + "x" * 5000, reply="\0 \udcff \x1b[31m", why="\udcff\0")
    with SuppressionList(place) as known:
        assert known.record([(address, strange)]).new == 1
        assert known.record([(address, strange)]).known == 1
        assert known.is_suppressed(address)
        (kept,) = known.history(address)
        assert (kept.reply, kept.why) == (strange.reply, strange.why)
        known.set_policy(known.policy)
        entry = known.get(address)
        assert entry is not None
        assert entry.trigger == kept


# --- opening --------------------------------------------------------------------------------------------------------


def test_a_list_that_is_not_there(tmp_path: Path, places: Callable[[], str]) -> None:
    with pytest.raises(StoreError, match=r"no (such )?list"):
        SuppressionList(places(), create=False)
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreError, match="no list in this database"):
        SuppressionList(tmp_path / "empty.db", create=False)


@pytest.mark.parametrize(
    ("place_", "words"),
    [
        ("mysql://localhost/x", "expected sqlite or postgresql"),
        ("://", "not a database URL"),
        ("nonsense://x/y", "unknown database 'nonsense'"),
        ("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", "refused"),
        ("postgresql+nodriver://x/y", "driver"),
        ("/nowhere/at/all/list.db", "unable to open"),
    ],
)
def test_a_list_that_cannot_be_opened(place_: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        SuppressionList(place_)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "mail.txt").write_text("From: kim@example.org\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        SuppressionList(tmp_path / "mail.txt")


def test_a_postgres_url_by_its_short_name(postgres: str) -> None:
    from tests.conftest import new_database

    with SuppressionList(new_database(postgres).replace("postgresql://", "postgres://")) as known:
        assert len(known) == 0
        assert "postgres" in repr(known)


def test_a_later_version_is_refused(place: str) -> None:
    SuppressionList(place).close()
    _set_version(place, SCHEMA + 1)
    with pytest.raises(StoreError, match="update undeliverable"):
        SuppressionList(place)


def _set_version(place: str, version: int) -> None:
    engine = engine_for(place, create=False)
    change = text("UPDATE undeliverable_meta SET value = :version WHERE name = 'schema'")
    writing(engine, lambda connection: connection.execute(change, {"version": str(version)}))
    engine.dispose()


# --- when two spellings are one address -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kim@example.org", "kim@EXAMPLE.org"),
        ("kim@example.org", " kim@example.org. "),
        ("kim@example.org", "Kim@example.org"),
        ("kim@bücher.example", "kim@xn--bcher-kva.example"),
        ("kim@BÜCHER.example", "kim@xn--BCHER-kva.example"),
        ("kim@bu\u0308cher.example", "kim@bücher.example"),
        ("jose\u0301@example.org", "josé@example.org"),
        ('"kim"@example.org', "kim@example.org"),
    ],
)
def test_one_address(one: str, other: str) -> None:
    assert AddressIdentity().of(one) == AddressIdentity().of(other)


@pytest.mark.parametrize(
    ("one", "other", "options"),
    [
        ("kim+news@example.org", "kim@example.org", {"without_tags": True}),
        ("k.i.m@gmail.com", "kim@gmail.com", {"without_dots": True}),
        ("k.i.m@GoogleMail.com", "kim@gmail.com", {"without_dots": True}),
    ],
)
def test_one_address_on_request(one: str, other: str, options: dict[str, bool]) -> None:
    assert AddressIdentity().of(one) != AddressIdentity().of(other)
    assert AddressIdentity(**options).of(one) == AddressIdentity(**options).of(other)


@pytest.mark.parametrize(
    ("one", "other", "options"),
    [
        ("kim@example.org", "Kim@example.org", {"case_matters": True}),
        ("k.im@example.org", "kim@example.org", {"without_dots": True}),
        ('"a b+c"@example.org', '"a b"@example.org', {"without_tags": True}),
        ("+kim@example.org", "@example.org", {"without_tags": True}),
        ("kim@-bücher-.example", "kim@bücher.example", {}),
        ("groß@example.org", "gross@example.org", {}),
        ("ΣΊΣΥΦΟΣ@example.org", "σίσυφος@example.org", {}),
    ],
)
def test_two_addresses(one: str, other: str, options: dict[str, bool]) -> None:
    assert AddressIdentity(**options).of(one) != AddressIdentity(**options).of(other)


@given(st.text(max_size=80))
def test_the_form_of_a_form_is_itself(address: str) -> None:
    for options in ({}, {"without_tags": True, "without_dots": True}, {"case_matters": True}):
        identity = AddressIdentity(**options)
        once = identity.of(address)
        assert "\0" not in once
        assert len(once.encode()) <= 400


def test_a_list_compares_as_it_was_made(place: str) -> None:
    tags = AddressIdentity(without_tags=True)
    with SuppressionList(place, identity=tags) as known:
        known.record([("kim+a@example.org", event(0, "hard"))])
    with SuppressionList(place) as known:
        assert known.identity == tags
        assert known.is_suppressed("kim+b@example.org")
    with pytest.raises(StoreError, match="compares addresses differently"):
        SuppressionList(place, identity=AddressIdentity())


def test_times_without_a_zone_by_hand_are_utc(place: str) -> None:
    with SuppressionList(place) as known:
        known.suppress("kim@example.org", at=datetime(2026, 1, 1))  # noqa: DTZ001
        assert known.history("kim@example.org")[0].time == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_state_is_json_in_the_database(place: str) -> None:
    with SuppressionList(place) as known:
        known.record([("kim@example.org", event(0, "hard"))])
    engine = engine_for(place, create=False)
    with reading(engine) as connection:
        stored = json.loads(connection.execute(text("SELECT state FROM undeliverable_addresses")).scalar_one())
    engine.dispose()
    assert stored["standing"] == Standing.SUPPRESSED
    assert isinstance(ListEvent.from_dict({"kind": "delivery", "time": "2026-01-01", "key": "k"}), ListEvent)


def test_tables_that_another_process_has_brought_up_to_date_stay_as_they_are(place: str) -> None:
    with SuppressionList(place) as known:
        known.record([("kim@example.org", event(0, "hard"))])
        writing(known._engine, migrate)
        assert known.is_suppressed("kim@example.org")
