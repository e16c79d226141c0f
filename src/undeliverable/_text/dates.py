"""Dates as mail writes them: RFC 5322 3.3, its obsolete zones (4.3), and the two other shapes that reports hold."""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import starmap
from operator import itemgetter
from typing import Final

from undeliverable._text.lazy import lazy

__all__ = ["date_text", "in_utc_too", "parse_date"]

# RFC 5322 3.3 and 4.3.
_DATE: Final = lazy(
    r"\s{0,20}(?:[A-Za-z]{3,9},?\s{1,4})?(\d{1,2})[ \t-]{1,4}([A-Za-z]{3})[a-z]{0,6}\.?[ \t-]{1,4}(\d{4}|\d{2})[ \t]{1,4}"
    r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d{1,9})?[ \t]{0,4}([+-]\d{4}|[A-Za-z]{1,5})?",
    re.ASCII,
)
# The C library's asctime(3): "Thu Apr 29 23:34:45 2010", sometimes with a zone before or after the year.
_DATE_ASCTIME: Final = lazy(
    r"\s{0,20}[A-Za-z]{3,9},?\s{1,4}([A-Za-z]{3})[a-z]{0,6}\s{1,4}(\d{1,2}),?\s{1,4}(\d{1,2}):(\d{2})(?::(\d{2}))?\s{1,4}"
    r"(?:([+-]\d{4}|[A-Za-z]{3,5})\s{1,4})?(\d{4})(?:\s{1,4}([+-]\d{4}|[A-Za-z]{3,5}))?",
    re.ASCII,
)
# RFC 3339 5.6.
_DATE_ISO: Final = lazy(
    r"\s{0,20}(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt \t]{1,4}(\d{1,2})[:-](\d{2})(?:[:-](\d{2}))?(?:[.,]\d{1,9})?[ \t]{0,4}"
    r"([Zz]|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
# RFC 5322 4.3: zones by name, in minutes; the military letters and all other names mean "unknown", that is -0000.
_ZONES: Final = {"EDT": -240, "EST": -300, "CDT": -300, "CST": -360, "MDT": -360, "MST": -420, "PDT": -420, "PST": -480}

_iso: Final = datetime.fromisoformat
# "Tue, 06 Jan 2026 10:00:00 +0100", as nearly all mail writes it.
_pieces: Final = itemgetter(*starmap(slice, ((3, 5), (5, 7), (7, 12), (12, 16), (17, 25), (22, 23), (25, 31))))
_NUMBERS: Final = {f" {name.capitalize()} ": f"{number:02}" for name, number in _MONTHS.items()}
_ENDS: Final = (MINYEAR, MAXYEAR)
_LONGEST: Final = 160  # characters that a date of any shape has, all white space counted
_SIGNS: Final = frozenset((" +", " -"))
_UNIVERSAL: Final = frozenset((" GMT", " GMT ", " UT", " UTC", " Z", ""))  # RFC 5322 4.3


def date_text(value: datetime | None) -> str | None:
    """Return a date in ISO 8601 with its offset, as the public record has it."""
    return None if value is None else _written(value, value.tzinfo)


@lru_cache(maxsize=256)
def _written(value: datetime, zone: tzinfo | None) -> str:  # noqa: ARG001 # times of different zones are equal
    """Return ``value.isoformat()``, remembered: the same time stands in a report more than once."""
    return value.isoformat()


def parse_date(text: str) -> datetime | None:
    """Return the date that `text` begins with, always with an offset, or None where none can be read.

    A missing zone, and one by a name that RFC 5322 4.3 does not define, is taken as UTC. A date in the year 1 or 9999 that
    cannot be written in UTC is none.
    """
    return _parsed(text if len(text) <= _LONGEST else text[:_LONGEST])


def in_utc_too(date: datetime | None) -> datetime | None:
    """Return a date, or None for one that lies outside the years 1 to 9999 in UTC."""
    if date is not None and date.year in _ENDS:
        try:
            date.astimezone(UTC)
        except OverflowError:
            return None
    return date


@lru_cache(maxsize=512)
def _parsed(text: str) -> datetime | None:
    """Return the same, remembered: a report writes one date several times."""
    return in_utc_too(_usual(text))


def _usual(text: str) -> datetime | None:
    """Return the date that `text` begins with, by way of :func:`datetime.fromisoformat` where it has the usual shape."""
    comma, day, month, year, time, colon, zone = _pieces(text)
    if month not in _NUMBERS:
        usual = f"Day, {text}" if text[2:3] == " " else f"{text[:5]}0{text[5:]}"
        comma, day, month, year, time, colon, zone = _pieces(usual)
    if comma == ", " and colon == ":" and (zone in _UNIVERSAL or (zone[:2] in _SIGNS and len(zone) == 6)):
        try:
            return _iso(f"{year}-{_NUMBERS[month]}-{day}T{time}{'+0000' if zone in _UNIVERSAL else zone[1:]}")
        except (KeyError, ValueError):
            pass  # another shape, or no date
    return _any_shape(text)


def _any_shape(text: str) -> datetime | None:
    match = _DATE.match(text)
    if match is None:
        return _other_shape(text)
    day, month, year, hour, minute, second, zone = match.groups()
    return _date(year, _MONTHS.get(month.lower(), 0), day, hour, minute, second, zone)


def _other_shape(text: str) -> datetime | None:
    match = _DATE_ASCTIME.match(text)
    if match is not None:
        month, day, hour, minute, second, before, year, after = match.groups()
        return _date(year, _MONTHS.get(month.lower(), 0), day, hour, minute, second, before or after)
    match = _DATE_ISO.match(text)
    if match is None:
        return None
    year, number, day, hour, minute, second, zone = match.groups()
    return _date(year, int(number), day, hour or "0", minute or "0", second, zone)


def _date(
    year: str, month: int, day: str, hour: str, minute: str, second: str | None, zone: str | None
) -> datetime | None:
    # A leap second (RFC 5322 3.3: second 60) is one that datetime cannot hold.
    seconds = 0 if second is None else min(int(second), 59)
    try:
        return datetime(
            int(year) if len(year) == 4 else _full_year(int(year)),
            month,
            int(day),
            int(hour),
            int(minute),
            seconds,
            tzinfo=UTC if zone is None else _zone(zone),
        )
    except ValueError:
        return None


def _full_year(year: int) -> int:
    """Return the year in full, RFC 5322 4.3: 00 to 49 are of this century, 50 to 99 of the last."""
    return year + (2000 if year < 50 else 1900)


@lru_cache(maxsize=256)
def _zone(text: str) -> tzinfo:
    if text[0] in "+-":
        digits = text[1:].replace(":", "")
        minutes = int(digits[:2]) * 60 + int(digits[2:])
        minutes = -minutes if text[0] == "-" else minutes
    else:
        minutes = _ZONES.get(text.upper(), 0)
    # Offsets that no place has are mistakes, and datetime refuses a whole day.
    return timezone(timedelta(minutes=minutes)) if 0 < abs(minutes) < 1440 else UTC
