"""Summaries of a day: every verdict counts once, periods add up, and what changed is more than chance."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import Kind, Report, classify, iter_log, parse, read
from undeliverable.rates import Decision, Levels
from undeliverable.summary import (
    Change,
    ListNews,
    Numbers,
    ReasonCount,
    Span,
    Summary,
    SummaryCounter,
    _count,
    changes,
    decide,
    masked,
    outcome_of,
    stamp_of,
    time_of,
)

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def bounce(reply: str, recipient: str = "kim@example.org", at: datetime | None = NOON) -> Report:
    """Return the report of a reply, as one that arrived at a time."""
    verdict = classify(reply, recipient=recipient)
    return replace(parse(b""), kind=Kind.BOUNCE, verdicts=(verdict,), received=at)


DEAD = bounce("550 5.1.1 no such user")
FULL = bounce("452 4.2.2 mailbox full")
SPAM = bounce("550 5.7.1 rejected as spam")
COMPLAINT = replace(DEAD, kind=Kind.COMPLAINT, verdicts=(replace(DEAD.verdicts[0], bounce_type=None),))
DELIVERED = replace(DEAD, kind=Kind.DELIVERED, verdicts=(replace(DEAD.verdicts[0], bounce_type=None, reason=None),))


def summed(*reports: Report, span: Span | None = None, is_complete: bool = False, sent: int | None = None) -> Summary:
    counter = SummaryCounter(span)
    for report in reports:
        counter.add(report)
    return counter.summary(is_complete=is_complete, sent=sent)


def everything() -> Iterator[Report]:
    for folder in ("bounces", "delays", "complaints", "delivered", "auto-replies"):
        yield from read(FIXTURES / folder)
    with (FIXTURES / "logs/exim.log").open("rb") as log:
        yield from iter_log(log)


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    return list(everything())


def test_the_numbers_are_those_of_the_verdicts(reports: list[Report]) -> None:
    found = summed(*reports)
    records = [report.to_dict() for report in reports]
    verdicts = [(record["kind"], verdict) for record in records for verdict in record["verdicts"]]  # type: ignore[attr-defined]
    assert found.kinds == Counter(record["kind"] for record in records)
    assert found.types == Counter(one["bounce_type"] for _, one in verdicts if one["bounce_type"] is not None)
    failed = [one for kind, one in verdicts if kind == "bounce" and one["bounce_type"] and one["action"] != "delayed"]
    assert found.totals.failed == len(failed)
    for kind in ("hard", "soft", "undetermined"):
        assert getattr(found.totals, kind) == sum(one["bounce_type"] == kind for one in failed)
    for kind, number in (("delivered", found.totals.delivered), ("delay", found.totals.deferred)):
        assert number == sum(one == kind for one, _ in verdicts)
    assert found.totals.complaints == sum(kind == "complaint" for kind, _ in verdicts)


def test_each_table_adds_up_to_the_totals(reports: list[Report]) -> None:
    found = summed(*reports)
    assert sum(row.count for row in found.reasons) == found.totals.failed == sum(found.advice.values())
    by_hour = sum(sum(numbers.to_dict().values()) for numbers in found.hours.values())
    assert by_hour + found.no_hour == sum(found.totals.to_dict().values())
    nameless = sum(
        not verdict.recipient
        for report in reports
        for verdict in report.verdicts
        if outcome_of(report, verdict) is not None
    )
    named = Numbers(**found.other_domains.to_dict())
    for numbers in found.domains.values():
        named.join(numbers)
    assert sum(named.to_dict().values()) + nameless == sum(found.totals.to_dict().values())
    for provider, numbers in found.providers.items():
        assert sum(found.at.get(provider, {}).values()) == numbers.failed


def test_the_order_of_reports_makes_no_difference(reports: list[Report]) -> None:
    one, other = summed(*reports), summed(*reversed(reports))
    assert replace(one, reasons=()) == replace(other, reasons=())
    assert [replace(row, reply="") for row in one.reasons] == [
        replace(row, reply="") for row in other.reasons
    ]  # of replies seen equally often, the first one is shown


TIMES = st.integers(0, 29 * 86_400).map(lambda seconds: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=seconds))


@given(
    st.lists(st.tuples(st.sampled_from([DEAD, FULL, SPAM, COMPLAINT, DELIVERED]), TIMES), max_size=12),
    st.lists(TIMES, max_size=3),
)
def test_periods_add_up(given_: list[tuple[Report, datetime]], cuts: list[datetime]) -> None:
    timed = [replace(report, received=time) for report, time in given_]
    borders = [None, *sorted(cuts), None]
    whole, parts = summed(*timed), [summed(*timed, span=Span(*pair)) for pair in pairwise(borders)]
    added = Numbers()
    for part in parts:
        added.join(part.totals)
        assert part.reports + part.outside == len(timed)
    assert added == whole.totals


@given(TIMES, st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"]))
def test_an_hour_is_that_of_the_zone(time: datetime, name: str) -> None:
    counter = SummaryCounter(zone=ZoneInfo(name))
    counter.add(DEAD, time)
    assert list(counter.summary().hours) == [f"{time.astimezone(ZoneInfo(name)):%Y-%m-%dT%H}"]


def test_a_summary_survives_json(reports: list[Report]) -> None:
    news = ListNews(suppressed=9, added={"hard_bounce": 2}, lifted=1, held=3, on_hold=("google",), warnings=("one",))
    for found in (
        summed(*reports, is_complete=True),
        summed(DEAD, span=Span(NOON, NOON + timedelta(1)), sent=7),
        replace(Summary(), news=news),
    ):
        assert Summary.from_dict(json.loads(json.dumps(found.to_dict()))) == found
        assert Summary.from_dict({**found.to_dict(), "more": 1}) == found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"summary": 2}, "a summary of version 2"),
        ({"lines": "9"}, "'9' is not a number"),
        ({"totals": {"hard": None}}, "None is not a number"),
        ({"zone": 1, "hours": []}, "not a summary"),
        ({"first": "yesterday"}, "yesterday"),
    ],
)
def test_what_is_no_summary(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Summary.from_dict({**Summary().to_dict(), **change})


@pytest.mark.parametrize("record", [{}, [], None, "summary", {"schema": 2}])
def test_other_json_is_no_summary(record: object) -> None:
    with pytest.raises(ValueError, match="not a summary"):
        Summary.from_dict(record)


def test_memory_does_not_grow_with_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_HOURS", "_DOMAINS", "_REPLIES"):
        monkeypatch.setattr(_count, name, 2)
    monkeypatch.setattr(_count, "_SHOWN", 1)
    found = summed(
        *(
            bounce(f"550 5.1.1 no such user {'x' * number}", f"kim@d{number}.example", NOON + timedelta(hours=number))
            for number in range(5)
        )
    )
    assert (len(found.hours), found.no_hour) == (2, 3)
    assert ([*found.domains], found.other_domains.hard) == (["d0.example"], 4)
    assert [(row.count, row.replies) for row in found.reasons] == [(5, 1)]


def test_the_reply_seen_most_stands_for_a_reason() -> None:
    other = bounce("550 5.1.1 <lee@example.org> unknown user 12345678-9abc", "lee@example.org")
    third = bounce("550 5.1.1 <mia@example.org> unknown user abcdef12-0000", "mia@example.org")
    (row,) = summed(DEAD, other, third).reasons
    assert row == ReasonCount("user_unknown", "hard", "suppress", 3, "550 5.1.1 <…> unknown user …", 2)


def test_a_verdict_without_reply_or_recipient_counts() -> None:
    bare = replace(DEAD.verdicts[0], reply=None, recipient=None, reason=None, advice=None, provider="google")
    found = summed(replace(DEAD, verdicts=(bare,)))
    assert (found.totals.hard, found.domains) == (1, {})
    assert found.reasons == (ReasonCount("undefined", "hard", "none", 1),)
    assert found.at == {"google": {"undefined": 1}}


def test_a_report_without_a_date_counts_where_every_time_does() -> None:
    found = summed(replace(DEAD, received=None))
    assert (found.totals.hard, found.no_hour, found.undated) == (1, 1, 1)


@pytest.mark.parametrize("hours", [-12, 12])
def test_a_date_at_the_end_of_the_calendar_is_no_error(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    end = datetime.max.replace(tzinfo=zone) if hours < 0 else datetime.min.replace(tzinfo=zone)
    found = summed(replace(DEAD, received=end))
    assert (found.totals.hard, found.first, len(found.hours)) == (1, end, 1)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d", hour) for hour in found.hours)


def test_a_date_in_the_future_is_taken_for_none() -> None:
    for ahead, hours in ((timedelta(hours=23), 1), (timedelta(hours=25), 0), (timedelta(days=900_000), 0)):
        counter = SummaryCounter(now=NOON)
        counter.add(replace(DEAD, received=NOON + ahead))
        found = counter.summary()
        assert (found.totals.hard, len(found.hours), found.no_hour) == (1, hours, 1 - hours)


def test_a_report_without_a_date_is_left_out_of_a_span_and_said() -> None:
    closed = summed(replace(DEAD, received=None), span=Span(begin=NOON))
    assert (closed.totals.hard, closed.undated, closed.outside) == (0, 1, 0)


def test_the_time_of_a_report_is_that_of_its_receipt() -> None:
    verdict = replace(DEAD.verdicts[0], last_attempt_date=NOON + timedelta(2))
    message = replace(DEAD.message, date=NOON + timedelta(3), arrival_date=NOON + timedelta(4))
    full = replace(DEAD, verdicts=(verdict,), message=message)
    assert time_of(full) == NOON
    assert time_of(replace(full, received=None)) == NOON + timedelta(2)
    assert time_of(replace(full, received=None, verdicts=())) == NOON + timedelta(3)
    assert time_of(replace(DEAD, received=None, message=replace(message, date=None))) == NOON + timedelta(4)
    assert summed(replace(DEAD, received=NOON.replace(tzinfo=None))).first == NOON


def test_what_refusals_of_the_sender_name_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    forged = bounce("550 5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy")
    listed = bounce("554 5.7.1 Service unavailable; client host blocked using zen.spamhaus.org")
    found = summed(DEAD, *[forged] * 2, listed, bounce("550 5.7.1 Access denied, bad reputation of your IP address"))
    assert found.advice["fix_sender"] == 4
    assert list(found.named.values()) == [2, 1]
    assert next(iter(found.named)) == "dmarc"
    monkeypatch.setattr(_count, "_NAMED", 1)
    assert summed(*[forged] * 2, listed).named == {"dmarc": 2}


def test_a_summary_does_not_change_while_counting_goes_on() -> None:
    counter = SummaryCounter()
    counter.add(DEAD)
    first = counter.summary()
    before = first.to_dict()
    counter.add(DEAD)
    counter.add(FULL)
    assert first.to_dict() == before
    assert counter.summary().totals.failed == 3


@pytest.mark.parametrize(
    "address",
    [
        "kim@example.org",
        "<kim@example.org>",
        "'kim@example.org'",
        "o'brien@example.org",
        '"kim doe"@example.org',
        r'"kim \" doe"@example.org',
        "kim@[192.0.2.1]",
        "kim@[IPv6:2001:db8::1]",
        "kim%40example.org",
        f"{'kim.' * 50}doe@example.org",
        "jörg@bücher.example",
    ],
)
def test_no_part_of_an_address_is_left_in_a_reply(address: str) -> None:
    left = masked(f"550 5.1.1 {address}: no such user")
    assert re.fullmatch(r"550 5\.1\.1 '?<…>'?:? no such user", left)


def test_a_negative_number_sent_is_an_error() -> None:
    with pytest.raises(ValueError, match="negative"):
        summed(sent=-1)


# --- times of log lines -----------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 30, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Nov 29 21:16:19 mx postfix/smtp[1]: x", datetime(2026, 11, 29, 21, 16, 19, tzinfo=BERLIN)),
        ("<22>Nov  9 01:02:03 mx postfix/smtp[1]: x", datetime(2026, 11, 9, 1, 2, 3, tzinfo=BERLIN)),
        ("Dec  1 12:00:00 mx x", datetime(2025, 12, 1, 12, tzinfo=BERLIN)),  # in 15 h: last year's
        ("Dec  1 10:00:00 mx x", datetime(2026, 12, 1, 10, tzinfo=BERLIN)),  # a clock that is ahead
        ("Feb 29 01:00:00 mx x", datetime(2024, 2, 29, 1, tzinfo=BERLIN)),
        ("Nov 21 2025 21:16:19 mx x", datetime(2025, 11, 21, 21, 16, 19, tzinfo=BERLIN)),
        ("Jul  1 12:00:00.123 mx x", datetime(2026, 7, 1, 12, tzinfo=BERLIN)),
        ("2026-11-21 21:16:19 1aB-2c <= kim", datetime(2026, 11, 21, 21, 16, 19, tzinfo=BERLIN)),
        ("2026-11-21T21:16:19.123 mx x", datetime(2026, 11, 21, 21, 16, 19, tzinfo=BERLIN)),
        ("2026-11-21 21:16:19 +0000 1aB-2c", None),
        ("2026-11-21T21:16:19+01:00 mx x", None),
        ("2026-11-21T21:16:19Z mx x", None),
        ("2026-02-30 21:16:19 x", None),
        ("Nov 31 21:16:19 mx x", None),
        ("Okt 21 21:16:19 mx x", None),
        ("Nov 21 23:59:60 mx x", None),
        ("mx Nov 21 21:16:19", None),
        ("", None),
    ],
)
def test_the_stamp_of_a_line(line: str, expected: datetime | None) -> None:
    assert stamp_of(line.encode(), NOW, BERLIN) == expected


@given(st.integers(0, 363 * 86_400))
def test_a_date_of_the_last_year_gets_its_year(seconds: int) -> None:
    time = NOW - timedelta(seconds=seconds)
    text = f"{time:%b} {time.day:2d} {time:%H:%M:%S} mx x"
    assert stamp_of(text.encode(), NOW, UTC) == time


# --- changes ----------------------------------------------------------------------------------------------------------


def test_a_day_like_the_one_before_has_no_changes(reports: list[Report]) -> None:
    found = summed(*reports)
    assert changes(found, found) == ()


def test_twice_the_mail_with_twice_the_bounces_is_no_change() -> None:
    one, two = summed(*[DEAD] * 50, sent=1_000), summed(*[DEAD] * 100, sent=2_000)
    assert changes(one, two) == () == changes(two, one)
    assert {change.name for change in changes(one, replace(two, sent=1_000))} >= {"hard", "user_unknown", "example.org"}


def test_numbers_are_scaled_by_time_where_nobody_knows_what_was_sent() -> None:
    day, week = Span(NOON, NOON + timedelta(1)), Span(NOON, NOON + timedelta(7))
    one, seven = replace(summed(*[DEAD] * 40), span=day), replace(summed(*[DEAD] * 280), span=week)
    assert changes(one, seven) == ()
    assert changes(replace(one, span=week), seven)
    # Without a span, the first and the last report say how long it was.
    begun = replace(one, span=Span(), last=NOON + timedelta(1))
    assert changes(begun, seven) == ()
    assert changes(replace(one, span=Span(), first=None), seven)


def test_what_changed_is_said_with_both_numbers() -> None:
    there = replace(SPAM.verdicts[0], provider="google")
    before, now = summed(*[DEAD] * 10), summed(*[DEAD] * 10, *[replace(SPAM, verdicts=(there,))] * 30)
    found = {(one.what, one.name): one for one in changes(before, now)}
    reason = str(SPAM.verdicts[0].reason)
    assert found["provider", f"google: {reason}"] == Change("provider", f"google: {reason}", 0, 30, 0.0)
    assert found["reason", reason].weight > 0
    assert ("total", "hard") not in found
    gone = {(one.what, one.name): one for one in changes(now, before)}
    assert gone["reason", reason].weight < 0


def test_small_numbers_are_no_change() -> None:
    assert changes(summed(), summed(*[DEAD] * 4)) == ()


def test_a_domain_that_was_not_named_is_not_taken_for_0() -> None:
    before = replace(summed(DEAD), other_domains=Numbers(hard=500))
    now = summed(*[bounce("550 5.1.1 no", "kim@other.example")] * 50)
    assert "domain" not in {change.what for change in changes(before, now)}
    assert "domain" in {change.what for change in changes(summed(DEAD), now)}


# --- the decision -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("summary", "decision", "words"),
    [
        (Summary(totals=Numbers(hard=90)), None, ()),
        (Summary(totals=Numbers(hard=9), sent=1_000), Decision.OK, ()),
        (Summary(totals=Numbers(hard=30), sent=1_000), Decision.WATCH, ("3.00% of 1,000 (2.11-4.25) failed hard",)),
        (Summary(totals=Numbers(hard=90), sent=1_000), Decision.PAUSE, ("9.00% of 1,000",)),
        (Summary(totals=Numbers(hard=9), sent=100), Decision.WATCH, ("9.00% of 100",)),
        (Summary(totals=Numbers(complaints=20), sent=1_000), Decision.PAUSE, ("2.00% of 1,000 (1.30-3.07) complained",)),
        (Summary(totals=Numbers(hard=30, complaints=20), sent=1_000), Decision.PAUSE, ("failed hard", "complained")),
        (Summary(news=ListNews()), Decision.OK, ()),
        (Summary(news=ListNews(on_hold=("google",))), Decision.WATCH, ("google is on hold",)),
    ],
)  # fmt: skip
def test_the_decision(summary: Summary, decision: Decision | None, words: tuple[str, ...]) -> None:
    found = decide(summary)
    assert found.decision is decision
    assert len(found.why) == len(words)
    for why, word in zip(found.why, words, strict=True):
        assert word in why


def test_a_provider_is_a_reason_to_watch_only_where_its_rate_is_sure() -> None:
    busy = Numbers(delivered=10_000)
    for there, decision in (
        (Numbers(delivered=60, hard=40), Decision.WATCH),
        (Numbers(delivered=195, hard=5), Decision.OK),  # 2.5 %, which may be chance
        (Numbers(delivered=20, hard=20), Decision.OK),  # few people
    ):
        providers = {"google": busy, "yahoo": there}
        found = decide(Summary(totals=busy, sent=10_000, is_complete=True, providers=providers))
        assert found.decision is decision
        assert decide(Summary(totals=busy, sent=10_000, providers=providers)).decision is Decision.OK


def test_the_levels_are_those_of_the_rates() -> None:
    sent = 100_000
    for level in Levels().bounce:
        over = Summary(totals=Numbers(hard=round(level.rate * 1.3 * sent)), sent=sent)
        assert decide(over).decision is level.decision is over.rate.decision
