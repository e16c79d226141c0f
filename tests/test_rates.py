"""Rates: intervals, levels, decisions, and where the tags come from."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import undeliverable
from undeliverable import Action, BounceType, Event, Kind, MessageFacts, Report, Returned, Verdict, classify, parse
from undeliverable.rates import (
    BOUNCE_LEVELS,
    COMPLAINT_LEVELS,
    By,
    Decision,
    Level,
    Levels,
    RateCounter,
    Share,
    bounce_rates,
    day_of,
    wilson,
)
from undeliverable.tags import TagPlaces, Tags, tags_of
from undeliverable.verp import Pattern

HARD = classify("550 5.1.1 no such user")
SOFT = classify("452 4.2.2 mailbox full")
UNCLEAR = classify("550")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def returned(*lines: str, message_id: str | None = "<1@example.net>") -> Returned:
    return Returned("".join(f"{line}\n" for line in lines), message_id=message_id)


def report(
    verdict: Verdict,
    recipient: str | None,
    *lines: str,
    kind: Kind = Kind.BOUNCE,
    message_id: str | None = "<1@example.net>",
    date: datetime | None = NOON,
) -> Report:
    message = MessageFacts(returned=returned(*lines, message_id=message_id), date=date)
    return Report(kind=kind, verdicts=(replace(verdict, recipient=recipient, key=f"{recipient}"),), message=message)


def complaint(recipient: str, *lines: str) -> Report:
    return report(replace(HARD, bounce_type=None, reason=None), recipient, *lines, kind=Kind.COMPLAINT)


def campaign(name: str, *, hard: int = 0, soft: int = 0, complaints: int = 0) -> list[Report]:
    tag = f"X-Campaign: {name}"
    return [
        *(report(HARD, f"hard{number}@example.org", tag) for number in range(hard)),
        *(report(SOFT, f"soft{number}@example.org", tag) for number in range(soft)),
        *(complaint(f"angry{number}@example.org", tag) for number in range(complaints)),
    ]


# Worked out by hand with forty digits: (k + z²/2 ± z √(k(n-k)/n + z²/4)) / (n + z²), z = 1.959963984540054.
INTERVALS = [
    (0, 500, 0.0, 0.007624),
    (4, 200, 0.007804, 0.050287),
    (5, 250, 0.008572, 0.045956),
    (10, 200, 0.027383, 0.089578),
    (20, 1000, 0.012984, 0.030690),
    (60, 1000, 0.046896, 0.076471),
    (1, 1, 0.206549, 1.0),
    (200, 200, 0.981155, 1.0),
]


@pytest.mark.parametrize(("count", "whole", "low", "high"), INTERVALS)
def test_intervals_as_worked_out_by_hand(count: int, whole: int, low: float, high: float) -> None:
    share = Share.of(count, whole)
    assert (share.low, share.high) == pytest.approx((low, high), abs=1e-6)
    assert share.rate == count / whole


@pytest.mark.parametrize(("count", "whole"), [(1, 0), (-1, 5), (6, 5)])
def test_what_is_no_share_has_no_interval(count: int, whole: int) -> None:
    with pytest.raises(ValueError, match="not a share"):
        wilson(count, whole)


@given(st.integers(1, 10**7), st.floats(0, 1))
def test_an_interval_holds_the_rate(whole: int, part: float) -> None:
    count = round(whole * part)
    low, high = wilson(count, whole)
    assert 0 <= low <= count / whole <= high <= 1


# hard, complaints, sent: bounce rate, low, high, level reached, decision; the figures of the intervals as above.
TABLE = [
    ("clean", 0, 0, 500, 0.0, 0.0, 0.007624, None, Decision.OK),
    ("just-below", 19, 0, 1000, 0.019, 0.012197, 0.029484, None, Decision.OK),
    ("at-two", 20, 0, 1000, 0.02, 0.012984, 0.030690, 0.02, Decision.WATCH),
    ("at-five", 10, 0, 200, 0.05, 0.027383, 0.089578, 0.05, Decision.PAUSE),
    ("at-six", 60, 0, 1000, 0.06, 0.046896, 0.076471, 0.05, Decision.PAUSE),
    ("at-ten", 20, 0, 200, 0.1, 0.065670, 0.149406, 0.10, Decision.PAUSE),
    ("few-and-bad", 8, 0, 20, 0.4, 0.218807, 0.613418, 0.10, Decision.WATCH),
    ("few-and-lucky", 1, 0, 20, 0.05, None, None, None, Decision.OK),
    ("one-complaint", 0, 1, 1000, 0.0, 0.0, None, None, Decision.WATCH),
    ("one-of-200", 0, 1, 200, 0.0, 0.0, None, None, Decision.WATCH),
    ("three-complaints", 0, 3, 1000, 0.0, 0.0, None, None, Decision.PAUSE),
]


def test_rates_as_worked_out_by_hand() -> None:
    reports = [one for name, hard, angry, *_ in TABLE for one in campaign(name, hard=hard, complaints=angry)]
    rates = bounce_rates(reports, sent={row[0]: row[3] for row in TABLE}, by="campaign")
    assert len(rates.groups) == len(TABLE)
    for name, hard, angry, sent, rate, low, high, level, decision in TABLE:
        row = rates[name]
        assert (row.hard, row.complaints, row.sent, row.decision) == (hard, angry, sent, decision), name
        assert row.bounce is not None
        assert row.bounce.rate == rate
        assert low is None or row.bounce.low == pytest.approx(low, abs=1e-6)
        assert high is None or row.bounce.high == pytest.approx(high, abs=1e-6)
        assert (None if row.bounce_level is None else row.bounce_level.rate) == level, name
    total = rates.total
    assert (total.sent, total.hard, total.complaints) == (6140, 138, 5)
    assert total.bounce is not None
    assert total.bounce.rate == 138 / 6140
    assert total.decision is Decision.WATCH
    assert rates.decided(Decision.PAUSE) == ("at-six", "at-ten", "at-five", "three-complaints")


def test_levels_say_who_states_them() -> None:
    assert [level.rate for level in BOUNCE_LEVELS] == [0.02, 0.05, 0.10]
    assert [level.rate for level in COMPLAINT_LEVELS] == [0.001, 0.003]
    for levels in (BOUNCE_LEVELS, COMPLAINT_LEVELS):
        assert all(level.stated_by and level.meaning for level in levels)
        assert list(levels) == sorted(levels, key=lambda level: level.rate)
        assert levels[0].decision is Decision.WATCH


def test_levels_of_ones_own() -> None:
    own = Levels(bounce=(Level(0.5, Decision.PAUSE, "half of it", "us"),), minimum=2)
    assert bounce_rates(campaign("a", hard=20), sent={"a": 1000}, levels=own).total.decision is Decision.OK
    assert bounce_rates(campaign("a", hard=20), sent={"a": 20}, levels=own).total.decision is Decision.PAUSE


def test_a_recipient_counts_once_with_the_worst() -> None:
    tag = "X-Campaign: spring"
    for order in ((SOFT, HARD, UNCLEAR), (HARD, SOFT), (UNCLEAR, SOFT, HARD, HARD)):
        row = bounce_rates([report(verdict, "Kim@example.org", tag) for verdict in order], sent=100).total
        assert (row.hard, row.soft, row.undetermined, row.failed) == (1, 0, 0, 1)


def test_a_recipient_of_two_messages_counts_twice() -> None:
    reports = [report(HARD, "kim@example.org", message_id=f"<{number}@example.net>") for number in (1, 2, 2)]
    assert bounce_rates(reports).total.hard == 2
    unnamed = [report(replace(HARD), None), report(HARD, "kim@example.org", message_id=None)]
    assert bounce_rates(unnamed).total.hard == 2


def test_what_has_not_failed_does_not_count() -> None:
    delayed, delivered = (replace(SOFT, action=action) for action in (Action.DELAYED, Action.DELIVERED))
    reports = [
        report(delayed, "kim@example.org"),
        report(replace(delivered, bounce_type=None), "lee@example.org"),
        report(SOFT, "mia@example.org", kind=Kind.DELAY),
        report(HARD, "noa@example.org", kind=Kind.SUPPRESSED),
        report(replace(SOFT, action=Action.FAILED), "oli@example.org"),
    ]
    row = bounce_rates(reports, sent=10).total
    assert (row.hard, row.soft, row.complaints) == (0, 1, 0)


def test_numbers_sent() -> None:
    reports = [*campaign("a", hard=1), *campaign("b", soft=2), report(HARD, "kim@example.org")]
    unknown = bounce_rates(reports)
    assert [(row.group, row.sent, row.bounce, row.decision) for row in unknown.groups] == [
        ("a", None, None, None), (None, None, None, None), ("b", None, None, None),
    ]  # fmt: skip
    in_all = bounce_rates(reports, sent=400)
    assert in_all.total.bounce == Share.of(2, 400)
    assert in_all["a"].bounce is None
    some = bounce_rates(reports, sent={"a": 0, "c": 300})
    assert some["a"].bounce is None
    assert some["c"].decision is Decision.OK
    assert some.total.sent == 300
    with pytest.raises(KeyError):
        some["d"]
    with pytest.raises(ValueError, match="negative"):
        bounce_rates(reports, sent={"a": -1})
    with pytest.raises(ValueError, match="negative"):
        bounce_rates(reports, sent=-1)
    with pytest.raises(ValueError, match="weather"):
        bounce_rates(reports, by="weather")


def test_more_bounces_than_messages_are_shown_as_they_are() -> None:
    row = bounce_rates(campaign("a", hard=300), sent={"a": 250})["a"]
    assert row.bounce is not None
    assert row.bounce.rate == 1.2
    assert row.bounce.high == 1.0
    assert row.decision is Decision.PAUSE


def test_by_provider_domain_and_day() -> None:
    evening = datetime(2026, 11, 20, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    reports = [
        report(replace(HARD, provider="google"), "kim@Example.ORG."),
        report(HARD, "lee@example.com", date=evening),
        report(replace(HARD, last_attempt_date=NOON - timedelta(days=3)), "no address"),
        report(HARD, "mia@example.com", date=None),
    ]
    assert {row.group: row.hard for row in bounce_rates(reports, by=By.PROVIDER).groups} == {"google": 1, None: 3}
    assert {row.group: row.hard for row in bounce_rates(reports, by=By.DOMAIN).groups} == {
        "example.org": 1, "example.com": 2, None: 1,
    }  # fmt: skip
    days = bounce_rates(reports, by="day", sent={"2026-11-19": 10})
    assert [row.group for row in days.groups] == ["2026-11-17", "2026-11-19", "2026-11-20", "2026-11-21", None]


def test_the_day_where_the_report_has_none() -> None:
    bare = Report(kind=Kind.BOUNCE, verdicts=(HARD,))
    assert day_of(bare, HARD) is None
    naive = MessageFacts(returned=Returned("", date=datetime(2026, 11, 20)))  # noqa: DTZ001 # mail has such dates
    assert str(day_of(replace(bare, message=naive), HARD)) == "2026-11-20"


def test_the_record_is_json() -> None:
    rates = bounce_rates(campaign("a", hard=10), sent={"a": 200, "b": 0})
    record = json.loads(json.dumps(rates.to_dict()))
    assert record["by"] == "campaign"
    assert record["groups"][0]["bounce_rate"]["rate"] == 0.05
    assert record["groups"][0]["decision"] == "pause"
    assert record["groups"][1]["bounce_rate"] is None
    assert record["total"]["decision"] == "pause"


# --- tags -------------------------------------------------------------------------------------------------------------


def event(*tags: str, **metadata: object) -> Event:
    return Event(id="1", service="acme", tags=tags, metadata=metadata)


@pytest.mark.parametrize(
    ("lines", "told", "expected"),
    [
        (("X-Campaign: spring", "x-source: fair", "X-Segment: new"), None, Tags("spring", "fair", "new")),
        (("X-Campaign-ID: =?utf-8?q?Fr=C3=BChling?=",), None, Tags("Frühling")),
        (("Subject: X-Campaign: no", "X-Source:  "), None, Tags()),
        ((), event(campaign_id=17, list="fair", segment=True), Tags("17", "fair")),
        ((), event("source:fair", "Campaign=spring"), Tags("spring", "fair")),
        ((), event("spring"), Tags("spring")),
        ((), event("spring", "fair"), Tags()),
        ((), event("colour:red"), Tags()),
        (("X-Campaign: from-header",), event("spring"), Tags("from-header")),
        (("X-Campaign: " + "x" * 500,), None, Tags("x" * 200)),
    ],
)
def test_tags_of_headers_and_events(lines: tuple[str, ...], told: Event | None, expected: Tags) -> None:
    message = MessageFacts(returned=returned(*lines) if lines else None)
    assert tags_of(Report(kind=Kind.BOUNCE, message=message, event=told)) == expected


def test_tags_of_return_paths() -> None:
    places = TagPlaces(return_path=Pattern("b-{list}-{campaign}+{mailbox}={domain}@example.net"))
    path = "b-fair-spring+kim=example.org@example.net"
    bare = Report(kind=Kind.BOUNCE)
    assert tags_of(bare) == Tags()
    assert tags_of(bare, places) == Tags()
    assert tags_of(bare, places, addresses=("postmaster@example.net", path)) == Tags("spring", "fair")
    in_header = replace(bare, message=MessageFacts(returned=returned(f"Return-Path: <{path}>")))
    assert tags_of(in_header, places) == Tags("spring", "fair")
    in_log = replace(bare, message=MessageFacts(returned=Returned("", from_=path)))
    assert tags_of(in_log, places) == Tags("spring", "fair")
    assert bounce_rates([report(HARD, "kim@example.org", f"Return-Path: <{path}>")], places=places)["spring"].hard == 1


def test_tags_in_places_of_ones_own() -> None:
    places = TagPlaces(headers={"campaign": ("X-Mailing",)}, names={})
    message = MessageFacts(returned=returned("X-Mailing: 12", "X-Source: fair"))
    assert tags_of(Report(kind=Kind.BOUNCE, message=message), places) == Tags("12")


def test_real_messages_and_notifications_carry_their_tags() -> None:
    root = Path(__file__).parent.parent / "fixtures"
    read = parse((root / "bounces" / "exim-mixed.eml").read_bytes())
    assert tags_of(read).campaign == "c-m0434"
    body = {"event": "bounce", "email": "kim@example.org", "reason": "550 5.1.1 unknown", "status": "5.1.1",
            "type": "bounce", "timestamp": 1795000000, "category": ["spring"], "source": "fair"}  # fmt: skip
    (notice,) = undeliverable.parse_webhook("sendgrid", [body])
    assert tags_of(notice) == Tags("spring", "fair")
    counter = RateCounter(By.SOURCE)
    counter.add(notice, tags_of(notice))
    assert counter.rates(By.SOURCE, 100)["fair"].hard == 1
    assert counter.rates(By.SOURCE, 100).total.bounce == Share.of(1, 100)
    assert HARD.bounce_type is BounceType.HARD
    assert day_of(notice, notice.verdicts[0]) is not None
