"""Times of log lines that say neither year nor zone, as syslog's do.

The core asks no clock: it leaves such dates out, or takes them as UTC. Whoever makes a summary of yesterday knows what day
it is and in which zone the server writes its log, and can complete them.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final

__all__ = ["stamp_of"]

# RFC 3164 4.1.2 ("Nov 21 21:16:19", some with a year), and ISO dates without a zone (Exim's mainlog).
_STAMP: Final = re.compile(
    rb"(?:<\d{1,3}>)?(?:"
    rb"(?P<name>[A-Z][a-z]{2}) (?P<mday>[ \d]\d) (?:(?P<whole>\d{4}) )?|(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[T ]"
    rb")(?P<clock>\d\d:\d\d:\d\d)(?:[.,]\d{1,9})?(?! ?(?:Z\b|[+-]\d\d))[ :]"
)
_MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_AHEAD: Final = timedelta(days=1)  # a clock may be wrong, and a line a little younger than "now"
_BACK: Final = 8  # years between two leap days, at most


def stamp_of(line: bytes, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the time at the beginning of a log line that lacks its year or its zone, or None.

    :param now: the time of the reader, with a zone: a date without a year is the latest one that is not in the future.
    :param zone: the zone of the server that wrote the line.
    """
    match = _STAMP.match(line)
    if match is None:
        return None
    hour, minute, second = map(int, match["clock"].split(b":"))
    if match["name"] is None:
        return _made(int(match["year"]), int(match["month"]), int(match["day"]), (hour, minute, second), zone)
    if match["name"] not in _MONTHS:
        return None
    month, day = _MONTHS.index(match["name"]) + 1, int(match["mday"])
    if match["whole"] is not None:
        return _made(int(match["whole"]), month, day, (hour, minute, second), zone)
    latest = now + _AHEAD
    years = range(latest.astimezone(zone).year, latest.year - _BACK - 1, -1)
    found = (_made(year, month, day, (hour, minute, second), zone) for year in years)
    return next((time for time in found if time is not None and time <= latest), None)


def _made(year: int, month: int, day: int, clock: tuple[int, int, int], zone: tzinfo) -> datetime | None:
    try:
        return datetime(year, month, day, *clock, tzinfo=zone)
    except ValueError:  # no such day, or 23:59:60
        return None
