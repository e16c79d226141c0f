"""The data of the charts: one row per day, without gaps."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Final

from undeliverable.rates import By, GroupRate
from undeliverable.report._collect import Summary

__all__ = ["chart_data", "period"]

_LONGEST: Final = 400  # days; dates in mail are written by strangers, and a wrong one must not stretch the chart


def period(summary: Summary, today: date) -> tuple[date, date] | None:
    """Return the first and the last day of the charts, or None without dates; days after tomorrow are ignored."""
    dated = (day for day in map(_day, summary.rates[By.DAY].groups) if day is not None)
    days = [day for day in dated if (day - today).days <= 1]
    if not days:
        return None
    last = max(days)
    return min(day for day in days if (last - day).days < _LONGEST), last


def chart_data(summary: Summary, today: date) -> str:
    """Return the data of the charts as JSON that is safe inside a script element."""
    shown = period(summary, today)
    rows = {day: row for row in summary.rates[By.DAY].groups if (day := _day(row)) is not None}
    first, last = shown or (today, today)
    days = [] if shown is None else [first + timedelta(number) for number in range((last - first).days + 1)]
    given = [rows.get(day) for day in days]
    shares = [None if row is None else row.bounce for row in given]
    data = {
        "days": [int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in days],
        "hard": [0 if row is None else row.hard for row in given],
        "undetermined": [0 if row is None else row.undetermined for row in given],
        "soft": [0 if row is None else row.soft for row in given],
        "complaints": [0 if row is None else row.complaints for row in given],
        "rate": [None if share is None else round(share.rate, 6) for share in shares],
        "low": [None if share is None else round(share.low, 6) for share in shares],
        "high": [None if share is None else round(share.high, 6) for share in shares],
        "levels": [level.rate for level in summary.levels.bounce],
    }
    # "</" would end the script element, even inside a string.
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _day(row: GroupRate) -> date | None:
    return None if row.group is None else date.fromisoformat(row.group)
