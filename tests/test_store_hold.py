"""A provider that answers wrongly for hours: its hard bounces are held, and one command undoes them."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.engine import Connection

from tests.conftest import new_database
from tests.suppression_words import BEGIN, event
from undeliverable import Proof, Reason
from undeliverable.store import Outcome, StoreError, SuppressionList, export_records, export_rows, read_import
from undeliverable.store._engine import reading, writing
from undeliverable.store._schema import TRAFFIC
from undeliverable.store._traffic import Traffic
from undeliverable.store._write import Writer
from undeliverable.suppression import Cause, EventKind, ListEvent, Standing, fold

Located = tuple[str, ListEvent]
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
NOON = BEGIN + 12 * HOUR


def at(time: datetime, word: str, address: str, provider: str = "google", **more: Any) -> Located:
    days = (time - BEGIN) / DAY
    return address, event(days, word, f"{time.isoformat()}:{word}", provider=provider, **more)


def burst(
    begin: datetime = NOON, number: int = 400, name: str = "a", word: str = "hard", provider: str = "google"
) -> list[Located]:
    """So many failures of as many addresses within half an hour, far more than are usual."""
    return [
        at(begin + 30 * MINUTE * n / number, word, f"{name}{n}@example.org", provider) for n in range(number)
    ]  # fmt: skip


def standings(known: SuppressionList) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in known.entries():
        found[str(entry.state.standing)] = found.get(str(entry.state.standing), 0) + 1
    return found


def totals(known: SuppressionList) -> dict[str, int]:
    """How many recipients are counted of each provider, held ones included."""
    with reading(known._engine) as connection:
        rows = connection.execute(select(TRAFFIC)).all()
    found = {}
    for row in rows:
        traffic = Traffic.from_texts(row.counts, row.spells)
        found[row.provider] = sum(sum(counts) for counts in traffic._slots.values())
    return found


@pytest.fixture
def held(place: str) -> Iterator[SuppressionList]:
    """A list on which a provider is on hold."""
    with SuppressionList(place) as known:
        known.record(burst())
        yield known


def first_held(known: SuppressionList) -> str:
    return next(entry.address for entry in known.entries() if entry.state.standing is Standing.HELD)


# --- the incident of December 2020, and ordinary days ---------------------------------------------------------------


@dataclass
class Replay:
    """Mail to a list of living and dead addresses, at a tenth of the size of a large sender."""

    seed: int
    is_fed: bool
    begin: datetime = BEGIN
    living: set[str] = field(default_factory=set[str])
    dead: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def send(
        self,
        begin: datetime,
        minutes: int,
        sent: float,
        rate: float = 0.01,
        wrong: Callable[[float], float] = lambda _: 0.0,
    ) -> Iterator[Located]:
        """Yield the answers to `sent` mails over some minutes.

        :param wrong: the share of the provider's living addresses that it answers wrongly, by the minute.
        """
        shares = {"google": 0.45, "microsoft": 0.2, "yahoo": 0.12, "gmx": 0.08, "icloud": 0.06}
        for minute in range(minutes):
            for _ in range(int(sent / minutes) + (self.random.random() < sent / minutes % 1)):
                provider = self._provider(shares)
                name = f"u{len(self.living) + len(self.dead)}@{provider}.example"
                time = begin + minute * MINUTE + self.random.random() * MINUTE
                if self.random.random() < rate:
                    self.dead.add(name)
                    yield at(time, "hard", name, provider)
                    continue
                self.living.add(name)
                if provider == "google" and self.random.random() < wrong(minute):
                    yield at(time, "hard", name, provider)
                elif self.random.random() < 0.01:
                    yield at(time, "soft", name, provider)
                elif self.is_fed:
                    yield at(time, "delivery", name, provider)

    def _provider(self, shares: dict[str, float]) -> str:
        drawn = self.random.random()
        for name, share in shares.items():
            drawn -= share
            if drawn < 0:
                return name
        return f"small{self.random.randrange(60)}"

    def gmail(self, minute: float) -> float:
        """Return the share that failed: it rose within an hour, and lasted for about six."""
        return 0.394 * min(1.0, minute / 60)


def record(known: SuppressionList, events: Iterable[Located], minutes: int = 10) -> Outcome:
    """Record events as they come in, those of some minutes at once."""
    outcome = Outcome()
    for _, part in groupby(events, key=lambda row: row[1].time.timestamp() // (60 * minutes)):
        outcome += known.record(part)
    return outcome


@pytest.mark.parametrize("is_fed", [True, False], ids=["deliveries", "bounces-only"])
def test_a_provider_that_answers_wrongly_loses_few_addresses_and_one_release_undoes_it(
    is_fed: bool, place: str
) -> None:
    replay = Replay(1, is_fed)
    with SuppressionList(place) as known:
        for day in range(2):
            record(known, replay.send(BEGIN + day * DAY + 10 * HOUR, 120, 600), 60)
        begin = BEGIN + 2 * DAY + 10 * HOUR
        outcome = record(known, replay.send(begin, 120, 4_000, wrong=replay.gmail))
        end = begin + 2 * HOUR
        assert "google" in outcome.on_hold
        off = {entry.address for entry in known.entries(suppressed=True, at=end)}
        lost = off & replay.living
        assert 0 < len(lost) <= 200
        held = {entry.address for entry in known.held(at=end)}
        assert held == set(outcome.held)
        assert len(held & replay.living) > 2 * len(lost)
        (hold,) = known.holds(end)
        assert (hold.provider, hold.held) == ("google", len(held))
        # The other providers' dead addresses are suppressed as ever.
        assert {name for name in replay.dead if "@google." not in name} <= off
        released = known.release(
            provider="google",
            reason=Reason.USER_UNKNOWN,
            since=begin,
            until=end,
            why="wrong answers",
            who="kim",
            at=end,
        )
        assert (lost | held) <= set(released.released)
        later = end + 10 * DAY
        assert not {entry.address for entry in known.entries(suppressed=True, at=later)} & replay.living
        assert not list(known.held(at=end))
        assert known.stats(later).standings.get("held", 0) == 0


@pytest.mark.parametrize("is_fed", [True, False], ids=["deliveries", "bounces-only"])
def test_on_ordinary_days_nearly_nothing_is_held(is_fed: bool, tmp_path: Path) -> None:
    replay, held = Replay(7, is_fed), 0
    with SuppressionList(tmp_path / "list.db") as known:
        for day in range(4):
            # A trickle, and a campaign.
            begin = BEGIN + day * DAY
            events = [*replay.send(begin, 1_440, 500), *replay.send(begin + (9 + day) * HOUR, 40, 900, rate=0.025)]
            held += len(record(known, sorted(events, key=lambda row: row[1].time), 60).held)
    assert len(replay.dead) > 80
    assert held <= 0.01 * len(replay.dead)


# --- what is held ---------------------------------------------------------------------------------------------------


def test_what_is_far_more_than_usual_is_held(place: str) -> None:
    with SuppressionList(place) as known:
        outcome = known.record(burst())
        assert outcome.on_hold == ("google",)
        assert outcome.new == len(outcome.held) + len(outcome.suppressed) == 400
        assert 50 <= len(outcome.suppressed) <= 250
        (hold,) = known.holds(NOON + HOUR)
        assert hold.held == len(outcome.held)
        assert hold.hard >= hold.expected * known.hold  # type: ignore[operator]
        assert hold.is_on(NOON + 30 * MINUTE)
        assert not hold.is_on(NOON + HOUR)
        assert known.stats(NOON + 30 * MINUTE).warnings == (hold.text,)
        assert hold.text.startswith("google: hard bounces are held since 2026-01-01 12:")
        assert known.stats(NOON + HOUR).warnings == ()
        assert known.holds(NOON + 29 * DAY) == (hold,)
        assert known.holds(NOON + 31 * DAY) == ()
        assert {entry.address for entry in known.held(at=NOON + HOUR)} == set(outcome.held)
        assert known.stats(NOON + HOUR).standings == {
            "held": len(outcome.held), "suppressed": len(outcome.suppressed),
        }  # fmt: skip
        # The next ones are held, too; those of other providers are not.
        assert known.record([at(NOON + 31 * MINUTE, "hard", "next@example.org")]).held == ("next@example.org",)
        assert not known.record([at(NOON + 31 * MINUTE, "hard", "b@example.net", "yahoo")]).held
        assert known.record([at(NOON + 31 * MINUTE, "hard", "c@example.org")]).on_hold == ("google",)


def test_a_list_without_hold_holds_nothing(place: str) -> None:
    with SuppressionList(place) as known:
        assert known.hold == 5
        known.hold = None
        assert known.hold is None
        outcome = known.record(burst())
        assert len(outcome.suppressed) == 400
        assert (outcome.held, outcome.on_hold, known.holds(NOON), totals(known)) == ((), (), (), {})
        known.hold = 3
        assert known.hold == 3
    with SuppressionList(place) as known, pytest.raises(StoreError, match=r"a number from 1\.5 to 1000, or off"):
        known.hold = 1
    with SuppressionList(place) as known, pytest.raises(StoreError, match="invalid value 'much' of hold"):
        known.hold = "much"  # type: ignore[assignment]


def test_ignored_events_are_no_traffic(place: str) -> None:
    forged = [(address, event((item.time - BEGIN) / DAY, "hard", item.key, proof=Proof.UNPROVED, provider="google"))
              for address, item in burst()]  # fmt: skip
    with SuppressionList(place) as known:
        assert known.record(forged) == Outcome(ignored=400)
        assert totals(known) == {}
        known.record([at(NOON, "delivery", address) for address, _ in burst(number=10)])
        assert known.record(forged).ignored == 400
        assert totals(known) == {"": 10, "google": 10}


def test_a_held_suppression_takes_effect_after_a_day(held: SuppressionList) -> None:
    address = first_held(held)
    state = held.state(address)
    assert state is not None
    assert (state.standing, state.cause) == (Standing.HELD, Cause.HARD_BOUNCE)
    assert state.since is not None
    until = state.since + DAY
    assert state.held_until == until
    for time, is_off in ((state.since, False), (until - MINUTE, False), (until, True), (until + DAY, True)):
        entries = {entry.address for entry in held.entries(suppressed=True, at=time)}
        assert held.is_suppressed(address, time) is is_off
        assert list(held.filter([address], time)) == ([] if is_off else [address])
        assert list(held.check([address], time)) == [(address, is_off)]
        assert (address in entries) is is_off
        assert (address in {e.address for e in held.entries(cause=Cause.HARD_BOUNCE, at=time)}) is is_off
        assert (address in {e.address for e in held.entries(suppressed=False, at=time)}) is not is_off
        assert (address in {e.address for e in held.held(at=time)}) is not is_off
        assert (address in {e.address for e in held.held("google", time)}) is not is_off
        stats = held.stats(time)
        assert (
            stats.standings["suppressed"]
            == stats.causes["hard_bounce"]
            == stats.reasons["user_unknown"]
            == len(entries)
        )
    assert not list(held.held("yahoo", NOON))
    assert held.stats(until + DAY).standings == {"suppressed": 400}


def test_an_export_and_a_forgotten_address_follow_the_time(held: SuppressionList) -> None:
    one, two = (entry.address for entry in list(held.entries())[-2:])
    for time, is_off in ((NOON + HOUR, False), (NOON + 2 * DAY, True)):
        assert any(one in row for row in export_rows(held, at=time)[1]) is is_off
        exported = {record["address"]: record["suppressed"] for record in export_records(held, time)}
        assert exported[one] is is_off
    # Forgotten while it is held it leaves no trace; forgotten when that has taken effect it stays suppressed.
    assert held.forget(one, NOON + HOUR)
    assert held.forget(two, NOON + 2 * DAY)
    assert not held.is_suppressed(one, NOON + 3 * DAY)
    assert held.is_suppressed(two, NOON + 3 * DAY)


def test_a_delivery_lifts_what_is_held(held: SuppressionList) -> None:
    one, two = (entry.address for entry in list(held.entries())[-2:])
    assert held.record([at(NOON + 3 * HOUR, "delivery", one)]).released == (one,)
    assert not held.is_suppressed(one, NOON + 9 * DAY)
    # After it has taken effect, a delivery comes too late.
    held.record([at(NOON + 2 * DAY, "delivery", two)])
    assert held.is_suppressed(two, NOON + 9 * DAY)


def test_a_later_hard_bounce_that_is_not_held_suppresses(held: SuppressionList) -> None:
    address, time = first_held(held), NOON + 3 * HOUR
    outcome = held.record([at(time, "hard", address)])
    assert (outcome.suppressed, outcome.held, outcome.on_hold) == ((address,), (), ())
    assert held.is_suppressed(address, time)
    assert address not in {entry.address for entry in held.held(at=time)}


# --- confirm --------------------------------------------------------------------------------------------------------


def test_what_is_confirmed_takes_effect_at_once(held: SuppressionList) -> None:
    time = NOON + 32 * MINUTE
    wanted = {entry.address for entry in held.held(at=time)}
    outcome = held.confirm(who="kim", why="they closed", at=time)
    assert set(outcome.suppressed) == wanted
    assert standings(held) == {"suppressed": 400}
    assert not list(held.held(at=time))
    assert all(held.is_suppressed(address, time + MINUTE) for address in wanted)
    last = held.history(min(wanted))[-1]
    assert (last.kind, last.who, last.why, last.proof) == (EventKind.CONFIRMATION, "kim", "they closed", Proof.OWN)
    # As many are usual from now on.
    more = held.record(burst(time + MINUTE, name="b"))
    assert (len(more.suppressed), more.held) == (400, ())


def test_only_what_is_named_is_confirmed(place: str) -> None:
    with SuppressionList(place) as known:
        known.record(burst())
        known.record(burst(name="y", provider="yahoo"))
        time = NOON + 32 * MINUTE
        at_google = {entry.address for entry in known.held("google", time)}
        at_yahoo = {entry.address for entry in known.held("yahoo", time)}
        assert at_google
        assert at_yahoo
        assert known.confirm(provider="google", reason=Reason.MAILBOX_DISABLED, at=time).suppressed == ()
        assert known.confirm(provider="google", since=NOON + HOUR, at=time).suppressed == ()
        assert known.confirm(provider="google", until=NOON - HOUR, at=time).suppressed == ()
        done = known.confirm(provider="google", reason="user_unknown", since=NOON, until=time, at=time)
        assert set(done.suppressed) == at_google
        assert {entry.address for entry in known.held(at=time)} == at_yahoo
        assert [hold.provider for hold in known.holds(time) if hold.is_on(time)] == ["yahoo"]
        assert known.confirm(provider="nobody", at=time) == Outcome()


def test_nothing_to_confirm_is_no_error(place: str) -> None:
    with SuppressionList(place) as known:
        assert known.confirm() == Outcome()
        with pytest.raises(StoreError, match=r"unknown reason 'none'; expected one of .*user_unknown"):
            known.confirm(reason="none")


# --- release --------------------------------------------------------------------------------------------------------


def test_a_release_gives_exactly_the_states_without_the_voided_events(place: str) -> None:
    words = ["soft", "delivery", "full", "hard", "complaint", "undetermined"]
    drawn, rows = random.Random(5), burst()
    for number in range(0, 400, 5):
        rows.append(at(NOON - drawn.randrange(1, 90) * DAY, drawn.choice(words), f"a{number}@example.org"))
        rows.append(at(NOON + drawn.randrange(1, 5) * HOUR, drawn.choice(words), f"a{number}@example.org"))
    since, until, time = NOON, NOON + 40 * MINUTE, NOON + 6 * HOUR
    with SuppressionList(place) as known:
        known.record(sorted(rows, key=lambda row: row[1].time))
        held = {entry.address for entry in known.held(at=time)}
        assert held
        known.release(provider="google", since=since, until=until, why="wrong", at=time)
        for number in range(400):
            address = f"a{number}@example.org"
            events = known.history(address)
            left = [
                item for item in events
                if item.kind is not EventKind.RELEASE and not (item.key.endswith(":hard") and since <= item.time <= until)
            ]  # fmt: skip
            now, without = known.state(address), fold(left, known.policy)
            assert now is not None
            assert (now.standing, now.cause, now.since, now.until, now.held_until, now.points, now.trigger) == (
                without.standing, without.cause, without.since, without.until, without.held_until, without.points,
                without.trigger,
            )  # fmt: skip


def test_only_what_is_named_is_released(place: str) -> None:
    with SuppressionList(place) as known:
        known.record([*burst(number=10), *burst(number=10, name="y", provider="yahoo")])
        known.record([at(NOON, "hard", "gone@example.org", reason=Reason.MAILBOX_DISABLED)])
        time = NOON + HOUR
        assert known.release(provider="goo", why="x", at=time) == Outcome()
        assert known.release(provider="google", since=NOON + HOUR, why="x", at=time) == Outcome()
        done = known.release(provider="google", reason="user_unknown", why="wrong", who="kim", at=time)
        assert set(done.released) == {f"a{number}@example.org" for number in range(10)}
        assert standings(known) == {"clear": 10, "suppressed": 11}
        last = known.history("a1@example.org")[-1]
        assert (last.kind, last.who, last.why, last.provider) == (EventKind.RELEASE, "kim", "wrong", "google")
        # A naive time is UTC.
        done = known.release(since=NOON.replace(tzinfo=None), why="all", at=time.replace(tzinfo=None))
        assert len(done.released) == 11
        assert known.release(since=NOON, why="all", at=time).new == 0  # the same decision again


def test_a_release_must_say_of_what(place: str) -> None:
    with SuppressionList(place) as known:
        with pytest.raises(StoreError, match="a release needs a provider, or the time since"):
            known.release(why="all")
        with pytest.raises(StoreError, match="unknown reason 'none'"):
            known.release(provider="google", reason="none", why="x")


def test_a_failure_after_the_release_counts(held: SuppressionList) -> None:
    held.release(provider="google", why="wrong", at=NOON + HOUR)
    assert standings(held) == {"clear": 400}
    assert held.record([at(NOON + 5 * HOUR, "hard", "a1@example.org")]).suppressed == ("a1@example.org",)


def test_decisions_reach_the_scopes_below(place: str) -> None:
    scopes = ("acme", "acme/news", "other")
    lists = [SuppressionList(place, scope=scope) for scope in scopes]
    acme, news, other = lists
    try:
        for known in lists:
            known.record(burst(number=5))
        assert len(acme.release(provider="google", why="wrong", at=NOON + HOUR).released) == 10
        assert [standings(known) for known in lists] == [{"clear": 5}, {"clear": 5}, {"suppressed": 5}]
        # The traffic is that of the whole list: what one scope began, the next one continues.
        news.record(burst(NOON + 2 * HOUR, name="n"))
        time = NOON + 2 * HOUR + 31 * MINUTE
        assert other.record([at(time, "hard", "z@example.org")]).held == ("z@example.org",)
        assert other.holds(time) == news.holds(time)
        assert {entry.scope for entry in acme.held(at=time)} == {"acme/news"}
        assert acme.confirm(at=time).suppressed
        assert [entry.address for entry in other.held(at=time)] == ["z@example.org"]
    finally:
        for known in lists:
            known.close()


# --- counting -------------------------------------------------------------------------------------------------------


def test_known_events_do_not_count_twice(place: str) -> None:
    with SuppressionList(place) as known:
        rows = burst(number=40)
        for part in (rows, rows, rows + rows):
            known.record(part)
        assert totals(known) == {"": 40, "google": 40}
        # The same message again, and another version of the same event, which is harder.
        known.record(
            [at(NOON, "soft", "kim@example.org"), ("kim@example.org", event(0.5, "soft", "k", provider="google"))]
        )
        known.record([("kim@example.org", event(0.5, "hard", "k", provider="google"))])
        assert totals(known) == {"": 41, "google": 41}
        # What counts are recipients: of those who are suppressed no further failure does.
        known.record([at(NOON + 2 * HOUR, "hard", address) for address, _ in rows])
        assert totals(known)["google"] == 41
        known.record([at(NOON, "complaint", "kim@example.org"), at(NOON, "hard", "lee@example.org", "")])
        assert totals(known)["google"] == 41


def test_what_the_policy_takes_for_harmless_is_no_hard_bounce(place: str) -> None:
    with SuppressionList(place) as known:
        rows = [at(NOON + MINUTE * n / 20, "flow", f"a{n}@example.org") for n in range(400)]
        assert known.record(rows).on_hold == ()
        assert totals(known)["google"] == 400


def test_a_repeat_during_a_hold_is_held_but_not_counted(held: SuppressionList) -> None:
    before, address, time = held.holds(NOON), first_held(held), NOON + 31 * MINUTE
    outcome = held.record([at(time, "hard", address)])
    assert (outcome.new, outcome.on_hold, outcome.held, outcome.suppressed) == (1, ("google",), (), ())
    assert [hold.held for hold in held.holds(NOON)] == [hold.held for hold in before]


def test_several_writers_lose_no_counts(place: str) -> None:
    writers, rounds = 4, 6
    with SuppressionList(place):
        pass
    barrier, errors = threading.Barrier(writers, timeout=60), list[BaseException]()

    def write(name: str) -> None:
        try:
            with SuppressionList(place) as known:
                barrier.wait()
                for number in range(rounds):
                    known.record(burst(NOON + number * 5 * MINUTE, 10, f"{name}{number}-", "soft"))
        except BaseException as error:  # noqa: BLE001 # shown below
            errors.append(error)

    threads = [threading.Thread(target=write, args=(f"w{number}",)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with SuppressionList(place) as known:
        assert len(known) == writers * rounds * 10
        assert totals(known) == {"": writers * rounds * 10, "google": writers * rounds * 10}


def test_several_writers_hold_together(place: str) -> None:
    with SuppressionList(place) as one, SuppressionList(place) as two:
        rows = burst()
        held = {address for part in range(0, 400, 50)
                for address in (one if part % 100 else two).record(rows[part : part + 50]).held}  # fmt: skip
        (hold,) = one.holds(NOON)
        assert hold.held == len(held)
        assert totals(one)["google"] == 400


def test_what_one_writer_holds_another_one_adds_to(postgres: str) -> None:
    """Both read the counts before the other one writes; only PostgreSQL lets them."""
    place = new_database(postgres)
    with SuppressionList(place) as one, SuppressionList(place) as two:
        one.record(burst(number=300))
        begin = NOON + 31 * MINUTE
        read, written = threading.Event(), threading.Event()
        outcomes: list[Outcome] = []

        class Waiting(Writer):
            __slots__ = ()

            def _store(self) -> None:
                read.set()
                assert written.wait(60)
                super()._store()

        def later() -> None:
            def work(connection: Connection) -> Outcome:
                writer = Waiting(connection, two._terms(connection), two._hashes)
                return writer.write((address, address, item) for address, item in burst(begin, 30, "two"))

            outcomes.append(writing(two._engine, work))

        thread = threading.Thread(target=later)
        thread.start()
        assert read.wait(60)
        outcomes.append(one.record(burst(begin, 30, "one")))
        written.set()
        thread.join()
        assert sum(len(outcome.held) for outcome in outcomes) == 60
        (hold,) = one.holds(NOON)
        assert hold.held == sum(1 for _ in one.held(at=begin))
        assert totals(one)["google"] == 360


def test_tidying_forgets_providers_without_traffic(place: str) -> None:
    with SuppressionList(place) as known:
        known.record([at(NOON, "soft", "kim@example.org"), at(NOON + 40 * DAY, "soft", "lee@example.org", "yahoo")])
        assert set(totals(known)) == {"", "google", "yahoo"}
        known.tidy(NOON + 70 * DAY)
        assert set(totals(known)) == {"", "yahoo"}


def test_a_spell_that_lasts_for_a_day_is_usual(tmp_path: Path) -> None:
    with SuppressionList(tmp_path / "list.db") as known:
        known.hold = 1.5
        held = [len(known.record(burst(NOON + half * 30 * MINUTE, 50, f"h{half}-")).held) for half in range(56)]
        assert held[3:47] == [50] * 44
        assert held[52:] == [0] * 4
        (hold,) = known.holds(NOON)
        assert hold.held == sum(held)


def test_an_exported_list_is_imported_as_it_was(
    held: SuppressionList, places: Callable[[], str], tmp_path: Path
) -> None:
    """Whether to hold was decided in the other list; nothing is judged or counted again."""
    file = tmp_path / "list.jsonl"
    lines = [json.dumps(record) for record in export_records(held, NOON)]
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with SuppressionList(places()) as other:
        with file.open("rb") as lines_again:
            outcome = other.record(read_import(lines_again))
        assert outcome.on_hold == ()
        assert outcome.new == 400
        assert totals(other) == {}
        assert {e.address: e.state for e in other.entries()} == {e.address: e.state for e in held.entries()}
        assert {e.address for e in other.held(at=NOON)} == {e.address for e in held.held(at=NOON)}
