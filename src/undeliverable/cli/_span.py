"""`--since`, `--until`, `--day`, `--yesterday` and `--tz`: the time that a summary is about.

A day is one of the clock on the wall: from midnight to midnight in the zone, which has 23 or 25 hours twice a year. Times
without a zone are of that zone, too; the default is the zone of this computer, in which its logs are written.
"""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from undeliverable.cli._command import UsageError

if TYPE_CHECKING:
    from undeliverable.summary import Span

__all__ = ["add_span_options", "span_of", "zone_of"]

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_AGO: Final = re.compile(r"(\d{1,6})(m|h|d|w)", re.ASCII)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LOCAL: Final = "/etc/localtime"
_ZONES: Final = "zoneinfo/"  # what stands before the name of a zone in a path


def add_span_options(parser: ArgumentParser) -> None:
    """Declare the options about time."""
    time = parser.add_argument_group("time")
    time.add_argument(
        "--since",
        metavar="TIME",
        help="only from this time on: 2026-11-29T06:00, a day, or so long ago: 90m, 24h, 7d, 4w",
    )
    time.add_argument("--until", metavar="TIME", help="only up to this time, or to the end of this day")
    time.add_argument("--day", metavar="DAY", help="only this day, such as 2026-11-29")
    time.add_argument("--yesterday", action="store_true", help="only the day before today")
    time.add_argument(
        "--tz", metavar="ZONE",
        help="the time zone of days, hours and of log lines without one, such as Europe/Berlin; by default this computer's",
    )  # fmt: skip


def zone_of(options: Namespace) -> tzinfo:
    """Return the zone that `--tz` names, else that of this computer.

    :raises UsageError: for an unknown zone.
    """
    from zoneinfo import ZoneInfo

    if options.tz is None:
        return _local_zone()
    try:
        return ZoneInfo(options.tz)
    except (OSError, ValueError, KeyError):  # as ZoneInfo raises them: no such file, no such name
        raise UsageError(
            f"--tz: unknown time zone {options.tz!r}; expected a name such as Europe/Berlin or UTC (where the system has"
            " none: pip install tzdata)"
        ) from None


def _local_zone() -> tzinfo:
    from zoneinfo import ZoneInfo

    named = os.environ.get("TZ", "").lstrip(":")
    with suppress(OSError, ValueError, KeyError):
        if named:
            return ZoneInfo(named)
        # The rules of the zone, and not today's offset alone: yesterday may have had another one.
        with open(_LOCAL, "rb") as file:
            name = os.path.realpath(_LOCAL).rpartition(_ZONES)[2]
            return ZoneInfo.from_file(file, key=name if _is_name(name) else "local time")
    return datetime.now(UTC).astimezone().tzinfo or UTC


def _is_name(text: str) -> bool:
    return bool(text) and not text.startswith("/")


def span_of(options: Namespace, now: datetime, zone: tzinfo) -> Span:
    """Return the span of time that the options select.

    :param now: the time, with a zone.
    :raises UsageError: for what is no time, or options that exclude each other.
    """
    from undeliverable.summary import Span

    given = [f"--{name}" for name in ("since", "until", "day", "yesterday") if getattr(options, name)]
    if len(given) > 1 and not {"--since", "--until"}.issuperset(given):
        raise UsageError(f"{given[-1]}: does not go with {given[0]}")
    if options.yesterday:
        return _day_of(now.astimezone(zone).date() - timedelta(days=1), zone)
    if options.day is not None:
        return _day_of(_day("--day", options.day), zone)
    begin = _time("--since", options.since, now, zone)
    end = _time("--until", options.until, now, zone, is_end=True)
    if begin is not None and end is not None and end <= begin:
        raise UsageError(f"--until: {options.until} is not after {options.since}")
    return Span(begin, end)


def _day_of(day: date, zone: tzinfo) -> Span:
    from undeliverable.summary import Span

    return Span(_midnight(day, zone), _midnight(day + timedelta(days=1), zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _day(option: str, text: str) -> date:
    with suppress(ValueError):
        day = date.fromisoformat(text)
        if _DAY.fullmatch(text) and date.min < day < date.max:
            return day
    raise UsageError(f"{option}: invalid day {text!r}; expected one such as 2026-11-29")


def _time(option: str, text: str | None, now: datetime, zone: tzinfo, *, is_end: bool = False) -> datetime | None:
    """Return the time that an option gives; of a day its begin, or its end with `is_end`."""
    if text is None:
        return None
    with suppress(ValueError, OverflowError):
        if _DAY.fullmatch(text):
            span = _day_of(_day(option, text), zone)
            return span.end if is_end else span.begin
        ago = _AGO.fullmatch(text)
        if ago is not None:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=zone) if time.tzinfo is None else time
    raise UsageError(
        f"{option}: invalid time {text!r}; expected a time such as 2026-11-29T06:00 or 2026-11-29T06:00+01:00, a day such"
        " as 2026-11-29, or how long ago: 90m, 24h, 7d, 4w"
    )
