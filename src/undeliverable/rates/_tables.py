"""Bounce and complaint rates with their uncertainty, and what to do about them: `ok`, `watch` or `pause`.

Pure: reports and the numbers of messages sent go in, a table comes out. No clock, no files, no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date
from enum import StrEnum
from typing import Final

from undeliverable import Action, BounceType, Kind, Report, Verdict
from undeliverable.rates._levels import Decision, Level, Levels, Share
from undeliverable.tags import TagPlaces, Tags, tags_of

__all__ = ["By", "GroupRate", "RateCounter", "Rates", "bounce_rates", "day_of", "has_failed", "unit_of"]


class By(StrEnum):
    """What reports are grouped by."""

    CAMPAIGN = "campaign"
    SOURCE = "source"
    SEGMENT = "segment"
    PROVIDER = "provider"
    DOMAIN = "domain"
    DAY = "day"


_LEVELS: Final = Levels()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRate:
    """The numbers of one group, or of all of them.

    One recipient counts once for each message or campaign, with the worst that was heard of it.

    :ivar group: its name; None gathers what names none.
    :ivar sent: how many messages were sent, None where that is not known.
    :ivar hard: how many recipients failed hard; `soft` and `undetermined` as well.
    :ivar complaints: how many recipients complained.
    :ivar bounce: the rate of hard bounces, None where `sent` is not known or 0.
    :ivar complaint: the rate of complaints.
    :ivar decision: the more careful one of both rates; None where there is no rate.
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
        """How many recipients failed, for whatever reason."""
        return self.hard + self.soft + self.undetermined

    def to_dict(self) -> dict[str, object]:
        """The numbers as JSON values, rates as fractions."""
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

    :ivar by: what it is grouped by.
    :ivar groups: a row for each group; days in their order, else the most hard bounces first.
    :ivar total: all of them together.
    """

    by: By
    groups: tuple[GroupRate, ...]
    total: GroupRate

    def __getitem__(self, group: str | None) -> GroupRate:
        """The row of a group; raises KeyError where there is none."""
        for row in self.groups:
            if row.group == group:
                return row
        raise KeyError(group)

    def decided(self, decision: Decision) -> tuple[str | None, ...]:
        """The names of the groups for which this was decided."""
        return tuple(row.group for row in self.groups if row.decision is decision)

    def to_dict(self) -> dict[str, object]:
        """The table as JSON values."""
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
    """Rates of hard bounces and of complaints for each group, with their 95 % intervals and a decision.

    :param reports: each read once; the same failure heard twice counts once.
    :param sent: how many messages each group was sent, or how many in all. Groups that nothing was heard of have their
        row, too.
    :param by: ``campaign``, ``source``, ``segment``, ``provider``, ``domain`` or ``day`` (``2026-11-20``, in UTC).
    :param levels: when a rate is too high, and how many messages it takes to say so.
    :param places: where campaign, source and segment stand; the usual places unless given.
    :raises ValueError: when `by` is nothing of this, or a number sent is negative.
    """
    counter = RateCounter(by)
    for report in reports:
        counter.add(report, tags_of(report) if places is None else tags_of(report, places))
    return counter.rates(by, sent, levels)


@dataclass(slots=True)
class _Count:
    """The units of one group by what was heard of them; a soft failure gives way to a hard one."""

    fates: dict[str, BounceType] = field(default_factory=dict[str, BounceType])
    complaints: set[str] = field(default_factory=set[str])

    def add(self, unit: str, kind: BounceType | None) -> None:
        """Counts a failure, or a complaint where there is no bounce type."""
        if kind is None:
            self.complaints.add(unit)
            return
        known = self.fates.get(unit)
        if known is None or _WORSE[kind] > _WORSE[known]:
            self.fates[unit] = kind

    def number(self, kind: BounceType) -> int:
        return sum(fate is kind for fate in self.fates.values())


_WORSE: Final = {BounceType.SOFT: 0, BounceType.UNDETERMINED: 1, BounceType.HARD: 2}


class RateCounter:
    """Counts reports one by one, for tables of several kinds in one pass; :func:`bounce_rates` is the usual door."""

    __slots__ = ("_groups", "_total")

    def __init__(self, *groupings: By | str) -> None:
        """Counts by each of `groupings`; raises ValueError where one is nothing to group by."""
        self._groups: dict[By, dict[str | None, _Count]] = {By(by): {} for by in groupings}
        self._total = _Count()

    def add(self, report: Report, tags: Tags) -> None:
        """Counts what a report says of its recipients."""
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
        """The table so far of one of the groupings; arguments and errors as of :func:`bounce_rates`."""
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
    """Whether a recipient failed for good: what is delayed has not, and complaints are counted apart."""
    return report.kind is Kind.BOUNCE and verdict.bounce_type is not None and verdict.action in _FAILED


def day_of(report: Report, verdict: Verdict) -> date | None:
    """The day, in UTC, that a verdict is about: of the last attempt, else of the report, else of the message."""
    message = report.message
    time = verdict.last_attempt_date or message.date or message.arrival_date
    if time is None and message.returned is not None:
        time = message.returned.date
    if time is None:
        return None
    return time.date() if time.tzinfo is None else time.astimezone(UTC).date()


def unit_of(report: Report, verdict: Verdict, tags: Tags) -> str:
    """What counts once: a recipient of a campaign or, where no campaign is named, of a message."""
    if verdict.recipient is None:
        return verdict.key
    returned = report.message.returned
    message = tags.campaign or (None if returned is None else returned.message_id)
    return verdict.key if message is None else f"{message}\n{verdict.recipient.casefold()}"


def _domain(_: Report, verdict: Verdict, _tags: Tags) -> str | None:
    _local, at, domain = (verdict.recipient or "").rpartition("@")
    return domain.lower().rstrip(".") if at and domain else None


def _day(report: Report, verdict: Verdict, _: Tags) -> str | None:
    day = day_of(report, verdict)
    return None if day is None else day.isoformat()


_GROUPS: Final[Mapping[By, Callable[[Report, Verdict, Tags], str | None]]] = {
    By.CAMPAIGN: lambda _report, _verdict, tags: tags.campaign,
    By.SOURCE: lambda _report, _verdict, tags: tags.source,
    By.SEGMENT: lambda _report, _verdict, tags: tags.segment,
    By.PROVIDER: lambda _report, verdict, _tags: verdict.provider,
    By.DOMAIN: _domain,
    By.DAY: _day,
}


def _row(name: str | None, count: _Count, sent: int | None, levels: Levels) -> GroupRate:
    hard = count.number(BounceType.HARD)
    bounce = Share.of(hard, sent) if sent else None
    complaint = Share.of(len(count.complaints), sent) if sent else None
    decisions = [
        share.decision(own, levels.minimum)
        for share, own in ((bounce, levels.bounce), (complaint, levels.complaint))
        if share is not None
    ]
    return GroupRate(
        group=name,
        sent=sent,
        hard=hard,
        soft=count.number(BounceType.SOFT),
        undetermined=count.number(BounceType.UNDETERMINED),
        complaints=len(count.complaints),
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
