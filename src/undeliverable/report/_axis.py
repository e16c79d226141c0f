"""The axis of the charts: which hours, days, weeks, months or years are shown, and what is left out.

Dates in mail are written by strangers, and one wrong clock must not stretch a campaign's day over ten years. Hours that
lie close together form a cluster; where one cluster holds more than half of all that happened, it is shown alone, with its
neighbours, and what lies outside is counted beside the chart. Otherwise the mail is an archive, and all of it is shown.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final

from undeliverable.rates import By
from undeliverable.report._collect import Moment, Summary, hour_of

__all__ = ["Axis", "axis_of", "by_outcome", "by_provider", "span_text"]

_DAY: Final = 24  # hours
_GAP: Final = 30 * _DAY  # hours without anything that part two clusters, unless a cluster is longer
_MOST: Final = 600  # bins of a chart
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_Step = Callable[[date], date]


@dataclass(frozen=True, slots=True)
class Axis:
    """The bins of the charts.

    :ivar unit: ``hour``, ``day``, ``week``, ``month`` or ``year``.
    :ivar starts: the first hour since 1970 of each bin, and the end of the last one.
    :ivar earlier: how many failures and complaints lie before it; likewise `later`, and `undated` have no date.
    """

    unit: str
    starts: tuple[int, ...]
    earlier: int
    later: int
    undated: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def place(self, hour: int | None) -> int | None:
        """Return the number of the bin that an hour lies in, None outside."""
        if hour is None or not self.starts[0] <= hour < self.starts[-1]:
            return None
        return bisect_right(self.starts, hour) - 1

    def counts(self, hours: Mapping[int, int]) -> list[int]:
        """Return the sum of each bin."""
        sums = [0] * len(self)
        for hour, number in hours.items():
            place = self.place(hour)
            if place is not None:
                sums[place] += number
        return sums

    def label(self, number: int) -> str:
        """Return the name of a bin: ``2026-11-20 14:00``, ``2026-11-20``, ``2026-11``."""
        start = _time(self.starts[number])
        return f"{start:%Y-%m-%d %H:00}" if self.unit == "hour" else str(start.date())[: _LABELS.get(self.unit, 10)]


_LABELS: Final = {"month": 7, "year": 4}


def axis_of(summary: Summary, now: datetime) -> Axis | None:
    """Return the axis for a summary, None without dates; what is dated later than tomorrow is left out."""
    limit = _hour(now) + 2 * _DAY - _hour(now) % _DAY
    found: Counter[int | None] = Counter()
    for moment, number in summary.moments.items():
        found[moment.hour] += number
    undated = found.pop(None, 0)
    hours = {hour: number for hour, number in found.items() if hour is not None and hour < limit}
    own = {hour for hour in _own_hours(summary) if hour < limit}
    if not hours and not own:
        return None
    first, last = _core(hours) if hours else (min(own), max(own))
    first, last = min((first, *own)), max((last, *own))
    unit, starts = _bins(first, last)
    return Axis(
        unit,
        starts,
        sum(number for hour, number in found.items() if hour is not None and hour < starts[0]),
        sum(number for hour, number in found.items() if hour is not None and hour >= starts[-1]),
        undated,
    )


def _own_hours(summary: Summary) -> Iterator[int]:
    """Yield the hours for which the caller knows how much was sent: nobody has forged them."""
    if summary.hours:
        yield from summary.hours
        return
    for row in summary.rates[By.DAY].groups:
        if row.sent is not None and row.group is not None:
            try:
                yield _hour(datetime.fromisoformat(row.group))
            except ValueError:  # a table of the caller may call its days anything
                continue


def _core(hours: Mapping[int, int]) -> tuple[int, int]:
    """Return the first and last hour of the cluster that holds more than half, or of everything."""
    clusters = list(_clusters(sorted(hours)))
    weights = [sum(number for hour, number in hours.items() if first <= hour <= last) for first, last in clusters]
    heaviest = max(range(len(clusters)), key=weights.__getitem__)
    if 2 * weights[heaviest] <= sum(weights):
        return clusters[0][0], clusters[-1][1]
    return clusters[heaviest]


def _clusters(hours: list[int]) -> Iterator[tuple[int, int]]:
    first = hours[0]
    for before, hour in pairwise(hours):
        if hour - before > max(_GAP, before - first):
            yield first, before
            first = hour
    yield first, hours[-1]


def _bins(first: int, last: int) -> tuple[str, tuple[int, ...]]:
    """Return the unit for a span of hours, and the starts of its bins with the end of the last one."""
    unit = next(name for name, longest in _UNITS if last - first < longest)
    if unit == "hour":
        return unit, tuple(range(first, last + 2))
    floor, step = _STEPS[unit]
    days = [floor(_time(first).date())]
    while days[-1] <= _time(last).date() and days[-1] < date.max:
        days.append(step(days[-1]))
    *starts, end = (_hour(datetime(day.year, day.month, day.day, tzinfo=UTC)) for day in days[-_MOST:])
    return unit, (*starts, max(end, last + 1))  # the last day of the calendar has no next one


_UNITS: Final = (
    ("hour", 3 * _DAY), ("day", 200 * _DAY), ("week", 3 * 365 * _DAY), ("month", 40 * 365 * _DAY), ("year", 10**9),
)  # fmt: skip


def _month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1) if day.year < date.max.year else date.max


def _year(day: date) -> date:
    return date(day.year + 1, 1, 1) if day.year < date.max.year else date.max


def _later(days: int) -> _Step:
    return lambda day: day + timedelta(min(days, (date.max - day).days))


_STEPS: Final[Mapping[str, tuple[_Step, _Step]]] = {
    "day": (lambda day: day, _later(1)),
    "week": (lambda day: day - timedelta(min(day.weekday(), (day - date.min).days)), _later(7)),
    "month": (lambda day: day.replace(day=1), _month),
    "year": (lambda day: day.replace(month=1, day=1), _year),
}


def _hour(moment: datetime) -> int:
    return hour_of(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _time(hour: int) -> datetime:
    return _EPOCH + timedelta(hours=hour)


def span_text(axis: Axis) -> str:
    """Return the first and last day of an axis, for people."""
    first, last = _time(axis.starts[0]).date(), _time(axis.starts[-1] - 1).date()
    if first == last:
        return f"{first.day} {first:%B %Y}"
    begin = f"{first.day} {first:%B %Y}" if first.year != last.year else f"{first.day} {first:%B}"
    same = (first.year, first.month) == (last.year, last.month)
    return f"{first.day if same else begin} – {last.day} {last:%B %Y}"


def by_outcome(summary: Summary) -> dict[str, Counter[int]]:
    """Return how much happened in each hour, by outcome; what has no date is left out."""
    found: dict[str, Counter[int]] = {}
    for moment, number in summary.moments.items():
        _count(found, moment.outcome, moment, number)
    return found


def by_provider(summary: Summary) -> dict[str, Counter[int]]:
    """Return how many recipients failed in each hour, by provider."""
    found: dict[str, Counter[int]] = {}
    for moment, number in summary.moments.items():
        if moment.provider is not None and moment.outcome != "complaint":
            _count(found, moment.provider, moment, number)
    return found


def _count(found: dict[str, Counter[int]], name: str, moment: Moment, number: int) -> None:
    if moment.hour is not None:
        found.setdefault(name, Counter())[moment.hour] += number
