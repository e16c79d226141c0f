"""Count reports in one pass and in bounded memory, however long a log is.

Every verdict counts once, as `classify` lists it. Nothing is remembered of single messages or recipients: only counts by
hour, domain, provider and reply, and of each of these a limited number. What comes after the limit is counted together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from undeliverable import Advice, Reason, Report, Verdict
from undeliverable.rates import domain_of
from undeliverable.summary._masked import masked
from undeliverable.summary._numbers import Numbers, outcome_of
from undeliverable.summary._record import ReasonCount, Span, Summary

__all__ = ["SummaryCounter", "time_of"]

_HOUR: Final = len("2026-11-29T13")
_AHEAD: Final = timedelta(days=1)
_HOURS: Final = 20_000  # dates in mail are written by strangers: more than two years of hours is no period but noise
_DOMAINS: Final = 50_000
_REPLIES: Final = 20_000
_SHOWN: Final = 100  # domains that a summary names
_NAMED: Final = 200  # blocklists and the like; few replies name one that nobody else does

_Why = tuple[str, str, str]  # reason, bounce type, advice


class SummaryCounter:
    """A counter of reports.

    :ivar lines: number of log lines that were read; the caller counts them, since most lines give no report.
    """

    __slots__ = (
        "_advice",
        "_at",
        "_domains",
        "_hours",
        "_kinds",
        "_named",
        "_no_hour",
        "_now",
        "_other",
        "_outside",
        "_providers",
        "_replies",
        "_seen",
        "_span",
        "_totals",
        "_types",
        "_undated",
        "_why",
        "_zone",
        "lines",
    )  # fmt: skip

    def __init__(self, span: Span | None = None, *, zone: tzinfo = UTC, now: datetime | None = None) -> None:
        """Start without reports.

        :param span: the only time that counts; everything by default.
        :param zone: the zone whose hours the mail is counted by.
        :param now: the time, with a zone; dates more than a day later are taken for none. Strangers write them.
        """
        self.lines = 0
        self._span = Span() if span is None else span.at(zone)
        self._zone = zone
        self._now = now
        self._kinds: Counter[str] = Counter()
        self._types: Counter[str] = Counter()
        self._advice: Counter[str] = Counter()
        self._named: Counter[str] = Counter()
        self._totals = Numbers()
        self._hours: dict[str, Numbers] = {}
        self._domains: dict[str, Numbers] = {}
        self._other = Numbers()
        self._providers: dict[str, Numbers] = {}
        self._why: Counter[_Why] = Counter()
        self._at: Counter[tuple[str, str]] = Counter()
        self._replies: Counter[tuple[_Why, str]] = Counter()
        self._seen: tuple[datetime, datetime] | None = None
        self._outside = self._undated = self._no_hour = 0

    def add(self, report: Report, time: datetime | None = None) -> bool:
        """Count a report, unless it is outside the span; return True if it counts.

        :param time: when it came, if the caller knows better than the report; a time without a zone is taken as UTC.
        """
        time = _zoned(time or time_of(report))
        if time is not None and self._now is not None and time - self._now > _AHEAD:
            time = None
        if not self._counts(time):
            return False
        self._kinds[str(report.kind)] += 1
        hour = self._hour(time)
        for verdict in report.verdicts:
            if verdict.bounce_type is not None:
                self._types[str(verdict.bounce_type)] += 1
            outcome = outcome_of(report, verdict)
            if outcome is not None:
                self._add(verdict, outcome, hour)
        return True

    def _counts(self, time: datetime | None) -> bool:
        if time is None:
            self._undated += 1
            return self._span.is_open
        if time not in self._span:
            self._outside += 1
            return False
        first, last = self._seen or (time, time)
        self._seen = min(first, time), max(last, time)
        return True

    def _hour(self, time: datetime | None) -> Numbers | None:
        """Return the numbers of the hour of a time, None if there is none."""
        if time is None:
            return None
        name = self._local(time).isoformat()[:_HOUR]
        if name not in self._hours and len(self._hours) >= _HOURS:
            return None
        return self._hours.setdefault(name, Numbers())

    def _local(self, time: datetime) -> datetime:
        """Return a time as clocks of the zone show it."""
        try:
            return time.astimezone(self._zone)
        except OverflowError:  # a date at the very end of the calendar
            return time

    def _add(self, verdict: Verdict, outcome: str, hour: Numbers | None) -> None:
        self._totals.add(outcome)
        if hour is None:
            self._no_hour += 1
        else:
            hour.add(outcome)
        domain = domain_of(verdict)
        if domain is not None:
            self._domain(domain).add(outcome)
        if verdict.provider is not None:
            self._providers.setdefault(verdict.provider, Numbers()).add(outcome)
        if outcome in {"hard", "soft", "undetermined"}:
            self._fail(verdict, outcome)

    def _domain(self, name: str) -> Numbers:
        if name not in self._domains and len(self._domains) >= _DOMAINS:
            return self._other
        return self._domains.setdefault(name, Numbers())

    def _fail(self, verdict: Verdict, outcome: str) -> None:
        reason, advice = str(verdict.reason or Reason.UNDEFINED), str(verdict.advice or "none")
        why = (reason, outcome, advice)
        self._advice[advice] += 1
        self._why[why] += 1
        if verdict.provider is not None:
            self._at[verdict.provider, reason] += 1
        if verdict.advice is Advice.FIX_SENDER:
            name = verdict.auth_mechanism or verdict.blocklist
            if name is not None and (name in self._named or len(self._named) < _NAMED):
                self._named[name] += 1
        key = (why, masked(verdict.reply or ""))
        if verdict.reply and (key in self._replies or len(self._replies) < _REPLIES):
            self._replies[key] += 1

    def summary(self, *, sent: int | None = None, is_complete: bool = False) -> Summary:
        """Return the current numbers.

        :param sent: the number of messages sent, where it is known.
        :param is_complete: True if every delivery was counted as well, as in a log: the number sent is known then.
        :raises ValueError: when `sent` is negative.
        """
        if sent is not None and sent < 0:
            raise ValueError("the number of messages sent is negative")
        domains = _ranked(self._domains)
        other = replace(self._other)
        for _, numbers in domains[_SHOWN:]:
            other.join(numbers)
        first, last = self._seen or (None, None)
        return Summary(
            span=self._span,
            zone=str(self._zone),
            first=first and self._local(first),
            last=last and self._local(last),
            lines=self.lines,
            kinds=dict(self._kinds.most_common()),
            types=dict(self._types.most_common()),
            advice=dict(self._advice.most_common()),
            named=dict(self._named.most_common()),
            totals=replace(self._totals),
            sent=sent if sent is not None else self._totals.finished if is_complete else None,
            is_complete=is_complete,
            hours=_copied(sorted(self._hours.items())),
            no_hour=self._no_hour,
            domains=_copied(domains[:_SHOWN]),
            other_domains=other,
            providers=_copied(_ranked(self._providers)),
            reasons=self._reasons(),
            at=_nested(self._at),
            outside=self._outside,
            undated=self._undated,
        )

    def _reasons(self) -> tuple[ReasonCount, ...]:
        most: dict[_Why, tuple[str, int]] = {}
        for (why, reply), number in self._replies.items():
            if number > most.get(why, ("", 0))[1]:
                most[why] = reply, number
        rows = [ReasonCount(*why, number, *most.get(why, ("", 0))) for why, number in self._why.items()]
        return tuple(sorted(rows, key=lambda row: (-row.count, row.reason, row.bounce_type, row.advice)))


def time_of(report: Report) -> datetime | None:
    """Return when a report came: its receipt, else the last attempt, else the date that the report itself gives."""
    if report.received is not None:
        return report.received
    attempts = (verdict.last_attempt_date for verdict in report.verdicts)
    return next(filter(None, attempts), None) or report.message.date or report.message.arrival_date


def _zoned(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _copied(groups: Iterable[tuple[str, Numbers]]) -> dict[str, Numbers]:
    """Return the groups with numbers of their own: a summary must not change while counting goes on."""
    return {name: replace(numbers) for name, numbers in groups}


def _ranked(groups: Mapping[str, Numbers]) -> list[tuple[str, Numbers]]:
    return sorted(groups.items(), key=_weight)


def _weight(item: tuple[str, Numbers]) -> tuple[int, ...] | tuple[int | str, ...]:
    name, numbers = item
    return -numbers.failed, -numbers.complaints, -numbers.deferred, -numbers.delivered, name


def _nested(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (provider, reason), number in sorted(counts.items()):
        found.setdefault(provider, {})[reason] = number
    return found
