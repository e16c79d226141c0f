"""Detect that a mailbox provider answers wrongly: far more hard bounces within an hour than usual.

The traffic of a provider is counted in slots of five minutes, and by day. A spell is recognised in the last ten, thirty
or sixty minutes: a fast one must not have to wait for its hour. Three things must hold: enough recipients were tried;
their hard bounces exceed a multiple of what is usual for them; and half of that multiple could not produce as many by
chance. Hard bounces that are held are counted apart and teach nothing, so that a spell does not become usual.

What is usual depends on what is fed. Where deliveries are recorded, it is the usual share of hard bounces among the
recipients tried; otherwise, their usual number per hour. Where the other providers rise at the same time, as in a
campaign to an old list, more is expected of this one, too.

Everything here is pure, without clock or database, and counting is commutative: several writers add up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from enum import IntEnum
from itertools import accumulate
from math import log
from typing import Any, Final, NamedTuple

from undeliverable.store._records import moment, stamp

__all__ = [
    "AFTER",
    "DAY",
    "HOUR",
    "LEAST",
    "Spell",
    "Traffic",
    "Tried",
    "first_text",
    "is_beyond",
    "moment_of",
    "slot_of",
]

_SLOT: Final = 300_000_000  # microseconds
HOUR: Final = 12
"""The number of slots in an hour."""
DAY: Final = 24 * HOUR
"""The number of slots in a day; also how long a spell can last, before it is the new usual."""
_WIDTHS: Final = (2, 6, HOUR)
_KEPT: Final = DAY + HOUR  # slots; events that arrive late are judged by their own hour
_DAYS: Final = 28  # the days that teach what is usual

LEAST: Final = 50
"""The number of recipients that must be tried within an hour."""
_CHANCE: Final = log(1e6)  # how unlikely a spell must be by chance
_FED: Final = 0.1  # the share of deliveries from which on the share of hard bounces means something
AFTER: Final = 2
"""The number of slots for which a hold goes on after the last sign of a spell."""
_SPELLS: Final = 10  # spells that are remembered

# What is assumed before anything is known, and how much has to be known until it counts for half.
_SHARE: Final = 0.01
_SHARE_WEIGHT: Final = 500  # recipients
_LOWEST_SHARE: Final = 0.005
_RATE: Final = 40.0  # hard bounces per hour
_LOWEST_RATE: Final = 1.0
_RATE_WEIGHT: Final = 6  # hours
_BURST: Final = 0.25  # short windows see more of them for their size: mail is sent in bursts
_FEW: Final = 3  # days with deliveries, from which on the median counts
_SETTLED: Final = 72  # hours after which only what is known counts
_HOURS, _PEAK = 3, 4  # in the counts of a day, after those of a slot
_RISE: Final = 1.5  # less is no rise
_STEADY: Final = 4.0  # hard bounces; rises among fewer than these are taken for chance


class Tried(IntEnum):
    """The result for a recipient, and its place in the counts of a slot."""

    HARD = 0
    OTHER = 1
    DELIVERED = 2
    HELD = 3


_TAUGHT: Final = (Tried.HARD, Tried.OTHER, Tried.DELIVERED)


class _Window(NamedTuple):
    hard: int
    other: int
    delivered: int
    held: int

    @property
    def tried(self) -> int:
        return self.hard + self.other + self.delivered + self.held

    @property
    def counted(self) -> int:
        """The recipients without those that are held."""
        return self.tried - self.held

    @property
    def is_fed(self) -> bool:
        """Whether deliveries are recorded at all."""
        return self.delivered > 0 and self.delivered >= _FED * self.tried


class _Usual(NamedTuple):
    share: float
    hard: int
    hours: int
    peak: int


@dataclass(slots=True)
class Spell:
    """A time in which a provider's hard bounces are held.

    :ivar since: the slot in which it began.
    :ivar last: the slot of its last sign.
    :ivar held: the number of events held.
    :ivar hard: the number of hard bounces in the window in which it was recognised; likewise ``tried``.
    :ivar expected: the number of hard bounces that would have been usual there.
    :ivar adopted: the slot from which on it is the new usual; 0 if it is not.
    """

    since: int
    last: int
    held: int = 0
    hard: int = 0
    tried: int = 0
    expected: float = 0.0
    adopted: int = 0

    @property
    def end(self) -> int:
        """The first slot after it."""
        return self.adopted or self.last + AFTER + 1

    def covers(self, slot: int) -> bool:
        """Return whether the hold is on in a slot."""
        return self.since <= slot < self.end

    def is_recent(self, slot: int) -> bool:
        """Return whether the spell became the new usual within the day before a slot, or does so after it."""
        return bool(self.adopted) and self.since <= slot < self.adopted + DAY

    def spoils(self, slot: int) -> bool:
        """Return whether a slot teaches nothing: the spell was on, or about to be noticed."""
        return not self.adopted and self.since - HOUR < slot < self.end


class Traffic:
    """The traffic of one provider, or of all together."""

    __slots__ = ("_days", "_learned", "_slots", "_start", "is_adopted", "spells")

    def __init__(self, *, everything: bool = False) -> None:
        """Begin without any traffic.

        :param everything: True for the traffic of all providers together, of which more is expected at the start.
        """
        self._slots: dict[int, list[int]] = {}
        self._days: dict[int, list[int]] = {}  # hard, other, delivered, hours with traffic, most hard ones in a slot
        self._start = 2 * _RATE if everything else _RATE
        self._learned: tuple[int, _Usual] | None = None
        self.spells: list[Spell] = []
        self.is_adopted = False  # whether that happened since it was read

    @classmethod
    def from_texts(cls, counts: str, spells: str | None, *, everything: bool = False) -> Traffic:
        """Return the traffic that :meth:`to_texts` wrote."""
        found = cls(everything=everything)
        slots, days = json.loads(counts)
        found._slots = {row[0]: row[1:] for row in slots}
        found._days = {row[0]: row[1:] for row in days}
        found.spells = [Spell(*row) for row in json.loads(spells or "[]")]
        return found

    def to_texts(self) -> tuple[str, str | None]:
        """Return the counts and the spells as JSON; None if there was no spell."""
        spells = [astuple(spell) for spell in self.spells]
        return _json([_rows(self._slots), _rows(self._days)]), _json(spells) if spells else None

    @property
    def newest(self) -> int:
        """The latest slot with traffic; 0 if there is none."""
        return max(self._slots, default=0)

    def spell(self, slot: int) -> Spell | None:
        """Return the spell whose hold is on in a slot."""
        return next((spell for spell in reversed(self.spells) if spell.covers(slot)), None)

    # --- counting ---------------------------------------------------------------------------------------------------

    def count(self, slot: int, what: Tried, number: int = 1) -> None:
        """Count recipients in a slot."""
        counts = self._slots.get(slot)
        if counts is None:
            counts = self._opened(slot)
        counts[what] += number
        day = self._days.get(slot // DAY)
        if day is not None and what != Tried.HELD and self._teaches(slot):
            day[what] += number
            day[_PEAK] = max(day[_PEAK], counts[Tried.HARD])

    def _opened(self, slot: int) -> list[int]:
        day = self._days.setdefault(slot // DAY, [0, 0, 0, 0, 0])
        day[_HOURS] += self._teaches(slot) and slot // HOUR not in self._hours(0)
        counts = self._slots[slot] = [0, 0, 0, 0]
        for table, most in ((self._slots, _KEPT), (self._days, _DAYS)):
            if len(table) > most:
                del table[min(table)]
        return counts

    def _teaches(self, slot: int) -> bool:
        return not any(spell.spoils(slot) for spell in self.spells)

    def _hours(self, since: int) -> set[int]:
        """Return the hours with slots that teach, from a slot on."""
        return {slot // HOUR for slot in self._slots if slot >= since and self._teaches(slot)}

    def hold(self, spell: Spell, slot: int, number: int = 1) -> None:
        """Count hard bounces in a slot as held, in a spell that is new or goes on."""
        on = self.spell(slot) or self.spell(spell.since)
        if on is None or spell.since < on.since or spell.last > on.last:
            taught, hours = [other for other in self._slots if self._teaches(other)], self._hours(0)
            if on is None:
                on = spell
                self.spells = [*self.spells[1 - _SPELLS :], spell]
            on.since, on.last = min(on.since, spell.since), max(on.last, spell.last)
            self._take_back([other for other in taught if not self._teaches(other)], hours - self._hours(0))
        on.held += number
        self.count(slot, Tried.HELD, number)

    def _take_back(self, slots: Iterable[int], hours: Iterable[int]) -> None:
        """Take from the days what slots and hours have taught."""
        for slot in slots:
            day = self._days.get(slot // DAY, [0] * _PEAK)
            for what in _TAUGHT:
                day[what] = max(0, day[what] - self._slots[slot][what])
        for hour in hours:
            day = self._days.get(hour // 24, [0] * _PEAK)
            day[_HOURS] = max(0, day[_HOURS] - 1)
        self._learned = None

    def adopt(self) -> None:
        """Take what was held for the new usual, and forget the old one."""
        self.is_adopted = True
        for spell in self.spells:
            spell.adopted = spell.adopted or min(spell.end, self.newest)
        slots, self._slots, self._learned = self._slots, {}, None
        self._days.clear()
        for slot, (hard, other, delivered, held) in slots.items():
            for what, number in ((Tried.HARD, hard + held), (Tried.OTHER, other), (Tried.DELIVERED, delivered)):
                self.count(slot, what, number)

    # --- judging ----------------------------------------------------------------------------------------------------

    def judge(self, slot: int, everything: Traffic, times: float) -> Spell | None:
        """Return the spell that a hard bounce in a slot is part of, for :meth:`hold`; None for an ordinary one.

        :param everything: the traffic of all providers.
        :param times: the multiple of what is usual that is too much.
        """
        on = self.spell(slot)
        if on is not None and not on.adopted and slot - on.since >= DAY:
            # It lasts too long for an error: whatever it is, it is usual now.
            self.adopt()
        # For a day after that, what is usual is learned again.
        if any(spell.is_recent(slot) for spell in self.spells):
            return None
        sign = self._sign(slot, everything, times)
        if on is None:
            return sign
        return replace(on, held=0, last=on.last if sign is None else max(on.last, sign.last))

    def _sign(self, slot: int, everything: Traffic, times: float) -> Spell | None:
        """Return the beginning of a spell if there are too many hard bounces up to a slot."""
        hour = self._window(slot, HOUR)
        if hour.tried < LEAST:
            return None
        for width in _WIDTHS:
            window = hour if width == HOUR else self._window(slot, width)
            hard = window.hard + window.held
            expected = self._expected(window.tried, width, slot, is_fed=hour.is_fed)
            if window.tried < LEAST or not is_beyond(hard, times * expected):
                continue
            expected *= max(self._rise(slot, width, everything), self._rise(slot, HOUR, everything))
            if is_beyond(hard, times * expected):
                return Spell(slot, slot, 0, hard, window.tried, round(expected, 1))
        return None

    def _window(self, slot: int, width: int) -> _Window:
        rows = [row for at in range(slot - width + 1, slot + 1) if (row := self._slots.get(at)) is not None]
        return _Window(*map(sum, zip(*rows, strict=True))) if rows else _Window(0, 0, 0, 0)

    def _expected(self, tried: int, width: int, slot: int, *, is_fed: bool) -> float:
        """Return the usual number of hard bounces, for recipients in a window that ends with a slot."""
        usual = self._usual(slot)
        if is_fed:
            return tried * usual.share
        weight = _RATE_WEIGHT if usual.hours < _SETTLED else 0
        start: float = self._start * (HOUR / width) ** _BURST
        rate = (usual.hard + start * weight) / (usual.hours + weight)
        return max(max(rate, _LOWEST_RATE) * width / HOUR, usual.peak / 2)

    def _rise(self, slot: int, width: int, everything: Traffic) -> float:
        """Return how many times more than usual the other providers' hard bounces are; 1 if they are no more."""
        own, all_ = self._window(slot, width), everything._window(slot, width)
        expected = everything._expected(all_.counted, width, slot, is_fed=everything._window(slot, HOUR).is_fed)
        expected -= self._expected(own.counted, width, slot, is_fed=self._window(slot, HOUR).is_fed)
        rise = (max(0, all_.hard - own.hard) + _STEADY) / (max(0.0, expected) + _STEADY)
        return rise if rise > _RISE else 1.0

    def _usual(self, slot: int) -> _Usual:
        """Return what is usual, without the hour of a slot and the one before it."""
        if self._learned is None or self._learned[0] != slot // HOUR:
            self._learned = slot // HOUR, self._learn(slot)
        return self._learned[1]

    def _learn(self, slot: int) -> _Usual:
        today, recent = slot // DAY, (slot // HOUR - 1) * HOUR
        days = {day: list(row) for day, row in self._days.items() if today - _DAYS < day <= today}
        for at in self._slots:
            if at >= recent and self._teaches(at) and at // DAY in days:
                for what in _TAUGHT:
                    days[at // DAY][what] = max(0, days[at // DAY][what] - self._slots[at][what])
        for hour in self._hours(recent):
            if hour // 24 in days:
                days[hour // 24][_HOURS] = max(0, days[hour // 24][_HOURS] - 1)
        peaks = sorted((row[_PEAK] for day, row in days.items() if day != today), reverse=True)
        return _Usual(
            share=_usual_share(days.values()),
            hard=sum(row[Tried.HARD] for row in days.values()),
            hours=sum(row[_HOURS] for row in days.values()),
            peak=peaks[1] if len(peaks) > 1 else 0,
        )


def slot_of(time: datetime) -> int:
    """Return the slot of a time."""
    return stamp(time) // _SLOT


def moment_of(slot: int) -> datetime:
    """Return the time at which a slot begins."""
    return moment(slot * _SLOT)


def is_beyond(hard: int, limit: float) -> bool:
    """Return whether hard bounces exceed a limit, and half of it by more than chance.

    The second is Chernoff's bound for the tail of a Poisson distribution.
    """
    return hard > limit and hard * log(2 * hard / limit) - hard + limit / 2 >= _CHANCE


def _usual_share(counts: Iterable[Sequence[int]]) -> float:
    """Return the share of hard bounces on the median day, weighed by recipients; campaigns to old lists are exceptions."""
    tried = [
        (row[Tried.HARD], sum(row[:_HOURS])) for row in counts if row[Tried.DELIVERED] >= _FED * sum(row[:_HOURS]) > 0
    ]
    total = sum(number for _, number in tried)
    if len(tried) < _FEW:
        share = (_SHARE * _SHARE_WEIGHT + sum(hard for hard, _ in tried)) / (_SHARE_WEIGHT + total)
        return max(share, _LOWEST_SHARE)
    days = sorted((hard / number, number) for hard, number in tried)
    seen = accumulate(number for _, number in days)
    median = next(share for (share, _), number in zip(days, seen, strict=True) if 2 * number >= total)
    return max(median, _LOWEST_SHARE)


def first_text(slot: int, what: Tried) -> str:
    """Return the counts of a provider at which one recipient was tried, as JSON.

    Most domains have no more, so that this spares lists most of the work.
    """
    hard, other, delivered = (int(what is one) for one in (Tried.HARD, Tried.OTHER, Tried.DELIVERED))
    return f"[[[{slot},{hard},{other},{delivered},0]],[[{slot // DAY},{hard},{other},{delivered},1,{hard}]]]"


def _rows(table: dict[int, list[int]]) -> list[list[int]]:
    return [[place, *counts] for place, counts in sorted(table.items())]


def _json(rows: list[Any]) -> str:
    return json.dumps(rows, separators=(",", ":"))
