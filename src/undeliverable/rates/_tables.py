"""Tables of bounce and complaint rates, by campaign, source, segment, provider, domain or day.

A recipient counts once per message or campaign, with its worst result: a soft failure that is followed by a hard one is
one hard failure. Rates are computed from the numbers of messages sent, which the caller supplies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from undeliverable import Action, BounceType, Kind, Report, Verdict
from undeliverable.rates._levels import Decision, Level, Levels, Share
from undeliverable.tags import TagPlaces, Tags, tags_of

__all__ = [
    "By", "GroupRate", "RateCounter", "Rates", "bounce_rates", "day_of", "domain_of", "group_of", "group_rate", "has_failed",
    "is_worse", "moment_of", "unit_of",
]  # fmt: skip


class By(StrEnum):
    """The groupings of reports."""

    CAMPAIGN = "campaign"
    SOURCE = "source"
    SEGMENT = "segment"
    PROVIDER = "provider"
    DOMAIN = "domain"
    DAY = "day"


_LEVELS: Final = Levels()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRate:
    """The numbers of one group, or of all groups together.

    A recipient counts once per message or campaign, with its worst result.

    :ivar group: the name; None for recipients without one.
    :ivar sent: number of messages sent, None if unknown.
    :ivar hard: number of recipients that failed hard; likewise `soft` and `undetermined`.
    :ivar complaints: number of recipients that complained.
    :ivar bounce: the rate of hard bounces, None if `sent` is unknown or 0.
    :ivar complaint: the rate of complaints, None likewise.
    :ivar decision: the stricter decision of both rates; None without rates.
    :ivar bounce_level: the highest level that the bounce rate reaches.
    :ivar complaint_level: the highest level that the complaint rate reaches.
    """

    group: str | None
    sent: int | None
    hard: int
    soft: int
    undetermined: int
    complaints: int
    bounce: Share | None
    complaint: Share | None
    decision: Decision | None
    bounce_level: Level | None
    complaint_level: Level | None

    @property
    def failed(self) -> int:
        """The number of recipients that failed, for whatever reason."""
        return self.hard + self.soft + self.undetermined

    def to_dict(self) -> dict[str, object]:
        """Return the numbers as JSON values, rates as fractions."""
        return {
            "group": self.group,
            "sent": self.sent,
            "hard": self.hard,
            "soft": self.soft,
            "undetermined": self.undetermined,
            "complaints": self.complaints,
            "bounce_rate": _rates(self.bounce),
            "complaint_rate": _rates(self.complaint),
            "decision": None if self.decision is None else str(self.decision),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """A table of rates.

    :ivar by: the grouping.
    :ivar groups: a row for each group; days in order, otherwise the most hard bounces first.
    :ivar total: the numbers of all groups together.
    """

    by: By
    groups: tuple[GroupRate, ...]
    total: GroupRate

    def __getitem__(self, group: str | None) -> GroupRate:
        """Return the row of a group; raise KeyError if there is none."""
        for row in self.groups:
            if row.group == group:
                return row
        raise KeyError(group)

    def decided(self, decision: Decision) -> tuple[str | None, ...]:
        """Return the names of the groups with this decision."""
        return tuple(row.group for row in self.groups if row.decision is decision)

    def to_dict(self) -> dict[str, object]:
        """Return the table as JSON values."""
        return {
            "by": str(self.by),
            "groups": [row.to_dict() for row in self.groups],
            "total": self.total.to_dict(),
        }


def bounce_rates(
    reports: Iterable[Report],
    *,
    sent: Mapping[str, int] | int | None = None,
    by: By | str = By.CAMPAIGN,
    levels: Levels = _LEVELS,
    places: TagPlaces | None = None,
) -> Rates:
    """Return the rates of hard bounces and of complaints for each group, with their 95 % intervals and a decision.

    :param reports: iterated once; a failure that is reported twice counts once.
    :param sent: number of messages sent per group, or in total. Groups without any report get a row as well.
    :param by: ``campaign``, ``source``, ``segment``, ``provider``, ``domain`` or ``day`` (``2026-11-20``, in UTC).
    :param levels: the limits for rates, and the number of messages that a decision needs.
    :param places: where to find campaign, source and segment; :class:`~undeliverable.tags.TagPlaces` by default.
    :raises ValueError: when `by` is unknown, or a number sent is negative.
    """
    counter = RateCounter(by)
    for report in reports:
        counter.add(report, tags_of(report) if places is None else tags_of(report, places))
    return counter.rates(by, sent, levels)


@dataclass(slots=True)
class _Count:
    """The units of one group with their worst failure, and those that complained."""

    worst: dict[str, BounceType] = field(default_factory=dict[str, BounceType])
    complaints: set[str] = field(default_factory=set[str])

    def add(self, unit: str, kind: BounceType | None) -> None:
        """Count a failure, or a complaint if there is no bounce type."""
        if kind is None:
            self.complaints.add(unit)
            return
        known = self.worst.get(unit)
        if known is None or is_worse(kind, known):
            self.worst[unit] = kind

    def number(self, kind: BounceType) -> int:
        return sum(found is kind for found in self.worst.values())


_SEVERITY: Final = {BounceType.SOFT: 0, BounceType.UNDETERMINED: 1, BounceType.HARD: 2}


def is_worse(one: BounceType, other: BounceType) -> bool:
    """Return True if `one` replaces `other` where a recipient has both: hard before undetermined before soft."""
    return _SEVERITY[one] > _SEVERITY[other]


class RateCounter:
    """A counter of reports for several groupings in one pass; :func:`bounce_rates` is simpler for a single one."""

    __slots__ = ("_groups", "_total")

    def __init__(self, *groupings: By | str) -> None:
        """Count by each of `groupings`; raise ValueError for an unknown one."""
        self._groups: dict[By, dict[str | None, _Count]] = {By(by): {} for by in groupings}
        self._total = _Count()

    def add(self, report: Report, tags: Tags) -> None:
        """Count the failed recipients, or the complaints, of a report."""
        complained = report.kind is Kind.COMPLAINT
        for verdict in report.verdicts:
            if not complained and not has_failed(report, verdict):
                continue
            kind = None if complained else verdict.bounce_type
            unit = unit_of(report, verdict, tags)
            self._total.add(unit, kind)
            for by, groups in self._groups.items():
                name = _GROUPS[by](report, verdict, tags)
                count = groups.get(name)
                if count is None:
                    count = groups[name] = _Count()
                count.add(unit, kind)

    def rates(self, by: By | str, sent: Mapping[str, int] | int | None = None, levels: Levels = _LEVELS) -> Rates:
        """Return the current table of one grouping; arguments and errors are those of :func:`bounce_rates`."""
        by = By(by)
        groups = self._groups[by]
        numbers: Mapping[str, int] = sent if isinstance(sent, Mapping) else {}
        if any(number < 0 for number in (numbers.values() if not isinstance(sent, int) else (sent,))):
            raise ValueError("a number of messages sent is negative")
        rows = [
            _row(name, groups.get(name, _Count()), None if name is None else numbers.get(name), levels)
            for name in dict.fromkeys((*groups, *numbers))
        ]
        rows.sort(key=_by_name if by is By.DAY else _by_weight)
        whole = sent if isinstance(sent, int) else sum(numbers.values()) if numbers else None
        return Rates(by=by, groups=tuple(rows), total=_row(None, self._total, whole, levels))


# A delayed recipient has a bounce type, but has not failed yet.
_FAILED: Final = frozenset({Action.FAILED, None})


def has_failed(report: Report, verdict: Verdict) -> bool:
    """Return True if the recipient failed; a delayed one has not yet, and complaints are counted separately."""
    return report.kind is Kind.BOUNCE and verdict.bounce_type is not None and verdict.action in _FAILED


def moment_of(report: Report, verdict: Verdict) -> datetime | None:
    """Return when a failure happened, in UTC: the last attempt, else the date of the report, else of the original message.

    A time without a zone is taken for UTC.
    """
    message = report.message
    time = verdict.last_attempt_date or message.date or message.arrival_date
    if time is None and message.returned is not None:
        time = message.returned.date
    if time is None or time.tzinfo is None:
        return None if time is None else time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError:  # a record may hold any date
        return None


def day_of(report: Report, verdict: Verdict) -> date | None:
    """Return the day of a failure in UTC, as :func:`moment_of` has it."""
    moment = moment_of(report, verdict)
    return None if moment is None else moment.date()


def unit_of(report: Report, verdict: Verdict, tags: Tags) -> str:
    """Return the key under which a failure counts once: recipient and campaign or, without campaign, message."""
    if verdict.recipient is None:
        return verdict.key
    returned = report.message.returned
    message = tags.campaign or (None if returned is None else returned.message_id)
    return verdict.key if message is None else f"{message}\n{verdict.recipient.casefold()}"


def domain_of(verdict: Verdict) -> str | None:
    """Return the domain of the recipient in lower case, None without one."""
    _, at, domain = (verdict.recipient or "").rpartition("@")
    return domain.lower().rstrip(".") if at and domain else None


def _day(report: Report, verdict: Verdict, _: Tags) -> str | None:
    day = day_of(report, verdict)
    return None if day is None else day.isoformat()


def group_of(by: By, report: Report, verdict: Verdict, tags: Tags) -> str | None:
    """Return the group of a grouping that a verdict counts in, None for those without one."""
    return _GROUPS[by](report, verdict, tags)


_GROUPS: Final[Mapping[By, Callable[[Report, Verdict, Tags], str | None]]] = {
    By.CAMPAIGN: lambda _report, _verdict, tags: tags.campaign,
    By.SOURCE: lambda _report, _verdict, tags: tags.source,
    By.SEGMENT: lambda _report, _verdict, tags: tags.segment,
    By.PROVIDER: lambda _report, verdict, _tags: verdict.provider,
    By.DOMAIN: lambda _report, verdict, _tags: domain_of(verdict),
    By.DAY: _day,
}


def _row(name: str | None, count: _Count, sent: int | None, levels: Levels) -> GroupRate:
    numbers = {str(kind): count.number(kind) for kind in BounceType}
    return group_rate(name, sent, complaints=len(count.complaints), levels=levels, **numbers)


def group_rate(
    group: str | None,
    sent: int | None,
    *,
    hard: int = 0,
    soft: int = 0,
    undetermined: int = 0,
    complaints: int = 0,
    levels: Levels = _LEVELS,
) -> GroupRate:
    """Return the rates of a group whose numbers are known, and the decision that follows from them.

    :param sent: the number of messages sent to it; without it there are neither rates nor a decision.
    """
    bounce = Share.of(hard, sent) if sent else None
    complaint = Share.of(complaints, sent) if sent else None
    decisions = [
        share.decision(own, levels.minimum)
        for share, own in ((bounce, levels.bounce), (complaint, levels.complaint))
        if share is not None
    ]
    return GroupRate(
        group=group,
        sent=sent,
        hard=hard,
        soft=soft,
        undetermined=undetermined,
        complaints=complaints,
        bounce=bounce,
        complaint=complaint,
        decision=max(decisions, key=list(Decision).index, default=None),
        bounce_level=None if bounce is None else bounce.reaches(levels.bounce, levels.minimum),
        complaint_level=None if complaint is None else complaint.reaches(levels.complaint, levels.minimum),
    )


def _by_name(row: GroupRate) -> tuple[bool, str]:
    return row.group is None, row.group or ""


def _by_weight(row: GroupRate) -> tuple[int, int, bool, str]:
    return -row.hard, -row.failed - row.complaints, row.group is None, row.group or ""


def _rates(share: Share | None) -> dict[str, float] | None:
    return None if share is None else {"rate": share.rate, "low": share.low, "high": share.high}
