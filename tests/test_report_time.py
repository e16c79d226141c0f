"""The axis of the charts: one day or thirty years, strangers' dates, and numbers that add up."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from undeliverable import Kind, MessageFacts, Report, Returned, classify
from undeliverable.rates import By
from undeliverable.report import Collector, Sent, Summary, render
from undeliverable.report._axis import Axis, axis_of, span_text
from undeliverable.report._chart import bins_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
HARD, SOFT = classify("550 5.1.1 no such user"), classify("452 4.2.2 mailbox full")


def collected(dates: list[datetime | None], complaints: list[datetime | None] | None = None) -> Collector:
    collector = Collector()
    for number, when in enumerate(dates):
        verdict = replace(HARD if number % 3 else SOFT, recipient=f"u{number}@example.org", key=str(number))
        message = MessageFacts(date=when, returned=Returned("", message_id=f"<{number}@example.net>"))
        collector.add(Report(kind=Kind.BOUNCE, verdicts=(verdict,), message=message))
    for number, when in enumerate(complaints or []):
        verdict = replace(HARD, bounce_type=None, reason=None, recipient=f"c{number}@example.org", key=f"c{number}")
        collector.add(Report(kind=Kind.COMPLAINT, verdicts=(verdict,), message=MessageFacts(date=when)))
    return collector


def shown(summary: Summary, now: datetime = NOON) -> Axis:
    axis = axis_of(summary, now)
    assert axis is not None
    return axis


def data_of(page: str) -> Any:  # JSON
    return json.loads(re.findall(r'id="data">(.*?)</script>', page)[0])


@pytest.mark.parametrize(
    ("span", "unit"),
    [
        (timedelta(hours=5), "hour"),
        (timedelta(days=2, hours=20), "hour"),
        (timedelta(days=4), "day"),
        (timedelta(days=190), "day"),
        (timedelta(days=365), "week"),
        (timedelta(days=5 * 365), "month"),
        (timedelta(days=60 * 365), "year"),
    ],
)
def test_the_unit_fits_the_span(span: timedelta, unit: str) -> None:
    steps = 400  # close together, so that nothing is taken for an outlier
    axis = shown(collected([NOON - span * step / steps for step in range(steps + 1)]).summary())
    assert axis.unit == unit
    assert (axis.earlier, axis.later, axis.undated) == (0, 0, 0)
    assert 2 <= len(axis) <= 210


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.none(), st.datetimes(timezones=st.just(UTC)), st.datetimes())), st.datetimes())
@example([FIRST, LAST], LAST.replace(tzinfo=None))
@example([LAST, LAST - timedelta(360), LAST - timedelta(400)], LAST.replace(tzinfo=None))
def test_nothing_is_lost_and_bins_are_in_order(dates: list[datetime | None], now: datetime) -> None:
    summary = collected(dates, dates[:2]).summary()
    axis = axis_of(summary, now)
    if axis is None:
        return
    assert sorted(set(axis.starts)) == list(axis.starts)
    assert 1 <= len(axis) <= 600
    bins = bins_of(summary, axis)
    inside = sum(map(sum, bins.failures.values())) + sum(bins.complaints)
    assert inside + axis.earlier + axis.later + axis.undated == len(dates) + len(dates[:2])
    assert len({*bins.labels}) == len(bins.labels)
    assert span_text(axis)


@pytest.mark.parametrize("when", [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
def test_charts_at_the_ends_of_the_calendar(when: datetime) -> None:
    """A date is written by a stranger, and no number of days may be added to it or taken from it."""
    page = render(collected([when]).summary(), made=when)
    assert data_of(page)["times"][0] == when.timestamp()


def test_one_wrong_clock_does_not_stretch_a_day() -> None:
    day = [NOON - timedelta(minutes=20 * number) for number in range(40)]
    wrong = [NOON - timedelta(days=900), NOON - timedelta(days=9_000), NOON + timedelta(days=4_000), None]
    page = render(collected([*day, *wrong]).summary(), made=NOON)
    data = data_of(page)
    assert data["unit"] == "hour"
    assert len(data["times"]) - 1 == len(data["hard"]) == 14
    assert sum(data["hard"]) + sum(data["soft"]) == 40
    assert "Not in the chart: 2 dated earlier, 1 dated later, 1 without a date." in page
    assert "19 November" not in page
    assert "20 November 2026 · 44 reports" in page


def test_scattered_mail_is_an_archive_and_shown_whole() -> None:
    axis = shown(collected([NOON - timedelta(days=400 * number) for number in range(6)]).summary())
    assert (axis.unit, axis.earlier) == ("month", 0)


def test_days_without_gaps_and_the_words_for_a_span() -> None:
    dates: list[datetime | None] = [NOON, NOON - timedelta(4), NOON + timedelta(4_000)]
    page = render(collected(dates).summary(Sent(50)), made=NOON)
    data = data_of(page)
    assert data["labels"] == [f"2026-11-{day}" for day in range(16, 21)]
    assert data["rate"] == [None] * 5
    assert "16 – 20 November 2026" in page
    for days, words in ((20, "31 October – 20 November 2026"), (360, "2025 – 22 November 2026")):
        steps = [NOON - timedelta(days=day) for day in range(0, days + 1, 20)]
        assert words in render(collected([*steps]).summary(), made=NOON)


def test_days_that_the_sender_names_belong_to_the_axis() -> None:
    days = {f"{date(2026, 11, day)}": 100 for day in range(10, 21)} | {"someday": 3}
    summary = collected([NOON, NOON - timedelta(2)]).summary(Sent(by={By.DAY: days}))
    axis = shown(summary)
    assert len(axis) == 11
    bins = bins_of(summary, axis)
    assert bins.sent == [100] * 11
    assert [share is not None for share in bins.rates] == [True] * 11
    assert shown(collected([]).summary(Sent(by={By.DAY: {"2026-11-20": 5}}))).unit == "hour"
    assert axis_of(collected([]).summary(Sent(by={By.DAY: {"2027-01-01": 5}})), NOON) is None


def test_hours_have_rates_where_a_log_shows_how_much_was_sent() -> None:
    collector = collected([NOON, NOON - timedelta(hours=2)])
    for number in range(9):
        verdict = replace(HARD, bounce_type=None, reason=None, advice=None, recipient=f"d{number}@example.org")
        collector.add(Report(kind=Kind.DELIVERED, verdicts=(verdict,), message=MessageFacts(date=NOON)))
    summary = collector.summary(collector.seen())
    bins = bins_of(summary, shown(summary))
    assert bins.sent == [1, None, 10]
    assert summary.rates[By.DAY].total.sent == 11
    assert summary.rates[By.DOMAIN]["example.org"].sent == 11
    assert collected([NOON]).seen() == Sent()


def test_providers_have_a_trend() -> None:
    collector = Collector()
    for number in range(300):
        verdict = replace(HARD, recipient=f"u{number}@example.org", key=str(number), provider=f"p{number % 3}")
        when = NOON - timedelta(days=number % 150)
        collector.add(Report(kind=Kind.BOUNCE, verdicts=(verdict,), message=MessageFacts(date=when)))
    page = render(collector.summary(), made=NOON)
    assert page.count('<svg class="spark"') == 3
    verdict = replace(HARD, recipient="x@example.org", key="x", provider="long ago")
    message = MessageFacts(date=NOON - timedelta(days=4_000))
    collector.add(Report(kind=Kind.BOUNCE, verdicts=(verdict,), message=message))
    page = render(collector.summary(), made=NOON)
    assert "long ago" in page
    assert page.count('<svg class="spark"') == 3
    single = render(collected([NOON]).summary(), made=NOON)
    assert "spark" not in re.sub(r"<style>.*?</style>", "", single, flags=re.DOTALL)
