"""Dates in the shapes in which mail has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable._text.dates import parse_date

SHAPES = [
    ("Sat, 21 Nov 2026 21:05:26 GMT", "2026-11-21T21:05:26+00:00"),
    ("Sat, 21 Nov 2026 21:16:20 +0000 (UTC)", "2026-11-21T21:16:20+00:00"),
    ("Thu, 9 Apr 2020 09:00:01 +0900 (JST)", "2020-04-09T09:00:01+09:00"),
    ("9 Apr 2020 09:00 -0330", "2020-04-09T09:00:00-03:30"),
    ("Thursday, 09 April 2020 09:00:01 PDT", "2020-04-09T09:00:01-07:00"),
    ("Tue,  7 Jul 2020 09:00:01 EST", "2020-07-07T09:00:01-05:00"),
    ("21 Nov 26 1:02 UT", "2026-11-21T01:02:00+00:00"),
    ("21-Nov-99 01:02:03", "1999-11-21T01:02:03+00:00"),
    ("Mon, 1 Jan 2024 10:00:60 +0100", "2024-01-01T10:00:59+01:00"),
    ("Mon, 1 Jan 2024 10:00:00 Z", "2024-01-01T10:00:00+00:00"),
    ("Mon, 1 Jan 2024 10:00:00 +9900", "2024-01-01T10:00:00+00:00"),
    ("Mon, 01 Jan 2024 10:00:00 :0000", "2024-01-01T10:00:00+00:00"),
    ("Mon, 01 Jan 2024 10:00:00", "2024-01-01T10:00:00+00:00"),
    ("Mon, 01 Jan 2024 10:00:00 +01", "2024-01-01T10:00:00+00:00"),
    ("Thu Apr 29 23:34:45 2010", "2010-04-29T23:34:45+00:00"),
    ("Thu Apr 29 23:34:45 EDT 2010", "2010-04-29T23:34:45-04:00"),
    ("Thu Apr 29 23:34:45 2010 +0900", "2010-04-29T23:34:45+09:00"),
    ("2007-12-03 12:11:10", "2007-12-03T12:11:10+00:00"),
    ("2007-12-03T12:11:10.5Z", "2007-12-03T12:11:10+00:00"),
    ("2007-12-03T12:11:10+05:30", "2007-12-03T12:11:10+05:30"),
    ("2007-12-03", "2007-12-03T00:00:00+00:00"),
]


@pytest.mark.parametrize(("text", "expected"), SHAPES)
def test_shapes(text: str, expected: str) -> None:
    date = parse_date(text)
    assert date is not None
    assert date.isoformat() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon, 01 Jan 0001 00:00:00 +1400", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("9999-12-31T23:59:59-00:01", None),
        ("Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59+00:00"),
        ("1 Jan 0001 02:00:00 +0200", "0001-01-01T02:00:00+02:00"),
    ],
)
def test_a_date_is_one_in_utc_too(text: str, expected: str | None) -> None:
    date = parse_date(text)
    assert (None if date is None else date.isoformat()) == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "Sat, 31 Feb 2026 10:00:00 +0000", "Sat, 1 Foo 2026 10:00:00 GMT", "2026-13-01", "99:99"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-1439, 1439))  # noqa: DTZ001
def test_rfc_5322_dates_come_back(date: datetime, minutes: int) -> None:
    sign, size = ("-" if minutes < 0 else "+"), abs(minutes)
    text = f"{date:%a, %d %b %Y %H:%M:%S} {sign}{size // 60:02}{size % 60:02}"
    expected = date.replace(microsecond=0, tzinfo=UTC) - timedelta(minutes=minutes)
    assert parse_date(text) == expected


@given(st.text(max_size=200))
def test_never_raises_and_always_has_an_offset(text: str) -> None:
    date = parse_date(text)
    assert date is None or date.tzinfo is not None
