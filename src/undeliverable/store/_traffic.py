"""Detect that a mailbox provider answers wrongly: far more hard bounces than usual within an hour.

The traffic of a provider is counted in slots of five minutes. Slots that are two hours old are added to the counts of
their day, from which the usual is learned; a wrong spell is left out, so it never becomes usual. Three things must hold
before hard bounces are held: at least 50 recipients were tried, their hard bounces exceed a multiple of what is usual
for them, and half of that multiple could not produce as many by chance.

What is usual depends on what is fed. Where deliveries are recorded, it is the usual share of hard bounces among the
recipients tried; otherwise, their usual number per hour. Where the other providers rise at the same time, as in a
campaign to an old list, the expectation rises with them.

This module is pure: no clock and no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from math import inf, log
from typing import Any, Final

from undeliverable.store._records import moment, stamp

__all__ = ["HELD_FOR", "Traffic", "is_unusual", "slot_of"]

HELD_FOR: Final = timedelta(hours=24)

_SLOT: Final = 300_000_000  # microseconds
_HOUR: Final = 12  # slots
_DAY: Final = 24 * _HOUR
_DAYS: Final = 28  # days from which the usual is learned
_WIDTHS: Final = (1, 2, 4, _HOUR)  # slots that are looked at together: a fast spell must not wait for its hour
_LEAST: Final = 50  # recipients tried
_CHANCE: Final = log(1e6)  # a spell by chance: less than once in a million looks
_STICKY: Final = 2
_FED: Final = 0.1  # from this share of deliveries on, the share of hard bounces means something

_SHARE: Final = 0.012  # hard bounces among recipients, before anything is known
_SHARE_WEIGHT: Final = 500  # recipients that must be known to weigh as much as that
_LOWEST_SHARE: Final = 0.005
_RATE: Final = 40.0  # hard bounces per hour, before anything is known
_RATE_WEIGHT: Final = 6  # hours
_STEADY: Final = 4.0  # hard bounces of the others that must be expected before their rise counts in full

_Counts = list[int]


def slot_of(time: datetime) -> int:
    return stamp(time) // _SLOT


class Traffic:
    __slots__ = ("_usual", "days", "rolled", "slots", "spell")

    def __init__(self) -> None:
        self.slots: dict[int, _Counts] = {}  # hard, other failures, deliveries, held
        self.days: dict[int, _Counts] = {}  # hard, other failures, deliveries, hours, highest slot
        self.rolled = -1  # the hours before this one are in the days
        self.spell: tuple[int, int] | None = None
        self._usual: tuple[float, float, float] | None = None

    def count(self, slot: int, kind: int, number: int = 1) -> None:
        self.advance(slot)
        counts = self.slots.get(slot)
        if counts is None:
            counts = self.slots[slot] = [0, 0, 0, 0]
        counts[kind] += number

    def advance(self, slot: int) -> None:
        hour = slot // _HOUR - 1
        if hour <= self.rolled:
            return
        due = sorted({s // _HOUR for s in self.slots if self.rolled <= s // _HOUR < hour})
        for h in due:
            self._roll(h)
        self.rolled = hour
        self._usual = None
        for s in [s for s in self.slots if s < slot - _DAY]:
            del self.slots[s]
        for d in sorted(self.days)[:-_DAYS]:
            del self.days[d]

    def _roll(self, hour: int) -> None:
        rows = [self.slots.get(s, (0, 0, 0, 0)) for s in range(hour * _HOUR, (hour + 2) * _HOUR)]
        for part in (rows[:_HOUR], rows[_HOUR:]):
            held = sum(row[3] for row in part)
            if held and held > sum(row[0] for row in part):
                return
        day = self.days.setdefault(hour // 24, [0, 0, 0, 0, 0])
        for row in rows[:_HOUR]:
            day[0] += row[3]
            for k in range(3):
                day[k] += row[k]
            day[4] = max(day[4], row[0])
        day[3] += 1

    def sums(self, slot: int, width: int) -> tuple[int, int, int]:
        hard = other = delivered = 0
        slots = self.slots
        for s in range(slot - width + 1, slot + 1):
            row = slots.get(s)
            if row is not None:
                hard += row[0] + row[3]
                other += row[1]
                delivered += row[2]
        return hard, other, delivered

    def usual(self) -> tuple[float, float, float]:
        if self._usual is None:
            self._usual = self._learn()
        return self._usual

    def _learn(self) -> tuple[float, float, float]:
        days = list(self.days.values())
        hard, hours = sum(d[0] for d in days), sum(d[3] for d in days)
        rate = (hard + _RATE * _RATE_WEIGHT * (1 if hours < 72 else 0)) / (hours + (_RATE_WEIGHT if hours < 72 else 0)) if hours else _RATE
        fed = [(d[0] / n, n) for d in days if d[2] >= _FED * (n := d[0] + d[1] + d[2]) and n]
        tried = sum(n for _, n in fed)
        if len(fed) < 3:
            share = (_SHARE * _SHARE_WEIGHT + sum(s * n for s, n in fed)) / (_SHARE_WEIGHT + tried)
        else:
            share, seen = 0.0, 0
            for share, n in sorted(fed):
                seen += n
                if seen * 2 >= tried:
                    break
        peaks = sorted((d[4] for d in days), reverse=True)
        peak = peaks[1] if len(peaks) > 1 else 0
        return max(share, _LOWEST_SHARE), rate, peak

    def expected(self, slot: int, width: int) -> tuple[int, int, float]:
        """Return hard, tried, expected hard."""
        share, rate, peak = self.usual()
        hard, other, delivered = self.sums(slot, width)
        tried = hard + other + delivered
        h = self.sums(slot, _HOUR) if width != _HOUR else (hard, other, delivered)
        if h[2] >= _FED * sum(h) and h[2]:
            return hard, tried, tried * share
        usual = rate * width / _HOUR
        return hard, tried, max(usual, peak / 2) if width < _HOUR else max(usual, peak / 2)


def rise(own: Traffic, everything: Traffic, slot: int, width: int) -> float:
    hard, _, expected = own.expected(slot, width)
    a_hard, _, a_expected = everything.expected(slot, width)
    held = sum(row[3] for s in range(slot - width + 1, slot + 1) if (row := own.slots.get(s)))
    o = max(0, a_hard - hard + held)
    e = max(0.0, a_expected - expected)
    return (o + _STEADY) / (e + _STEADY)


def is_unusual(own: Traffic, everything: Traffic, slot: int, times: float) -> bool:
    own.advance(slot)
    everything.advance(slot)
    for width in _WIDTHS:
        hard, tried, expected = own.expected(slot, width)
        if tried < _LEAST or hard < times * expected:
            continue
        expected *= max(1.0, rise(own, everything, slot, width), rise(own, everything, slot, _HOUR))
        limit = times * expected
        if hard > limit and hard * log(2 * hard / limit) - hard + limit / 2 >= _CHANCE:
            return True
    return False


class Watch:
    def __init__(self, times: float = 5.0) -> None:
        self.times = times
        self.all = Traffic()
        self.own: dict[str, Traffic] = {}

    def add(self, provider: str, slot: int, kind: int, number: int = 1) -> bool:
        own = self.own.get(provider)
        if own is None:
            own = self.own[provider] = Traffic()
        if kind:
            own.count(slot, kind, number)
            self.all.count(slot, kind, number)
            return False
        own.count(slot, 0)
        self.all.count(slot, 0)
        if own.spell and own.spell[1] - own.spell[0] >= _DAY:
            self.adopt(own)
        unusual = is_unusual(own, self.all, slot, self.times)
        if unusual:
            own.spell = (own.spell[0] if self.on(own, slot) else slot, slot)
        if unusual or self.on(own, slot):
            own.slots[slot][0] -= 1
            own.slots[slot][3] += 1
            self.all.slots[slot][0] -= 1
            return True
        return False

    def adopt(self, own: Traffic) -> None:
        own.days.clear()
        own.spell = None
        for row in own.slots.values():
            row[0] += row[3]
            row[3] = 0
        for h in sorted({s // _HOUR for s in own.slots if s // _HOUR < own.rolled}):
            own._roll(h)
        own._usual = None

    def on(self, own: Traffic, slot: int) -> bool:
        return own.spell is not None and own.spell[0] <= slot <= own.spell[1] + _STICKY
