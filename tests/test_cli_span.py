"""`--since`, `--until`, `--day`, `--yesterday`, `--tz`: days of the clock on the wall, and errors in words."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser, Namespace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable.cli import _span
from undeliverable.cli._command import UsageError
from undeliverable.cli._span import add_span_options, span_of, zone_of
from undeliverable.summary import Span

NOW = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def options(*words: str) -> Namespace:
    parser = ArgumentParser()
    add_span_options(parser)
    return parser.parse_args(words)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("words", "begin", "end"),
    [
        ((), None, None),
        (("--yesterday",), "2026-11-29T00:00+01:00", "2026-11-30T00:00+01:00"),
        (("--day", "2026-11-29"), "2026-11-29T00:00+01:00", "2026-11-30T00:00+01:00"),
        (("--day", "2026-03-29"), "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"),
        (("--since", "24h"), "2026-11-29T00:30+00:00", None),
        (("--since", "90m", "--until", "30m"), "2026-11-29T23:00+00:00", "2026-11-30T00:00+00:00"),
        (("--since", "2w", "--until", "7d"), "2026-11-16T00:30+00:00", "2026-11-23T00:30+00:00"),
        (("--since", "2026-11-29T06:00"), "2026-11-29T06:00+01:00", None),
        (("--since", "2026-07-29T06:00"), "2026-07-29T06:00+02:00", None),
        (("--since", "2026-11-29T06:00Z"), "2026-11-29T06:00+00:00", None),
        (("--since", "2026-11-28", "--until", "2026-11-29"), "2026-11-28T00:00+01:00", "2026-11-30T00:00+01:00"),
    ],
)
def test_the_span(words: tuple[str, ...], begin: str | None, end: str | None) -> None:
    found = span_of(options(*words), NOW, BERLIN)
    assert found == Span(begin and at(begin), end and at(end))  # type: ignore[arg-type]


def test_yesterday_is_another_day_elsewhere() -> None:
    found = span_of(options("--yesterday"), NOW, ZoneInfo("America/New_York"))
    assert found.begin == at("2026-11-28T00:00-05:00")


@given(st.dates(date(2000, 1, 2), date(2037, 12, 30)), st.sampled_from(["Europe/Berlin", "UTC", "America/New_York"]))
def test_days_follow_each_other_without_a_gap(day: date, name: str) -> None:
    zone = ZoneInfo(name)
    one, other = (span_of(options("--day", str(day + timedelta(n))), NOW, zone) for n in (0, 1))
    assert one.end == other.begin
    assert one.begin is not None
    assert one.end is not None
    assert one.end.astimezone(UTC) - one.begin.astimezone(UTC) in {timedelta(hours=n) for n in (23, 24, 25)}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--day", "29.11.2026"), "--day: invalid day '29.11.2026'"),
        (("--day", "2026-02-30"), "--day: invalid day"),
        (("--day", "20261129"), "--day: invalid day"),
        (("--day", "9999-12-31"), "--day: invalid day"),
        (("--since", "yesterday"), "--since: invalid time 'yesterday'; expected a time such as"),
        (("--since", "2026-02-30"), "--since: invalid day"),
        (("--until", "999999w"), "--until: invalid time"),
        (("--until", "5y"), "--until: invalid time"),
        (("--since", "1h", "--until", "2h"), "--until: 2h is not after 1h"),
        (("--day", "2026-11-29", "--yesterday"), "--yesterday: does not go with --day"),
        (("--since", "1h", "--day", "2026-11-29"), "--day: does not go with --since"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], error: str) -> None:
    with pytest.raises(UsageError) as found:
        span_of(options(*words), NOW, BERLIN)
    assert str(found.value).startswith(error)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../etc/passwd", "", "/etc/localtime", "x\0"])
def test_an_unknown_zone(name: str) -> None:
    with pytest.raises(UsageError, match="--tz: unknown time zone"):
        zone_of(options("--tz", name))


def test_a_zone_by_name() -> None:
    assert zone_of(options("--tz", "Europe/Berlin")) == BERLIN


def test_the_zone_of_the_computer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    local = tmp_path / "zoneinfo" / "Europe" / "Berlin"
    local.parent.mkdir(parents=True)
    found = [Path(folder) / "Europe/Berlin" for folder in __import__("zoneinfo").TZPATH]
    if not any(path.exists() for path in found):
        pytest.skip("the system has no zones")
    shutil.copy(next(path for path in found if path.exists()), local)
    link = tmp_path / "localtime"
    link.symlink_to(local)
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(_span, "_LOCAL", str(link))
    zone = zone_of(options())
    assert str(zone) == "Europe/Berlin"
    assert NOW.astimezone(zone).utcoffset() == timedelta(hours=1)
    copied = tmp_path / "copied"
    shutil.copy(local, copied)
    monkeypatch.setattr(_span, "_LOCAL", str(copied))
    assert str(zone_of(options())) == "local time"
    monkeypatch.setattr(_span, "_LOCAL", str(tmp_path / "none"))
    assert isinstance(zone_of(options()), timezone)
    monkeypatch.setenv("TZ", ":Europe/Berlin")
    assert str(zone_of(options())) == "Europe/Berlin"
    monkeypatch.setenv("TZ", "CET-1CEST")  # rules of POSIX, which no file has
    assert isinstance(zone_of(options()), timezone)
