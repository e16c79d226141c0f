"""The laws of the detector of wrong spells, which is pure: no clock, no database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable.store._records import moment
from undeliverable.store._traffic import (
    AFTER,
    DAY,
    HOUR,
    LEAST,
    Spell,
    Traffic,
    Tried,
    first_text,
    is_beyond,
    moment_of,
    slot_of,
)  # fmt: skip

TIMES = 5.0
FIRST = 20_000 * DAY  # some midnight, in slots
HARD, OTHER, DELIVERED, HELD = Tried

_COUNTS = st.lists(st.tuples(st.integers(0, DAY - 1), st.sampled_from(Tried), st.integers(1, 50)), max_size=40)


def counted(rows: list[tuple[int, Tried, int]], into: Traffic | None = None) -> Traffic:
    traffic = into or Traffic()
    for slot, what, number in rows:
        traffic.count(FIRST + slot, what, number)
    return traffic


def read_again(traffic: Traffic) -> Traffic:
    return Traffic.from_texts(*traffic.to_texts())


def judge(own: Traffic, slot: int, everything: Traffic, times: float = TIMES) -> Spell | None:
    return own.judge(slot, everything, times)


class Pair:
    """A provider, and all together, which see what a list feeds them."""

    def __init__(self) -> None:
        self.own = Traffic()
        self.all = Traffic(everything=True)

    def add(self, slot: int, what: Tried, number: int = 1) -> int:
        """Add recipients, and return how many of them are held."""
        if what is not HARD:
            self.own.count(slot, what, number)
            self.all.count(slot, what, number)
            return 0
        held = 0
        for _ in range(number):
            spell = judge(self.own, slot, self.all)
            if spell is None:
                self.own.count(slot, HARD)
                self.all.count(slot, HARD)
            else:
                self.own.hold(spell, slot)
                held += 1
        return held

    def hours(self, first: int, number: int, *, hard: int, delivered: int = 0, other: int = 0) -> list[int]:
        """Add so many recipients in each slot of some hours, and return how many were held in each hour."""
        held = []
        for hour in range(first, first + number):
            held.append(0)
            for slot in range(FIRST + hour * HOUR, FIRST + (hour + 1) * HOUR):
                self.add(slot, DELIVERED, delivered)
                self.add(slot, OTHER, other)
                held[-1] += self.add(slot, HARD, hard)
        return held


# --- counting -------------------------------------------------------------------------------------------------------


@given(rows=_COUNTS, data=st.data())
def test_counting_is_commutative(rows: list[tuple[int, Tried, int]], data: st.DataObject) -> None:
    assert counted(data.draw(st.permutations(rows))).to_texts() == counted(rows).to_texts()


@given(rows=_COUNTS, data=st.data())
def test_several_writers_add_up(rows: list[tuple[int, Tried, int]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    again = counted(rows[cut:], read_again(counted(rows[:cut])))
    ones = counted([(slot, what, 1) for slot, what, number in rows for _ in range(number)])
    assert again.to_texts() == ones.to_texts() == counted(rows).to_texts()


@given(rows=_COUNTS, holds=st.lists(st.tuples(st.integers(0, DAY - 1), st.integers(1, 5)), max_size=5))
def test_texts_are_read_again(rows: list[tuple[int, Tried, int]], holds: list[tuple[int, int]]) -> None:
    traffic = counted(rows)
    for slot, number in holds:
        traffic.hold(Spell(FIRST + slot, FIRST + slot, 0, 60, 80, 2.5), FIRST + slot, number)
    again = read_again(traffic)
    assert again.to_texts() == traffic.to_texts()
    assert again.spells == traffic.spells
    assert again.newest == traffic.newest
    assert (traffic.to_texts()[1] is None) == (not holds)


@given(holds=st.permutations([(at, number) for at in range(4) for number in (1, 2)]))
def test_holds_of_one_spell_are_commutative(holds: list[tuple[int, int]]) -> None:
    """Several writers recognise the same spell, each in its own slot."""
    traffic = Traffic()
    for slot, number in holds:
        traffic.hold(Spell(FIRST + slot, FIRST + slot), FIRST + slot, number)
    assert sum(spell.held for spell in traffic.spells) == 12
    covered = [slot for slot in range(-9, 19) if traffic.spell(FIRST + slot) is not None]
    assert covered == list(range(3 + AFTER + 1))


@pytest.mark.parametrize("what", [HARD, OTHER, DELIVERED])
def test_the_first_text_is_that_of_one_recipient(what: Tried) -> None:
    one = Traffic()
    one.count(FIRST + 7, what)
    assert first_text(FIRST + 7, what) == one.to_texts()[0]


def test_nothing_is_an_empty_text() -> None:
    assert Traffic().to_texts() == ("[[],[]]", None)
    assert Traffic().newest == 0


@given(step=st.integers(1, 3 * DAY), back=st.integers(0, 40 * DAY))
def test_the_size_is_bounded(step: int, back: int) -> None:
    traffic = Traffic()
    for number in range(320):
        traffic.count(FIRST + number * step, HARD, 1_000_000)
    for number in range(20):
        slot = FIRST + 320 * step + number * DAY
        traffic.hold(Spell(slot, slot, 0, 1_000, 10_000, 123.4), slot, 1_000_000)
    traffic.count(FIRST - back, HARD)  # as late as can be
    counts, spells = traffic.to_texts()
    slots, days = json.loads(counts)
    assert (len(slots), len(days), len(json.loads(spells or ""))) <= (DAY + HOUR, 28, 10)
    assert len(slots) <= DAY + HOUR
    assert len(days) <= 28
    assert len(traffic.spells) <= 10
    assert len(counts) < 20_000
    assert traffic.newest == FIRST + 320 * step + 19 * DAY


def test_the_latest_spells_are_remembered() -> None:
    traffic = Traffic()
    for number in range(15):
        slot = FIRST + number * HOUR
        traffic.hold(Spell(slot, slot), slot)
    assert [spell.since for spell in traffic.spells] == [FIRST + number * HOUR for number in range(5, 15)]


@given(time=st.integers(0, 7 * 10**15).map(moment))
def test_a_slot_is_five_minutes(time: datetime) -> None:
    begin = moment_of(slot_of(time))
    assert begin <= time < begin + timedelta(minutes=5)
    assert slot_of(begin) == slot_of(time)
    assert moment_of(slot_of(time) + HOUR) - begin == timedelta(hours=1)


# --- judging --------------------------------------------------------------------------------------------------------


@given(hard=st.integers(0, 10_000), more=st.integers(0, 100), limit=st.floats(0.01, 10_000), less=st.floats(0, 1))
def test_is_beyond_is_monotone(hard: int, more: int, limit: float, less: float) -> None:
    if is_beyond(hard, limit):
        assert hard > limit
        assert is_beyond(hard + more, limit)
        assert is_beyond(hard, max(0.01, limit * less))


@pytest.mark.parametrize(
    ("hard", "limit", "expected"),
    [(0, 0.0, False), (5, 1.0, False), (12, 1.0, True), (51, 50.0, False), (80, 50.0, True), (50, 50.0, False)],
)
def test_is_beyond(hard: int, limit: float, expected: bool) -> None:
    assert is_beyond(hard, limit) is expected


@pytest.mark.parametrize("delivered", [0, 40])
def test_an_ordinary_day_is_no_spell(delivered: int) -> None:
    assert not any(Pair().hours(0, 48, hard=2, delivered=delivered))


@pytest.mark.parametrize("delivered", [0, 40])
def test_a_sudden_rise_is_a_spell_and_is_recognised_soon(delivered: int) -> None:
    pair = Pair()
    pair.hours(0, 48, hard=2, delivered=delivered)
    held = pair.hours(48, 2, hard=40, delivered=delivered)
    assert held[0] > 480 - 200
    assert held[1] == 480
    assert len(pair.own.spells) == 1
    spell = pair.own.spells[0]
    assert spell.held == sum(held)
    assert FIRST + 48 * HOUR <= spell.since <= FIRST + 49 * HOUR
    assert spell.hard > TIMES * spell.expected
    # It ends with its signs.
    assert judge(pair.own, spell.last + AFTER, pair.all) is not None
    assert pair.own.spell(spell.last + AFTER + 1) is None


@given(number=st.integers(0, LEAST - 1))
def test_fewer_than_fifty_recipients_are_never_a_spell(number: int) -> None:
    pair = Pair()
    assert pair.add(FIRST, HARD, number) == 0
    assert judge(pair.own, FIRST, pair.all, 1.5) is None


def test_what_is_held_teaches_nothing() -> None:
    pair = Pair()
    pair.hours(0, 48, hard=2)
    before = json.loads(pair.own.to_texts()[0])[1]
    assert pair.hours(48, 1, hard=1) == [0]
    pair.hours(49, 10, hard=100)
    days = json.loads(pair.own.to_texts()[0])[1]
    assert days[:2] == before
    assert sum(row[1] for row in days) < sum(row[1] for row in before) + 300  # what came before it was recognised


def test_where_all_rise_together_more_is_expected() -> None:
    """As in a campaign to an old list."""
    alone, together = Pair(), Pair()
    for pair in (alone, together):
        pair.hours(0, 72, hard=2, delivered=100)
        pair.all = counted([], Traffic.from_texts(*pair.all.to_texts(), everything=True))
        for slot in range(72 * HOUR):
            pair.all.count(FIRST + slot, DELIVERED, 100)
            pair.all.count(FIRST + slot, HARD, 2)
    for slot in range(72 * HOUR, 73 * HOUR):
        alone.all.count(FIRST + slot, DELIVERED, 100)
        together.all.count(FIRST + slot, DELIVERED, 84)
        together.all.count(FIRST + slot, HARD, 18)
    assert sum(alone.hours(72, 1, hard=18, delivered=84)) > 0
    assert sum(together.hours(72, 1, hard=18, delivered=84)) == 0


@pytest.mark.parametrize("delivered", [0, 40])
def test_an_adopted_spell_is_usual(delivered: int) -> None:
    pair = Pair()
    pair.hours(0, 24, hard=1, delivered=delivered)
    held = pair.hours(24, 6, hard=30, delivered=delivered)
    assert held[-1] == 360
    pair.own.adopt()
    assert pair.own.spell(FIRST + 30 * HOUR) is None
    assert pair.hours(30, 30, hard=30, delivered=delivered) == [0] * 30
    assert len(pair.own.spells) == 1


@pytest.mark.parametrize("delivered", [0, 40])
def test_what_lasts_for_a_day_is_usual_from_then_on(delivered: int) -> None:
    pair = Pair()
    pair.hours(0, 24, hard=1, delivered=delivered)
    held = pair.hours(24, 36, hard=30, delivered=delivered)
    assert held[1:23] == [360] * 22
    assert held[26:] == [0] * 10


def test_a_spell_that_is_adopted_early_does_not_begin_again() -> None:
    pair = Pair()
    pair.hours(0, 72, hard=1)
    assert sum(pair.hours(72, 1, hard=30)) > 0
    pair.own.adopt()
    assert pair.hours(73, 6, hard=30) == [0] * 6


def test_the_first_day_of_all_is_a_day_like_others() -> None:
    own, everything = Traffic(), Traffic(everything=True)
    spells = []
    for slot in range(DAY // 2):
        for _ in range(30):
            spells.append(judge(own, slot, everything))
            if (spell := spells[-1]) is None:
                own.count(slot, HARD)
                everything.count(slot, HARD)
            else:
                own.hold(spell, slot)
    assert spells[0] is None
    assert spells[-1] is not None


def test_adopting_without_a_spell_keeps_the_counts() -> None:
    traffic = counted([(3, HARD, 7), (30, OTHER, 8), (300, DELIVERED, 9)])
    before = traffic.to_texts()
    traffic.adopt()
    assert traffic.to_texts() == before
    empty = Traffic()
    empty.adopt()
    assert empty.to_texts() == Traffic().to_texts()


def test_a_late_event_is_judged_by_its_own_hour() -> None:
    pair = Pair()
    pair.hours(0, 48, hard=2)
    pair.hours(48, 2, hard=60)
    pair.hours(50, 6, hard=2)
    newest = FIRST + 56 * HOUR - 1
    assert judge(pair.own, newest, pair.all) is None
    within = judge(pair.own, FIRST + 49 * HOUR, pair.all)
    assert within is not None
    assert within.since < FIRST + 49 * HOUR
    assert judge(pair.own, FIRST + 47 * HOUR, pair.all) is None
    # One that comes too late to be judged is an ordinary one.
    assert judge(pair.own, FIRST - 5 * DAY, pair.all) is None


def test_a_late_event_counts_for_its_own_spell() -> None:
    pair = Pair()
    pair.hours(0, 48, hard=2)
    pair.hours(48, 1, hard=60)
    (spell,) = pair.own.spells
    before = replace(spell)
    pair.hours(60, 1, hard=1)
    assert pair.add(FIRST + 49 * HOUR - 2, HARD) == 1
    assert (spell.held, spell.since, spell.last) == (before.held + 1, before.since, before.last)


def test_where_never_a_mailbox_failed_the_first_failures_are_judged_as_well() -> None:
    pair = Pair()
    pair.hours(0, 80, hard=0, other=1)
    pair.add(FIRST + 80 * HOUR, OTHER, 60)
    assert pair.add(FIRST + 80 * HOUR, HARD, 2) == 0  # two are no spell
    assert pair.add(FIRST + 80 * HOUR, HARD, 60) > 0


@pytest.mark.parametrize("delivered", [0, 30])
def test_more_times_are_never_a_spell_where_fewer_are_none(delivered: int) -> None:
    signs = []
    for times in (1.5, 3.0, 5.0, 20.0, 1_000.0):
        pair = Pair()
        pair.hours(0, 30, hard=1, delivered=delivered)
        for slot in range(30 * HOUR, 31 * HOUR):
            for traffic in (pair.own, pair.all):
                traffic.count(FIRST + slot, HARD, 40)
                traffic.count(FIRST + slot, DELIVERED, delivered)
        signs.append(judge(pair.own, FIRST + 31 * HOUR - 1, pair.all, times) is not None)
    assert all(one or not other for one, other in pairwise(signs))
    assert signs[0]
    assert not signs[-1]
