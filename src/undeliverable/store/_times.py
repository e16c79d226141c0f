"""Parse the times in files of other systems."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

__all__ = ["time_in"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER: Final = re.compile(r"\d{9,17}(?:\.\d{1,9})?")
_MILLISECONDS: Final = 10**11  # as seconds this would be after the year 5000
_US: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: (\d{1,2}):(\d\d)(?::(\d\d))?)?")


def time_in(text: str | None) -> datetime | None:
    """Parse ISO 8601, RFC 5322, seconds or milliseconds since 1970, or month/day/year; return None for anything else.

    A time without a zone is taken for UTC.
    """
    if not text:
        return None
    time = _parsed(text.strip())
    if time is None:
        return None
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        return None


def _parsed(text: str) -> datetime | None:
    if _NUMBER.fullmatch(text):
        seconds = float(text)
        seconds = seconds / 1000 if seconds >= _MILLISECONDS else seconds
        try:
            return _EPOCH + timedelta(seconds=seconds)
        except OverflowError:
            return None
    try:
        return datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        pass
    us = _US.fullmatch(text)
    try:
        if us is not None:
            month, day, year, hour, minute, second = (int(part or 0) for part in us.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
