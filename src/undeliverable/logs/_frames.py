"""Frames of log lines: the prefixes that loggers add (syslog of RFC 3164 and RFC 5424, ISO dates, multilog).

The frame gives date, host and program; the rest is the program's own line. A line without a frame is all the program's
own. What container engines and collectors put around that is described in data: :func:`peeled` takes it off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from undeliverable._knowledge.log_frames import FrameTable
from undeliverable._text.dates import parse_date
from undeliverable._text.lazy import lazy
from undeliverable.logs._values import line_at, text_at

__all__ = ["BARE", "Frame", "dated", "framed", "moment", "peeled", "unframe", "unwrapped", "within"]

# RFC 3164 4.1: "<22>Nov 21 21:16:18 mx postfix/smtp[15281]: ..."; also with a year or a fraction (journalctl, rsyslog),
# with an ISO date (RFC 3339) or the seconds since 1970 or since boot instead, with "<facility.level>" (BSD) or "facility.level"
# (BusyBox), or without a host.
_PLAIN: Final = lazy(
    r"(?:<\d{1,3}>)?"
    r"(?:[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d{1,9})?"
    r"|((?:[A-Z][a-z]{2} )?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d)| [A-Z]{2,5})?"
    r"|\d{9,11}\.\d{1,9})"
    r"|\[[ \d]{1,12}\.\d{1,9}\]) "
    r"(?:<[a-z0-9]{2,9}\.[a-z0-9]{2,9}> )?"
    r"(?:(\S{0,254}[^\s:]) (?:[a-z]{2,8}[0-7]?\.[a-z]{3,7} )?)?([^\s:\[\]]{1,96})(?:\[[^\]\s]{1,32}\])?: ",
    re.ASCII,
)
# RFC 5424 6: "<22>1 2026-11-21T21:16:18.003Z mx.example.net postfix/smtp 15281 - - ..."; "-" is the nil value.
_HEADER: Final = lazy(r"<\d{1,3}>1 (\S{1,48}) (\S{1,255}) (\S{1,96}) \S{1,128} \S{1,32} ", re.ASCII)
# 6.3: structured data: elements in brackets, whose quoted values can hold escaped brackets.
_ELEMENT: Final = lazy(r'\[[^\]"\n]{1,32}(?:[^"\]\n]{0,64}"(?:[^"\\\n]|\\.){0,4096}"){0,64}\]')
_BOM: Final = "\ufeff"
# multilog and tai64n: "@" and a TAI64N label, 16 digits of seconds (since 1970 TAI, plus 2^62) and 8 of nanoseconds.
_TAI64N: Final = lazy(r"@([0-9a-f]{16})[0-9a-f]{8} (?:[a-z][\w.-]{0,30}: )?")
_TAI_EPOCH: Final = 2**62 + 10  # TAI was ten seconds ahead of UTC in 1970
# A tag without a date, as "journalctl -o cat" prints a line of "logger -t".
_TAG: Final = lazy(r"([a-z][\w./-]{1,40})\[\d{1,10}\]: ", re.ASCII)
# What any of these frames begins with: a quick look.
_BEGINS: Final = lazy(r"[<@\[\d]|[A-Z][a-z]{2} |[a-z][\w./-]{1,40}\[", re.ASCII)
# The last second of the year 9999, the latest that a datetime can hold.
_FUTURE: Final = 253_402_300_799


class Frame(NamedTuple):
    """A line split from its frame.

    :ivar body: the program's own line.
    :ivar host: the host that logged it, or None.
    :ivar date: its date, or None if the frame has none with a year: the core never consults a clock.
    :ivar program: what logged it, such as ``postfix/lmtp``, or an empty text.
    """

    body: str
    host: str | None = None
    date: datetime | None = None
    program: str = ""


BARE: Final = Frame("")
"""No frame."""


def within(inner: Frame, outer: Frame) -> Frame:
    """Return the inner one of two frames, completed from the outer one."""
    if outer is BARE:
        return inner
    return Frame(inner.body, inner.host or outer.host, inner.date or outer.date, inner.program or outer.program)


def peeled(line: str, table: FrameTable) -> Frame | None:
    """Return a line split from the text that a container engine put before it, or None."""
    for frame in table.texts if table.any_text.match(line) is not None else ():
        match = frame.pattern.match(line)
        if match is not None:
            found = match.groupdict()
            date = found.get("date")
            return Frame(
                line[match.end() :], found.get("host"), dated(date) if date else None, found.get("program") or ""
            )
    return None


def unwrapped(value: Mapping[str, object], table: FrameTable) -> Iterable[Frame]:
    """Return the lines that a collector may have put into an object, each with what the object knows of it.

    Several collectors keep a line under one name, and each names other things beside it: what one description does not
    find, the next ones may.
    """
    found: dict[str, Frame] = {}
    for frame in table.objects:
        line = line_at(value, frame.line)
        if line:
            date = dated(text_at(value, frame.date))
            program = text_at(value, frame.program).partition("[")[0]  # "postfix/smtp[281]:" is rsyslog's tag
            one = Frame(line, text_at(value, frame.host) or None, date, program)
            found[line] = within(found[line], one) if line in found else one
    return found.values()


def framed(line: str) -> bool:
    """Return whether a logger has added a prefix to a line."""
    return _BEGINS.match(line) is not None and unframe(line).body != line


def unframe(line: str) -> Frame:
    """Split a line from the prefix that a logger added."""
    match = _PLAIN.match(line)
    if match is not None:
        date, host, program = match.groups()
        return Frame(line[match.end() :], host, None if date is None else _date(date), program)
    first = line[:1]
    if first == "<":
        return _structured(line)
    if first == "@" and (match := _TAI64N.match(line)) is not None:
        return Frame(line[match.end() :], None, moment(int(match[1], 16) - _TAI_EPOCH))
    match = _TAG.match(line)
    return Frame(line) if match is None else Frame(line[match.end() :], program=match[1])


def _structured(line: str) -> Frame:
    match = _HEADER.match(line)
    if match is None:
        return Frame(line)
    at = match.end()
    if line.startswith("- ", at):
        at += 2
    else:
        while (element := _ELEMENT.match(line, at)) is not None:
            at = element.end()
        at += line.startswith(" ", at)
    host = None if match[2] == "-" else match[2]
    body = line[at:].removeprefix(_BOM).removeprefix(" ")  # rsyslog keeps the blank behind a tag of RFC 3164
    return Frame(body, host, parse_date(match[1]), match[3])


def _date(text: str) -> datetime | None:
    """Parse a date, without the weekday that journalctl's "short-full" prepends."""
    return dated(text[4:] if text[0].isalpha() else text)


def dated(text: str) -> datetime | None:
    """Return a date in words, or as seconds, milliseconds, microseconds or nanoseconds since 1970."""
    digits = text.partition(".")[0]
    if not (digits.isdecimal() and digits.isascii()):
        return parse_date(text) if text else None
    return moment(int(digits) // 1000 ** max(0, (len(digits) - 8) // 3)) if len(digits) < 22 else None


def moment(seconds: float) -> datetime | None:
    """Return the datetime so many seconds after 1970 in UTC, or None if it is out of range."""
    return datetime.fromtimestamp(seconds, UTC) if 0 <= seconds <= _FUTURE else None
