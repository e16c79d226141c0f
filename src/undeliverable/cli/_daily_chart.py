"""The bars of `summary`: failures by hour, by day or by month, whichever fits the period."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from undeliverable.cli._daily_text import Look

if TYPE_CHECKING:
    from undeliverable.summary import Numbers, Summary

__all__ = ["chart"]

_HOUR: Final = "%Y-%m-%dT%H"
_HOURS: Final = 48  # bars by the hour; more take days
_DAYS: Final = 62  # bars by the day; more take months
_BAR: Final = 32
_LONGEST: Final = timedelta(days=730)
_LEAST: Final = 6
_FEW: Final = 2  # bars
_WIDE: Final = 60
_FLOWS: Final = ("failed", "deferred", "complaints", "delivered")


def chart(summary: Summary, look: Look) -> list[str]:
    """Return the chart of a summary; nothing where there are no failures, or all in one bar."""
    title, bars = _bars(summary)
    most = max((numbers.failed for _, numbers in bars), default=0)
    if len(bars) < _FEW or not most:
        return []
    flows = [name for name in _FLOWS if any(getattr(numbers, name) for _, numbers in bars)]
    if look.width < _WIDE:
        flows = flows[:1]
    widths = [max(len(name), *(len(f"{getattr(numbers, name):,}") for _, numbers in bars)) for name in flows]
    label = max(len(title), *(len(name) for name, _ in bars))
    width = max(_LEAST, min(_BAR, look.width - label - sum(widths) - 2 * len(widths) - 5))
    head = [f"{name:>{wide}}" for name, wide in zip(flows, widths, strict=True)]
    lines = [f"  {title:<{label}}  {'  '.join(head)}"]
    for name, numbers in bars:
        cells = [f"{getattr(numbers, flow):>{wide},}" for flow, wide in zip(flows, widths, strict=True)]
        bar = look.bar(numbers.failed / most, width)
        lines.append(f"  {name:<{label}}  {'  '.join(cells)}  {bar}".rstrip())
    return [look.cut(line) for line in lines]


def _bars(summary: Summary) -> tuple[str, list[tuple[str, Numbers]]]:
    """Return what a bar stands for, and the names of the bars with their numbers, without gaps."""
    from undeliverable.summary import Numbers

    hours = {datetime.strptime(name, _HOUR): numbers for name, numbers in summary.hours.items()}  # noqa: DTZ007 # as clocks show it
    if not hours:
        return "", []
    first, last = _ends(summary, hours)
    if last - first < timedelta(hours=_HOURS):
        form = "%H" if first.date() == last.date() else "%d %H"
        return "hour", [
            (f"{time:{form}}", hours.get(time, Numbers())) for time in _steps(first, last, timedelta(hours=1))
        ]
    by_day = last - first < timedelta(days=_DAYS)
    letters = len("2026-11-29" if by_day else "2026-11")
    # Dates in mail are written by strangers: one of the last century must not stretch the chart.
    begin = (first if last - first < _LONGEST else last - _LONGEST).replace(hour=0)
    sums = {time.isoformat()[:letters]: Numbers() for time in _steps(begin, last, timedelta(days=1))}
    earlier = Numbers()
    for time, numbers in hours.items():
        (sums[time.isoformat()[:letters]] if time >= begin else earlier).join(numbers)
    before = [("earlier", earlier)] if begin > first else []
    return "day" if by_day else "month", [*before, *sums.items()]


def _ends(summary: Summary, hours: Iterable[datetime]) -> tuple[datetime, datetime]:
    """Return the first and the last hour: of the span that was asked for, or of what was found."""
    begin, end = summary.span.begin, summary.span.end
    asked = [time for time in (begin, None if end is None else end - timedelta(microseconds=1)) if time is not None]
    times = [*hours, *(time.replace(minute=0, second=0, microsecond=0, tzinfo=None) for time in asked)]
    return min(times), max(times)


def _steps(first: datetime, last: datetime, step: timedelta) -> Iterator[datetime]:
    for number in range((last - first) // step + 1):
        yield first + number * step
